//! The only code that writes, renames, copies or deletes files outside SQLite and the indexes.
//!
//! Every function names the path in its error, and says what is on disk when it returns `Ok`.

pub mod beneath;
#[cfg(feature = "fault")]
mod fault;
mod file_systems;
mod handle;
mod leavings;
mod lock;
mod names;
mod placed;
mod private;
mod rights;
pub mod sealed;
pub mod stream;

use std::{
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

pub use file_systems::{FileSystems, Mount, in_time};
pub(crate) use handle::OverwrittenFile;
pub use handle::{FileReader, NewFile};
pub use leavings::is_leaving;
pub use lock::{Locked, exclusive_lock_holders, is_locked, lock_holders, try_lock, try_lock_shared};
pub use names::{
    Kind, create_dirs_synced, create_new_dir, exists, followed, is_read_only, kind, rename_new, resolved,
    was_closed, with_ending,
};
pub use placed::{Displaced, Placed, are_on_one_disk};
pub use private::{
    close_to_others, close_tree_to_others, create_privately, is_staged, open_to_others, owner, read_trusted,
    refuse_shared_folder, user, writable_by_others,
};
pub use rights::{PermissionProblem, closed, is_on_read_only_disk};

/// A file operation that failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} `{}`", path.display())]
pub struct FileError {
    /// What was tried: `read`, `write`, `rename`.
    pub action: &'static str,
    /// On what.
    pub path: PathBuf,
    /// Why it failed.
    pub source: io::Error,
}

impl FileError {
    /// Whether there is no room on the disk, or the quota is used up.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self.source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }

    /// Whether this process has not got the rights it needs.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.source.kind() == io::ErrorKind::PermissionDenied
    }

    /// Whether the disk is mounted for reading only.
    #[must_use]
    pub fn is_on_read_only_disk(&self) -> bool {
        self.source.kind() == io::ErrorKind::ReadOnlyFilesystem
    }

    /// Whether the thing is not there.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }
}

/// Attaches what was tried and on what to an I/O error.
fn named<T>(action: &'static str, path: &Path, result: io::Result<T>) -> Result<T, FileError> {
    #[cfg(feature = "fault")]
    fault::count();
    result.map_err(|source| FileError { action, path: path.to_owned(), source })
}

/// An open file. The alias is the one place where the type is named.
#[expect(clippy::disallowed_types, reason = "this module is the one that opens files")]
type OpenFile = std::fs::File;

/// Opens a file for reading, or a folder to sync it. Anything else is refused: opening a pipe would wait for a writer.
fn open(path: &Path) -> Result<OpenFile, FileError> {
    let opened = std::fs::metadata(path).and_then(|data| {
        if data.is_file() || data.is_dir() {
            OpenFile::open(path)
        } else {
            Err(io::Error::other("it is not a regular file"))
        }
    });
    named("open", path, opened)
}

/// Makes sure that what was written to `path` (a file or a folder) survives a power cut.
///
/// # Errors
/// When the path cannot be opened or synced.
///
/// # Durability
/// For a folder: the names in it. For a file: its bytes and size.
pub fn sync(path: &Path) -> Result<(), FileError> {
    let file = open(path)?;
    named("sync", path, file.sync_all())
}

/// Syncs every file and folder below `dir`, then `dir` itself.
///
/// # Errors
/// When something below it cannot be read or synced.
pub fn sync_tree(dir: &Path) -> Result<(), FileError> {
    for entry in list(dir)? {
        if !entry.is_dir() {
            sync(&entry)?;
        } else if !is_absent_or_empty(&entry)? {
            // The name of an empty one is in the folder that holds it, and there is nothing else.
            sync_tree(&entry)?;
        }
    }
    sync(dir)
}

/// The folder that holds `path`; the current one when it has none.
fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

/// The paths in `dir`, sorted by name; links are listed, not followed.
///
/// # Errors
/// When the folder cannot be read.
pub fn list(dir: &Path) -> Result<Vec<PathBuf>, FileError> {
    let entries = named("list", dir, std::fs::read_dir(dir))?;
    let mut paths = entries
        .map(|entry| named("list", dir, entry.map(|entry| entry.path())))
        .collect::<Result<Vec<_>, _>>()?;
    paths.sort();
    Ok(paths)
}

