//! The write-ahead log: its state, and checkpoints.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::StorageError;
use crate::files;

/// Sizes of the header of a frame and of the log, in bytes.
const FRAME_HEADER: u64 = 24;
const LOG_HEADER: u64 = 32;

/// The state of the log, in frames: a frame is one page and its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LogState {
    /// Frames in use.
    pub(super) frames: u64,
    /// Frames that are in the database file already.
    pub(super) checkpointed: u64,
}

impl LogState {
    /// Whether the database can be read without the log.
    pub(super) const fn is_checkpointed(self) -> bool {
        self.checkpointed == self.frames
    }

    /// Size of what is in use, for pages of that size.
    pub(super) const fn bytes(self, page: u64) -> u64 {
        match self.frames {
            0 => 0,
            frames => LOG_HEADER + frames * (FRAME_HEADER + page),
        }
    }

    /// Size of the pages that are not in the database file yet.
    pub(super) const fn bytes_to_checkpoint(self, page: u64) -> u64 {
        self.frames.saturating_sub(self.checkpointed) * page
    }
}

/// Reads the state of the log without changing it; `None` when it is unknown at this instant. The connection may write,
/// and is in no transaction.
pub(super) fn state(connection: &Connection) -> Result<Option<LogState>, StorageError> {
    run(connection, "NOOP")
}

/// Checkpoints as much of the log as readers allow, without waiting, and returns the state after it; `None` while
/// another checkpoint runs.
pub(super) fn checkpoint(connection: &Connection) -> Result<Option<LogState>, StorageError> {
    run(connection, "PASSIVE")
}

fn run(connection: &Connection, mode: &str) -> Result<Option<LogState>, StorageError> {
    let (busy, frames, checkpointed): (i64, i64, i64) =
        connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
    let state = u64::try_from(frames).ok().zip(u64::try_from(checkpointed).ok());
    Ok(state.filter(|_| busy == 0).map(|(frames, checkpointed)| LogState { frames, checkpointed }))
}

/// The log that belongs to a database.
pub(super) fn path(database: &Path) -> PathBuf {
    files::with_ending(database, "-wal")
}

/// The size of a page of the database.
pub(super) fn page_size(connection: &Connection) -> Result<u64, StorageError> {
    Ok(connection.pragma_query_value(None, "page_size", |row| row.get(0))?)
}
