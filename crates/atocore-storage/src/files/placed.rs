//! Whether a file is still the one that stands under its name. A descriptor goes on working when the name was removed,
//! given to another file or hidden by another disk; what is written through it is then lost.
//!
//! Looks by path only, and opens nothing: closing a descriptor of a live database would drop SQLite's locks on it.

use std::{
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::{FileError, named};

/// Which file it is: the same number on the same disk is the same file for as long as somebody has it open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileIdentity {
    device: u64,
    inode: u64,
}

impl FileIdentity {
    pub(super) fn of(data: &std::fs::Metadata) -> Self {
        Self { device: data.dev(), inode: data.ino() }
    }

    /// The file under a name, links followed; `None` when there is none.
    pub(super) fn at(path: &Path) -> io::Result<Option<Self>> {
        match std::fs::metadata(path) {
            Ok(data) => Ok(Some(Self::of(&data))),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// Whether two paths, or what exists of them, lie in one file system.
///
/// # Errors
/// When one cannot be looked at.
pub fn are_on_one_disk(one: &Path, other: &Path) -> Result<bool, FileError> {
    let device = |path: &Path| {
        let existing = path.ancestors().find(|path| path.exists()).unwrap_or(path);
        named("look at the disk of", existing, existing.metadata().map(|found| found.dev()))
    };
    Ok(device(one)? == device(other)?)
}

/// A file that this process has open, and where it was when it was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    path: PathBuf,
    identity: FileIdentity,
}

/// A file that is not any more where this process opened it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` {how} while this process has it open", path.display())]
pub struct Displaced {
    /// Where it was.
    pub path: PathBuf,
    /// What became of it: `was removed`.
    pub how: &'static str,
}

impl Placed {
    /// Remembers which file stands under `path`; `None` when there is none.
    ///
    /// # Errors
    /// When that cannot be seen.
    pub fn at(path: &Path) -> Result<Option<Self>, FileError> {
        let identity = named("look at", path, FileIdentity::at(path))?;
        Ok(identity.map(|identity| Self { path: path.to_owned(), identity }))
    }

    pub(super) fn new(path: &Path, identity: FileIdentity) -> Self {
        Self { path: path.to_owned(), identity }
    }

    /// Its size; `None` when another file stands there, or none that can be seen.
    pub(crate) fn size(&self) -> Option<u64> {
        let found = std::fs::metadata(&self.path).ok()?;
        (FileIdentity::of(&found) == self.identity).then_some(found.len())
    }

    /// Whether the same file still stands there.
    ///
    /// # Errors
    /// When none does, another one does, or that cannot be seen.
    pub fn check(&self) -> Result<(), Displaced> {
        let how = match FileIdentity::at(&self.path) {
            Ok(Some(found)) if found == self.identity => return Ok(()),
            Ok(Some(_)) => "was replaced",
            Ok(None) => "was removed",
            Err(_) => "cannot be reached any more",
        };
        Err(Displaced { path: self.path.clone(), how })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files;

    #[test]
    fn a_file_is_missed_once_it_is_removed_replaced_or_its_folder_is_and_found_when_it_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let (folder, away) = (dir.path().join("folder"), dir.path().join("away"));
        let path = folder.join("file");
        files::create_dirs(&folder).unwrap();
        assert_eq!(Placed::at(&path).unwrap(), None);
        files::write_synced(&path, b"1").unwrap();
        let placed = Placed::at(&path).unwrap().unwrap();
        placed.check().unwrap();
        files::rename(&folder, &away).unwrap();
        assert_eq!(placed.check().unwrap_err().how, "was removed");
        files::create_dirs(&folder).unwrap();
        files::write_synced(&path, b"1").unwrap();
        assert_eq!(placed.check().unwrap_err().how, "was replaced");
        files::remove_tree(&folder).unwrap();
        files::rename(&away, &folder).unwrap();
        placed.check().unwrap();
    }
}