/// Creates a folder and those above it.
///
/// # Errors
/// When one of them cannot be created.
pub fn create_dirs(dir: &Path) -> Result<(), FileError> {
    named("create the folder", dir, private::create_dir(dir, true))
}

/// Reads a whole file; `None` when there is none.
///
/// # Errors
/// When it is there and is no regular file, or cannot be read.
pub fn read_if_present(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    let read = open(path).and_then(|mut file| {
        let mut bytes = Vec::new();
        named("read", path, file.read_to_end(&mut bytes)).map(|_read| Some(bytes))
    });
    read.or_else(|error| if error.is_missing() { Ok(None) } else { Err(error) })
}

/// Reads what a person named to its end, a file or a pipe; `None` when there is none.
///
/// # Errors
/// When it is there and cannot be read.
pub fn read_named(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    match std::fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        read => named("read", path, read).map(Some),
    }
}

/// Replaces the file at `path` by one that holds `bytes`, or changes nothing.
///
/// # Errors
/// When the new file cannot be written, synced or renamed; the old one is then untouched.
///
/// # Durability
/// The new content is on disk under its name when this returns `Ok`; after a crash either the old or the new file
/// is there, whole.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let (staged, mut file) = private::stage(path)?;
    let mut written = || {
        named("write", &staged, file.write_all(bytes))?;
        named("sync", &staged, file.sync_all())?;
        rename(&staged, path)
    };
    clear_on_error(&staged, written())
}

/// [`write_atomic`] for a file that people edit: the new one has the rights and, where this process may, the owner of the
/// one that it replaces. Where there is none it is private, as everything else.
///
/// A link stays one and what it leads to is replaced; a file that is a mount point is overwritten as by [`replace`].
///
/// # Errors
/// As [`write_atomic`].
///
/// # Durability
/// As [`write_atomic`].
pub fn write_atomic_keeping_rights(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let path = &followed(path)?;
    let (staged, mut file) = private::stage(path)?;
    let mut written = || {
        named("write", &staged, file.write_all(bytes))?;
        named("set the rights of", &staged, private::keep_rights(&file, path))?;
        named("sync", &staged, file.sync_all())?;
        replace(&staged, path)
    };
    clear_on_error(&staged, written())
}

/// The first error is the one to report; a left-over temporary file does no harm.
fn clear_on_error<T>(staged: &Path, result: Result<T, FileError>) -> Result<T, FileError> {
    if result.is_err() {
        drop(std::fs::remove_file(staged));
    }
    result
}

/// Replaces the file at `path` as [`write_atomic`] does, without waiting for the disk.
///
/// For derived data that is checked when it is opened.
///
/// # Errors
/// When the new file cannot be written or renamed; the old one is then untouched.
///
/// # Durability
/// None: other processes see the old or the new file, whole; a power cut can take any of it.
pub fn write_atomic_unsynced(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let (staged, mut file) = private::stage(path)?;
    #[expect(clippy::disallowed_methods, reason = "nothing here is durable")]
    let result = named("write", &staged, file.write_all(bytes))
        .and_then(|()| named("rename", &staged, std::fs::rename(&staged, path)));
    clear_on_error(&staged, result)
}

/// Removes what a [`write_atomic`] to `path` left beside it when its process died half-way.
///
/// Only for whoever alone writes that file: another's work in progress would be removed too.
///
/// # Errors
/// When the folder cannot be read, or something cannot be removed.
pub fn remove_staged(path: &Path) -> Result<(), FileError> {
    let folder = parent(path);
    if is_absent_or_empty(folder)? {
        return Ok(());
    }
    for entry in list(folder)? {
        if is_staged(&entry, path) {
            remove_file(&entry)?;
        }
    }
    Ok(())
}

