//! What stands under a name, and how to take a name without replacing what stands there.

use std::{
    io,
    os::fd::AsFd,
    path::{Path, PathBuf},
};

use rustix::fs::{FileType, OFlags, fcntl_getfl, fstat, stat};

use super::{FileError, create_dirs, named, parent, private, sync};

/// What stands under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file of that many bytes.
    File(u64),
    /// A folder.
    Folder,
    /// A symbolic link, to whatever it leads.
    Link,
    /// A pipe, socket or device: opening it can block for ever.
    Special,
}

/// What stands under `path`, without following a link; `None` when nothing does.
///
/// # Errors
/// When the folder that would hold it cannot be searched.
pub fn kind(path: &Path) -> Result<Option<Kind>, FileError> {
    let data = match std::fs::symlink_metadata(path) {
        Ok(data) => data,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(source) => return named("look at", path, Err(source)),
    };
    let kind = data.file_type();
    Ok(Some(if kind.is_file() {
        Kind::File(data.len())
    } else if kind.is_dir() {
        Kind::Folder
    } else if kind.is_symlink() {
        Kind::Link
    } else {
        Kind::Special
    }))
}

/// Whether there is something under `path`, links followed.
///
/// # Errors
/// When that cannot be seen: what may not be looked at is not taken for missing.
pub fn exists(path: &Path) -> Result<bool, FileError> {
    match path.try_exists() {
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(false),
        seen => named("look at", path, seen),
    }
}

/// A path without links, as far as what it names exists; what does not exist is appended as it is written.
#[must_use]
pub fn resolved(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let existing = path.ancestors().find_map(|existing| {
        let (real, rest) = (existing.canonicalize().ok()?, path.strip_prefix(existing).ok()?);
        Some(if rest.as_os_str().is_empty() { real } else { real.join(rest) })
    });
    existing.unwrap_or(path)
}

/// The path whose name has `ending` behind it: `atocore.db-wal` beside `atocore.db`.
#[must_use]
pub fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// The name that `path` leads to, past every link that stands there; what it leads to need not exist.
///
/// # Errors
/// When a link cannot be read, or they lead in a circle.
pub fn followed(path: &Path) -> Result<PathBuf, FileError> {
    /// As many as the system itself follows.
    const MOST_LINKS: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        if kind(&path)? != Some(Kind::Link) {
            return Ok(path);
        }
        path = parent(&path).join(named("read the link", &path, std::fs::read_link(&path))?);
    }
    named("follow the link", &path, Err(io::Error::other("the links lead in a circle")))
}

/// Whether somebody has taken away the permission to write to what stands under `path`, from everybody.
///
/// # Errors
/// When it cannot be looked at.
pub fn is_read_only(path: &Path) -> Result<bool, FileError> {
    Ok(named("look at", path, std::fs::symlink_metadata(path))?.permissions().readonly())
}

/// Whether a program that was started with this one closed has the null device in its place, open for reading and
/// writing: what is written to it is lost, and nobody asked for that.
#[must_use]
pub fn was_closed(stream: impl AsFd) -> bool {
    let (Ok(found), Ok(flags)) = (fstat(&stream), fcntl_getfl(&stream)) else { return true };
    let null = stat("/dev/null").is_ok_and(|null| null.st_rdev == found.st_rdev);
    null && FileType::from_raw_mode(found.st_mode).is_char_device() && flags.contains(OFlags::RDWR)
}

/// Creates one folder that must not exist yet, in one that must.
///
/// # Errors
/// When the name is taken or the folder cannot be created.
pub fn create_new_dir(dir: &Path) -> Result<(), FileError> {
    named("create the folder", dir, private::create_dir(dir, false))
}

/// Creates a folder and those above it that are missing.
///
/// # Errors
/// When one of them cannot be created, or a folder that holds a new one not be synced.
///
/// # Durability
/// The names of the new folders are on disk when this returns `Ok`.
pub fn create_dirs_synced(dir: &Path) -> Result<(), FileError> {
    let missing: Vec<_> = dir.ancestors().take_while(|folder| !folder.is_dir()).collect();
    create_dirs(dir)?;
    missing
        .into_iter()
        .filter(|folder| !folder.as_os_str().is_empty())
        .try_for_each(|made| sync(parent(made)))
}

/// Renames `from` to `to`, which must not exist, and syncs the folders that hold them.
///
/// Two processes cannot both succeed. Where the file system cannot promise that in one step, the name is looked at
/// first, and an empty folder that appears in between is replaced.
///
/// # Errors
/// When the name is taken (`AlreadyExists`), or the rename or a sync fails.
///
/// # Durability
/// The new name is on disk when this returns `Ok`.
pub fn rename_new(from: &Path, to: &Path) -> Result<(), FileError> {
    named("rename", from, rename_exclusive(from, to))?;
    sync(parent(to))?;
    if parent(from) == parent(to) { Ok(()) } else { sync(parent(from)) }
}

#[cfg(any(target_os = "linux", target_os = "macos"))]
fn rename_exclusive(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::{
        fs::{CWD, RenameFlags, renameat_with},
        io::Errno,
    };
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => rename_after_looking(from, to),
        result => Ok(result?),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn rename_exclusive(from: &Path, to: &Path) -> io::Result<()> {
    rename_after_looking(from, to)
}

/// For file systems without an exclusive rename.
fn rename_after_looking(from: &Path, to: &Path) -> io::Result<()> {
    if to.symlink_metadata().is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    #[expect(clippy::disallowed_methods, reason = "the caller surrounds it with syncs")]
    std::fs::rename(from, to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files;

    #[test]
    fn a_taken_name_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (from, empty, file) =
            (dir.path().join("from"), dir.path().join("empty"), dir.path().join("file"));
        create_new_dir(&from).unwrap();
        create_new_dir(&empty).unwrap();
        files::write_synced(&file, b"kept").unwrap();
        for taken in [&empty, &file] {
            let error = rename_new(&from, taken).unwrap_err();
            assert_eq!(error.source.kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(rename_after_looking(&from, taken).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
            assert!(create_new_dir(taken).is_err());
        }
        rename_new(&from, &dir.path().join("to")).unwrap();
        rename_after_looking(&dir.path().join("to"), &from).unwrap();
        assert_eq!(files::list(dir.path()).unwrap(), [empty, file, from]);
    }

    #[test]
    fn links_are_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        files::write_synced(&dir.path().join("file"), b"1234").unwrap();
        assert_eq!(kind(&dir.path().join("file")).unwrap(), Some(Kind::File(4)));
        assert_eq!(kind(dir.path()).unwrap(), Some(Kind::Folder));
        assert_eq!(kind(&dir.path().join("none")).unwrap(), None);
        assert_eq!(kind(&dir.path().join("file/below")).unwrap(), None);
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(dir.path().join("file"), dir.path().join("link")).unwrap();
            assert_eq!(kind(&dir.path().join("link")).unwrap(), Some(Kind::Link));
        }
    }
}
