//! The version of the last change that was acknowledged, in a file beside the database. When a page of the write-ahead log
//! is damaged, SQLite drops the transactions from there on and says nothing; the file then tells that there were more.
//!
//! It is written after each commit and never synced. After a power cut it may tell an earlier version than the database,
//! which is in order; a later one it never tells unless the database has lost something. A store that is closed has no
//! log and no such file, so that another database may be put in its place by hand.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use atocore_model::id::{Generation, StoreVersion};
use rusqlite::Connection;

use super::{ReadTransaction, StorageError};
use crate::files::{self, FileError, Kind, OverwrittenFile};

/// The file beside a database. Removing it makes whatever the database holds count.
#[must_use]
pub fn acknowledged_file(database: &Path) -> PathBuf {
    files::with_ending(database, "-acknowledged")
}

/// Refuses a database that does not hold the last change that was acknowledged.
///
/// # Errors
/// [`StorageError::ChangesLost`]; or when it cannot be read.
pub(super) fn insist(database: &Path, connection: &Connection) -> Result<(), StorageError> {
    // Looked at first: another process may commit meanwhile.
    let Some(acknowledged) = read(database)? else { return Ok(()) };
    let read = ReadTransaction { connection };
    if read.has(acknowledged)? {
        return Ok(());
    }
    let (acknowledged, found) = (acknowledged.generation, read.generation()?);
    Err(StorageError::ChangesLost { acknowledged, found, database: database.to_owned() })
}

/// The version in the file beside a database; `None` when there is none, or what is there tells none.
fn read(database: &Path) -> Result<Option<StoreVersion>, FileError> {
    let path = acknowledged_file(database);
    let Some(Kind::File(SIZE)) = files::kind(&path)? else { return Ok(None) };
    Ok(files::read_if_present(&path)?.and_then(|bytes| parse(&bytes)))
}

fn parse(bytes: &[u8]) -> Option<StoreVersion> {
    let (generation, token) = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?.split_once(' ')?;
    Some(StoreVersion { generation: Generation(generation.parse().ok()?), token: token.parse().ok()? })
}

/// The file beside a store that is open for writing.
#[derive(Debug)]
pub(super) struct Acknowledged {
    file: OverwrittenFile,
    told: Mutex<StoreVersion>,
}

impl Acknowledged {
    /// Begins the file anew with the version that the store has; `None` where it cannot be written, which leaves the store
    /// without this proof.
    pub(super) fn begin(database: &Path, version: StoreVersion) -> Option<Self> {
        let file = OverwrittenFile::begin(&acknowledged_file(database), &text(version)).ok()?;
        Some(Self { file, told: Mutex::new(version) })
    }

    /// Notes a version that is about to be acknowledged. Failing does no harm: the file then tells an earlier one.
    pub(super) fn note(&self, version: StoreVersion) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if version.generation > told.generation && self.file.overwrite(&text(version)).is_ok() {
            *told = version;
        }
    }
}

/// The size of the file.
const SIZE: u64 = 42;

/// Always the same length, so that it is overwritten as a whole.
fn text(StoreVersion { generation, token }: StoreVersion) -> Vec<u8> {
    format!("{:020} {token:020}\n", generation.0).into_bytes()
}