/// Writes a new file and syncs it; the name is durable only once its folder is synced too.
///
/// # Errors
/// When it cannot be created, written or synced, or is a link.
pub fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let mut file = named("create", path, private::open_or_create(path, true))?;
    named("write", path, file.write_all(bytes))?;
    named("sync", path, file.sync_all())
}

/// Renames `from` to `to` and syncs the folders that hold them.
///
/// # Errors
/// When the rename or a sync fails.
///
/// # Durability
/// The new name is on disk when this returns `Ok`.
pub fn rename(from: &Path, to: &Path) -> Result<(), FileError> {
    #[expect(clippy::disallowed_methods, reason = "this is the function that surrounds it with syncs")]
    let renamed = std::fs::rename(from, to);
    named("rename", from, renamed)?;
    sync(parent(to))?;
    if parent(from) == parent(to) { Ok(()) } else { sync(parent(from)) }
}

/// Puts the file `from` in the place of the file `to`.
///
/// From another disk it is copied beside `to` first. Where `to` cannot be renamed over, because it is a mount point of
/// its own, its bytes are overwritten instead, once there is room for all of them, and it stays the same file; `from` is
/// removed last, so that the same call finishes what a crash cut short. A link under the name of `to` is replaced, never
/// followed.
///
/// # Errors
/// When neither can be done.
///
/// # Durability
/// Name and bytes are on disk when this returns `Ok`.
pub fn replace(from: &Path, to: &Path) -> Result<(), FileError> {
    let is = |error: &FileError, kind| error.source.kind() == kind;
    match rename(from, to) {
        Err(error) if is(&error, io::ErrorKind::CrossesDevices) => {
            let (staged, target) = private::stage(to)?;
            let moved = copy_into(from, &staged, target).and_then(|()| match rename(&staged, to) {
                Err(error) if is(&error, io::ErrorKind::ResourceBusy) => {
                    overwrite(from, to)?;
                    remove_file(&staged)
                }
                result => result,
            });
            clear_on_error(&staged, moved)?;
        }
        Err(error) if is(&error, io::ErrorKind::ResourceBusy) => overwrite(from, to)?,
        result => return result,
    }
    remove_file(from)?;
    sync(parent(from))
}

/// Gives the file `to` the bytes of `from`. A disk without room for them is noticed before anything is overwritten.
fn overwrite(from: &Path, to: &Path) -> Result<(), FileError> {
    let size = named("look at", from, std::fs::metadata(from))?.len();
    let target = named("open", to, private::open_or_create(to, false))?;
    named("make room for", to, make_room(&target, size))?;
    copy_into(from, to, target)
}

fn copy_into(from: &Path, to: &Path, mut target: OpenFile) -> Result<(), FileError> {
    let bytes = named("copy", from, io::copy(&mut open(from)?, &mut target))?;
    named("cut off", to, target.set_len(bytes))?;
    named("sync", to, target.sync_all())
}

#[cfg(target_os = "linux")]
fn make_room(file: &OpenFile, bytes: u64) -> io::Result<()> {
    use rustix::{
        fs::{FallocateFlags, fallocate},
        io::Errno,
    };
    match fallocate(file, FallocateFlags::KEEP_SIZE, 0, bytes.max(1)) {
        // The file system cannot; then it is only noticed later.
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
        made => Ok(made?),
    }
}

#[cfg(not(target_os = "linux"))]
fn make_room(_: &OpenFile, _: u64) -> io::Result<()> {
    Ok(())
}

/// Copies a file that nothing writes to into a new one and syncs it; shares the blocks where the file system can.
///
/// Never for a database that this process has open: closing the descriptor would drop SQLite's locks on it.
///
/// # Errors
/// When the source cannot be read, or the target exists or cannot be written.
pub fn copy_synced(from: &Path, to: &Path) -> Result<u64, FileError> {
    let mut source = open(from)?;
    let mut target = named("create", to, private::create_new(to))?;
    let copied = match share_blocks(&source, &target) {
        Some(bytes) => bytes,
        // Within the kernel, where that can.
        None => named("copy", from, io::copy(&mut source, &mut target))?,
    };
    named("sync", to, target.sync_all())?;
    Ok(copied)
}

