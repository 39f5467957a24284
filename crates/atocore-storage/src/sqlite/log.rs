//! The write-ahead log: how far it has come, and folding it into the database.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::StorageError;

/// What stands before each page in the log, and before the first one, in bytes.
const FRAME_HEADER: u64 = 24;
const LOG_HEADER: u64 = 32;

/// How far the log has come, in frames: one is one page with what stands before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LogState {
    /// Frames that are in use.
    pub(super) frames: u64,
    /// Those of them that are in the database file already.
    pub(super) folded: u64,
}

impl LogState {
    /// Whether the database can be read without the log.
    pub(super) const fn is_folded(self) -> bool {
        self.folded == self.frames
    }

    /// Size of what is in use, for pages of that size.
    pub(super) const fn bytes(self, page: u64) -> u64 {
        match self.frames {
            0 => 0,
            frames => LOG_HEADER + frames * (FRAME_HEADER + page),
        }
    }

    /// Size of the pages that are not in the database file yet.
    pub(super) const fn unfolded_bytes(self, page: u64) -> u64 {
        self.frames.saturating_sub(self.folded) * page
    }
}

/// Asks how far the log has come, without doing anything; `None` when that cannot be told at this instant. The
/// connection may write, and is in no transaction.
pub(super) fn state(connection: &Connection) -> Result<Option<LogState>, StorageError> {
    checkpoint(connection, "NOOP")
}

/// Folds as much of the log into the database as readers allow, without waiting for anybody, and says how far that
/// went; `None` when somebody else is at it.
pub(super) fn fold(connection: &Connection) -> Result<Option<LogState>, StorageError> {
    checkpoint(connection, "PASSIVE")
}

fn checkpoint(connection: &Connection, mode: &str) -> Result<Option<LogState>, StorageError> {
    let (busy, frames, folded): (i64, i64, i64) =
        connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
    let state = u64::try_from(frames).ok().zip(u64::try_from(folded).ok());
    Ok(state.filter(|_| busy == 0).map(|(frames, folded)| LogState { frames, folded }))
}

/// The log that belongs to a database.
pub(super) fn path(database: &Path) -> PathBuf {
    let mut log = database.as_os_str().to_owned();
    log.push("-wal");
    log.into()
}

/// The size of a page of the database.
pub(super) fn page_size(connection: &Connection) -> Result<u64, StorageError> {
    Ok(connection.pragma_query_value(None, "page_size", |row| row.get(0))?)
}
