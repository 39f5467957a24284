//! Keeps a snapshot from being removed while somebody reads it.

use std::{path::Path, thread, time::Duration};

use atocore_model::monitor::Monitor;
use atocore_storage::files::{self, Locked};

use crate::{BackupError, manifest::FILE_NAME, take::proceed};

/// A removal has the lock for as long as it takes to move the snapshot; whoever has it longer is none of ours.
const MOST_ATTEMPTS: usize = 400;

/// Takes a lock on the metadata of the snapshot at `dir` that any number of readers may have, and that no removal gets
/// past. Writes nothing. `None` when there is no such file, or where it cannot be locked: reading goes on without.
///
/// # Errors
/// [`BackupError::Cancelled`].
pub(crate) fn lock_for_reading(dir: &Path, monitor: &dyn Monitor) -> Result<Option<Locked>, BackupError> {
    let path = dir.join(FILE_NAME);
    for _ in 0..MOST_ATTEMPTS {
        // Only a file of its own: opening a pipe would block.
        if !matches!(files::kind(dir), Ok(Some(files::Kind::Folder)))
            || !matches!(files::kind(&path), Ok(Some(files::Kind::File(_))))
        {
            return Ok(None);
        }
        match files::try_lock_shared(&path) {
            Ok(None) => {}
            Ok(lock) => return Ok(lock),
            Err(_) => return Ok(None),
        }
        proceed(monitor)?;
        thread::sleep(Duration::from_millis(5));
    }
    Ok(None)
}