/// Lets the empty file `to` share all blocks of `from` until one of them is written to, and returns their size; `None`
/// where the file system cannot, or not between these two.
#[cfg(target_os = "linux")]
fn share_blocks(from: &OpenFile, to: &OpenFile) -> Option<u64> {
    rustix::fs::ioctl_ficlone(to, from).ok()?;
    to.metadata().ok().map(|data| data.len())
}

#[cfg(not(target_os = "linux"))]
fn share_blocks(_: &OpenFile, _: &OpenFile) -> Option<u64> {
    None
}

/// Cuts off what a file holds beyond its first `bytes`.
///
/// # Errors
/// When it is shorter, or cannot be written.
pub fn cut_off(path: &Path, bytes: u64) -> Result<(), FileError> {
    let file = named("open", path, OpenFile::options().write(true).open(path))?;
    if named("look at", path, file.metadata())?.len() < bytes {
        return named("cut off", path, Err(io::ErrorKind::UnexpectedEof.into()));
    }
    named("cut off", path, file.set_len(bytes))
}

/// Makes an empty file.
///
/// # Errors
/// When there is one already, or it cannot be created.
pub fn create_new_file(path: &Path) -> Result<(), FileError> {
    named("create", path, private::create_new(path)).map(drop)
}

/// Removes a file; it is fine when there is none.
///
/// # Errors
/// When it is there and cannot be removed.
pub fn remove_file(path: &Path) -> Result<(), FileError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => named("remove", path, result),
    }
}

/// Removes a folder that has nothing in it; it is fine when there is none.
///
/// # Errors
/// When it holds something, or cannot be removed.
pub fn remove_empty_folder(dir: &Path) -> Result<(), FileError> {
    match std::fs::remove_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => named("remove", dir, result),
    }
}

/// Removes a folder and all below it; links are removed, not followed. It is fine when there is none.
///
/// # Errors
/// When something of it cannot be removed.
pub fn remove_tree(dir: &Path) -> Result<(), FileError> {
    #[expect(clippy::disallowed_methods, reason = "this is the function that callers are sent to")]
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => named("remove", dir, result),
    }
}

/// Whether there is no such folder, or nothing in it.
///
/// # Errors
/// When it cannot be read, or is a file.
pub fn is_absent_or_empty(dir: &Path) -> Result<bool, FileError> {
    match std::fs::read_dir(dir) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(source) => Err(FileError { action: "list", path: dir.to_owned(), source }),
    }
}

/// Bytes that an ordinary user can still write on the file system of `path` (or of the nearest folder above it that
/// exists).
///
/// # Errors
/// When the file system does not answer.
pub fn free_bytes(path: &Path) -> Result<u64, FileError> {
    let existing = path.ancestors().find(|path| path.exists()).unwrap_or(path);
    let disk = rustix::fs::statvfs(existing).map_err(io::Error::from);
    named("look at the free space of", existing, disk.map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize)))
}

