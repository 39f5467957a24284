//! Pins: a file `pins/<stamp>` in the backup directory says that a snapshot stays. A person may make one by hand.

use atocore_model::{id::SnapshotId, monitor::Silent};
use atocore_storage::files::{self, FileError, Kind};

use crate::{BackupError, snapshot_directory::SnapshotDirectory, stage};

/// Pins a snapshot; the note says to people why. A pin that is there gets the new note.
///
/// # Errors
/// [`BackupError::Unknown`] when there is no such snapshot; or when the pin cannot be written.
///
/// # Durability
/// The pin is on disk when this returns `Ok`, and no removal that begins later takes the snapshot.
pub fn pin(directory: &SnapshotDirectory, stamp: SnapshotId, note: &str) -> Result<(), BackupError> {
    if files::kind(&directory.snapshot(stamp))? != Some(Kind::Folder) {
        return Err(BackupError::Unknown(stamp));
    }
    // Together with the look, so that no removal comes in between.
    let _choosing = stage::lock(&directory.lock_file(), &Silent)?;
    if files::kind(&directory.snapshot(stamp))?.is_none() {
        return Err(BackupError::Unknown(stamp));
    }
    files::create_dirs_synced(&directory.pins())?;
    Ok(files::write_atomic(&directory.pin(stamp), note.as_bytes())?)
}

/// Removes the pin of a snapshot, which need not be there any more. Returns whether there was one.
///
/// # Errors
/// When the pin cannot be removed.
///
/// # Durability
/// The pin is gone from the disk when this returns `Ok(true)`.
pub fn unpin(directory: &SnapshotDirectory, stamp: SnapshotId) -> Result<bool, BackupError> {
    if !is_pinned(directory, stamp)? {
        return Ok(false);
    }
    files::remove_file(&directory.pin(stamp))?;
    files::sync(&directory.pins())?;
    Ok(true)
}

/// Whether a snapshot is pinned: whatever stands under the name of its pin counts.
///
/// # Errors
/// When that cannot be looked at.
pub fn is_pinned(directory: &SnapshotDirectory, stamp: SnapshotId) -> Result<bool, BackupError> {
    let pins = directory.pins();
    // A link to a disk that is not mounted, for example: what it has is not known.
    let folder = files::followed(&pins)?;
    match files::kind(&folder)? {
        Some(Kind::Folder) => {}
        None if folder == pins => return Ok(false),
        _ => {
            let source = std::io::ErrorKind::NotADirectory.into();
            return Err(FileError { action: "look into", path: pins, source }.into());
        }
    }
    Ok(files::kind(&directory.pin(stamp))?.is_some())
}
