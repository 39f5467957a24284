//! The version of the last change that was acknowledged, in a file beside the database. When a page of the write-ahead log
//! is damaged, SQLite drops the transactions from there on and says nothing; the file then tells that there were more.
//!
//! It is written after each commit and never synced. After a power cut it may tell an earlier version than the database,
//! which is in order; a later one it tells only when the database has lost something, or was replaced by hand. Then the
//! database was changed after the file was.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use atocore_model::id::{Generation, StoreVersion};
use rusqlite::Connection;

use super::{ReadTransaction, StorageError};
use crate::files::{self, FileError, Kind, OverwrittenFile, beneath::stamp_if_present};

/// The file beside a database. Removing it makes whatever the database holds count.
#[must_use]
pub fn acknowledged_file(database: &Path) -> PathBuf {
    files::with_ending(database, "-acknowledged")
}

/// Refuses a database that does not hold the last change that was acknowledged, and was not put there since.
///
/// # Errors
/// [`StorageError::ChangesLost`]; or when it cannot be read.
pub(super) fn insist(database: &Path, connection: &Connection) -> Result<(), StorageError> {
    // Looked at first: another process may commit meanwhile.
    let Some(acknowledged) = read(database)? else { return Ok(()) };
    let read = ReadTransaction { connection };
    let changed = |path: &Path| stamp_if_present(path).ok().flatten().map(|stamp| stamp.changed_ns);
    if read.has(acknowledged)? || changed(database) > changed(&acknowledged_file(database)) {
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

    /// Notes, after every commit, the version that is about to be acknowledged; `None` where the commit left it as it was.
    /// Failing does no harm: the file then tells an earlier one.
    pub(super) fn note(&self, version: Option<StoreVersion>) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(version) = version.filter(|version| version.generation > told.generation) {
            *told = version;
        }
        drop(self.file.overwrite(&text(*told)));
    }
}

/// The size of the file.
const SIZE: u64 = 42;

/// Always the same length, so that it is overwritten as a whole.
fn text(StoreVersion { generation, token }: StoreVersion) -> Vec<u8> {
    format!("{:020} {token:020}\n", generation.0).into_bytes()
}