/// The size of a file; 0 when there is none.
///
/// # Errors
/// When it cannot be looked at.
pub fn size_if_present(path: &Path) -> Result<u64, FileError> {
    match std::fs::metadata(path) {
        Ok(found) => Ok(found.len()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(source) => Err(FileError { action: "look at", path: path.to_owned(), source }),
    }
}

/// Cuts a file down to `bytes`.
///
/// # Errors
/// When it is not there or cannot be written.
///
/// # Durability
/// None.
pub fn shorten(path: &Path, bytes: u64) -> Result<(), FileError> {
    let file = named("open", path, OpenFile::options().write(true).open(path))?;
    named("shorten", path, file.set_len(bytes))
}

/// The size of all files below `dir` together, links not followed; 0 when there is no such folder.
///
/// # Errors
/// When a folder below it cannot be read. What goes away meanwhile counts for nothing.
pub fn tree_bytes(dir: &Path) -> Result<u64, FileError> {
    let mut bytes = 0_u64;
    for path in match list(dir) {
        Err(error) if error.is_missing() => return Ok(0),
        listed => listed?,
    } {
        let Ok(found) = std::fs::symlink_metadata(&path) else { continue };
        bytes = bytes.saturating_add(if found.is_dir() { tree_bytes(&path)? } else { found.len() });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_atomic_write_replaces_and_leaves_no_temporary_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        for write in [write_atomic, write_atomic_unsynced] {
            write(&path, b"one").unwrap();
            write(&path, b"two").unwrap();
            assert_eq!(read_if_present(&path).unwrap().unwrap(), b"two");
            assert_eq!(list(dir.path()).unwrap(), std::slice::from_ref(&path));
        }
    }

    #[test]
    fn a_failed_atomic_write_keeps_the_old_file_and_names_the_path() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("taken");
        create_dirs(&path.join("inner")).unwrap();
        for write in [write_atomic, write_atomic_unsynced] {
            let error = write(&path, b"x").unwrap_err();
            assert!(error.to_string().contains("taken"), "{error}");
            assert_eq!(list(dir.path()).unwrap(), std::slice::from_ref(&path));
        }
    }

    #[test]
    fn nothing_is_copied_over_a_file_that_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        write_synced(&from, b"new").unwrap();
        write_synced(&to, b"old").unwrap();
        assert!(copy_synced(&from, &to).unwrap_err().to_string().contains("to"));
        assert!(create_new_file(&to).is_err());
        assert_eq!(read_if_present(&to).unwrap().unwrap(), b"old");
        remove_file(&to).unwrap();
        assert_eq!(copy_synced(&from, &to).unwrap(), 3);
        assert_eq!(read_if_present(&to).unwrap().unwrap(), b"new");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn files_that_cannot_share_blocks_are_copied_byte_by_byte() {
        let dir = tempfile::tempdir().unwrap();
        // On a file system of its own, so that it shares no block with any other.
        let (from, to) = (Path::new("/proc/version"), dir.path().join("to"));
        create_new_file(&to).unwrap();
        let writable = OpenFile::options().write(true).open(&to).unwrap();
        assert_eq!(share_blocks(&open(from).unwrap(), &writable), None);
        remove_file(&to).unwrap();
        let bytes = read_if_present(from).unwrap().unwrap();
        assert_eq!(copy_synced(from, &to).unwrap(), bytes.len() as u64);
        assert_eq!(read_if_present(&to).unwrap().unwrap(), bytes);
    }

    #[test]
    fn a_file_is_cut_off_and_never_made_longer() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        write_synced(&path, b"12345").unwrap();
        cut_off(&path, 3).unwrap();
        cut_off(&path, 3).unwrap();
        assert!(cut_off(&path, 4).is_err());
        assert_eq!(read_if_present(&path).unwrap().unwrap(), b"123");
    }

    #[test]
    fn a_pipe_in_the_place_of_a_file_is_an_error_and_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let refusals =
            [read_if_present(&path).unwrap_err(), sync(&path).unwrap_err(), try_lock(&path).unwrap_err()];
        for refused in refusals {
            assert_eq!(
                (refused.action, refused.source.to_string().as_str()),
                ("open", "it is not a regular file")
            );
        }
    }

    #[test]
    fn only_leftovers_of_dead_writers_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        for name in [".a.json.17.tmp", ".a.json.x.tmp", ".b.json.17.tmp", "a.json"] {
            write_synced(&dir.path().join(name), b"x").unwrap();
        }
        remove_staged(&path).unwrap();
        let left = list(dir.path()).unwrap();
        assert_eq!(left.len(), 3, "{left:?}");
        assert!(!dir.path().join(".a.json.17.tmp").exists());
        remove_staged(&dir.path().join("missing/a.json")).unwrap();
    }

    #[test]
    fn free_space_is_that_of_the_nearest_folder_that_exists() {
        let dir = tempfile::tempdir().unwrap();
        assert!(free_bytes(&dir.path().join("not/yet/there")).unwrap() > 0);
    }
}
