//! Whether the files of a store are what they must be, and are still that while it is open.

use std::{iter, path::Path, sync::atomic::Ordering};

use rusqlite::Connection;

use super::{SIDECARS, StorageError, Store, log};
use crate::files::{self, Kind, Placed};

impl Store {
    /// Whether everything that an owner has open still stands where it was opened. What is committed otherwise goes to
    /// a file that nobody finds again.
    ///
    /// # Errors
    /// [`StorageError::Gone`].
    pub fn in_place(&self) -> Result<(), StorageError> {
        Ok(self.placed.iter().try_for_each(Placed::check)?)
    }

    /// Whether the database file is as long as it was. SQLite would not notice: what it has read of it is in memory. One
    /// that was removed or replaced can still be read by whoever has it open.
    ///
    /// # Errors
    /// [`StorageError::Damaged`].
    pub(super) fn refuse_cut_off(&self) -> Result<(), StorageError> {
        let Some(size) = self.database.as_ref().and_then(Placed::size) else { return Ok(()) };
        let before = self.size.fetch_max(size, Ordering::Relaxed);
        if size >= before {
            return Ok(());
        }
        drop(self.damage.set(format!("the database was cut off from {before} to {size} bytes")));
        self.refuse_damaged()
    }

    /// Whether the file of the log has all frames that are in use. The writer is in no transaction.
    ///
    /// # Errors
    /// [`StorageError::Damaged`].
    pub(super) fn refuse_cut_log(&self, writer: &Connection) -> Result<(), StorageError> {
        if let (Ok(Some(log)), Some(size)) = (log::state(writer), size_of_log(&log::path(&self.path)))
            && size < log.bytes(self.page)
        {
            let whole = log.bytes(self.page);
            let why = format!("the log of the database was cut off from {whole} to {size} bytes");
            drop(self.damage.set(why));
            return self.refuse_damaged();
        }
        Ok(())
    }
}

/// A folder or a pipe in the place of the database or of what SQLite keeps beside it: opening a pipe would wait for its
/// other end, and SQLite does not say which file it cannot use. What cannot be looked at is for the opening to tell.
pub(super) fn refuse_what_is_no_file(path: &Path) -> Result<(), StorageError> {
    let database = files::followed(path).unwrap_or_else(|_| path.to_owned());
    let beside = SIDECARS.map(|ending| files::with_ending(path, ending));
    for file in iter::once(&database).chain(&beside) {
        if !matches!(files::kind(file), Err(_) | Ok(None | Some(Kind::File(_)))) {
            return Err(StorageError::damaged(&format!("`{}` is not a regular file", file.display())));
        }
    }
    Ok(())
}

/// The size of the log; `None` for what is not there, is no file, or cannot be looked at.
fn size_of_log(path: &Path) -> Option<u64> {
    match files::kind(path) {
        Ok(Some(Kind::File(size))) => Some(size),
        _ => None,
    }
}
