//! Whether the backup directory is the one it was.
//!
//! Where a disk is not mounted there is an empty folder: snapshots that are taken into it are hidden when the disk is
//! back, and fill another disk until then.

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use atocore_storage::{files, layout::Layout};

use crate::{BackupError, snapshot_directory::SnapshotDirectory};

/// The backup directory of an installation.
///
/// # Errors
/// [`BackupError::DirectoryGone`] when it had snapshots of this installation and has no folder for them any more, or would
/// be made below an empty folder: its disk is not mounted then. Or when it cannot be looked at.
pub fn directory(layout: &Layout) -> Result<SnapshotDirectory, BackupError> {
    let directory = SnapshotDirectory::new(&layout.backups);
    insist(&directory, layout)?;
    Ok(directory)
}

/// The backup directory into which the last snapshot of this installation was taken.
fn remembered(layout: &Layout) -> PathBuf {
    layout.backup_directory()
}

/// Refuses to begin a backup directory where one was, or, outside the home, right below an empty folder that was there
/// before.
///
/// # Errors
/// [`BackupError::DirectoryGone`]; or when it cannot be looked at.
pub(crate) fn insist(directory: &SnapshotDirectory, layout: &Layout) -> Result<(), BackupError> {
    let dir = directory.dir();
    if files::exists(&directory.snapshots())? {
        return Ok(());
    }
    let before = files::read_if_present(&remembered(layout))?;
    let is_that =
        |before: Vec<u8>| files::resolved(Path::new(OsStr::from_bytes(&before))) == files::resolved(dir);
    // Beside the data it is on their disk, unless one of its own is mounted there, which leaves an empty folder.
    let is_at_home = layout.data.parent().is_some_and(|home| dir.starts_with(home));
    let may_be_another = !is_at_home || files::exists(dir)? && files::is_absent_or_empty(dir)?;
    if may_be_another && before.is_some_and(is_that) {
        return Err(BackupError::DirectoryGone { dir: dir.to_owned(), empty: None });
    }
    // The folder itself may be empty: somebody made it for this.
    if is_at_home || files::exists(dir)? {
        return Ok(());
    }
    let existing = dir.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("/"));
    if files::list(existing)?.is_empty() {
        return Err(BackupError::DirectoryGone { dir: dir.to_owned(), empty: Some(existing.to_owned()) });
    }
    Ok(())
}

/// Makes sure that a snapshot may be taken into the backup directory. One that is gone as a whole is begun anew, and forgotten
/// first: cut short between its folders it would look like one whose disk is not mounted, at every further try.
///
/// # Errors
/// As [`insist`]; or when it cannot be forgotten.
pub(crate) fn begin(directory: &SnapshotDirectory, layout: &Layout) -> Result<(), BackupError> {
    insist(directory, layout)?;
    let remembered = remembered(layout);
    if !files::exists(directory.dir())? && files::exists(&remembered)? {
        files::remove_file(&remembered)?;
        files::sync(&layout.data)?;
    }
    Ok(())
}

/// Remembers into which directory a snapshot was taken.
///
/// # Errors
/// When that cannot be written.
pub(crate) fn remember(directory: &SnapshotDirectory, layout: &Layout) -> Result<(), BackupError> {
    let (path, dir) = (remembered(layout), directory.dir().as_os_str().as_encoded_bytes());
    if files::read_if_present(&path)?.is_some_and(|before| before == dir) {
        return Ok(());
    }
    Ok(files::write_atomic(&path, dir)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_is_begun_anew_is_no_disk_that_is_not_mounted_when_that_was_cut_short() {
        let home = tempfile::tempdir().unwrap();
        let layout = Layout::in_home(home.path());
        let directory = SnapshotDirectory::new(&layout.backups);
        files::create_dirs(&layout.data).unwrap();
        remember(&directory, &layout).unwrap();
        let is_gone = |what| matches!(what, Err(BackupError::DirectoryGone { empty: None, .. }));
        files::create_dirs(directory.dir()).unwrap();
        assert!(is_gone(insist(&directory, &layout)), "an empty folder may be a mount point");
        assert!(is_gone(begin(&directory, &layout)));
        files::remove_tree(directory.dir()).unwrap();
        begin(&directory, &layout).unwrap();
        files::create_dirs(directory.dir()).unwrap();
        begin(&directory, &layout).unwrap();
    }
}
