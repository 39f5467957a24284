//! The only code of this crate that opens, writes, renames and deletes files.
//!
//! This crate stays free of the storage layer, so it has its own few file functions; they write below the models
//! folder only.

use std::{fs, io, io::Read, os::unix::fs::OpenOptionsExt, path::Path};

use crate::error::ModelError;

/// An open file. The alias is the one place where the type is named.
#[expect(clippy::disallowed_types, reason = "this module is the one that opens files")]
pub(crate) type ModelFile = fs::File;

/// Opens a model file for reading and tells its length.
///
/// # Errors
/// When it is missing, no regular file, or cannot be read.
pub(crate) fn open(path: &Path) -> Result<(ModelFile, u64), ModelError> {
    let error = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            ModelError::Missing { path: path.to_owned() }
        }
        _ => ModelError::Unreadable { path: path.to_owned(), source },
    };
    // Looked at first: opening a pipe would wait for a writer.
    let metadata = fs::metadata(path).map_err(error)?;
    if !metadata.is_file() {
        return Err(error(io::Error::other("it is not a regular file")));
    }
    Ok((ModelFile::open(path).map_err(error)?, metadata.len()))
}

/// The longest file that is read at once: far above any tokenizer, far below memory.
const LONGEST: u64 = 256 << 20;

/// Reads a small model file whole.
///
/// # Errors
/// When it is missing, cannot be read, or is longer than any tokenizer.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, ModelError> {
    let unreadable = |source| ModelError::Unreadable { path: path.to_owned(), source };
    let (file, length) = open(path)?;
    if length > LONGEST {
        return Err(unreadable(io::Error::other("it is too long for what it should be")));
    }
    let mut bytes = Vec::new();
    file.take(LONGEST).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

/// Opens a file that is there to be locked, creating it for this user alone when it is missing. What was put under its
/// name instead, such as a link or a pipe, is refused.
///
/// # Errors
/// When it cannot be created or opened.
pub(crate) fn lock_file(path: &Path) -> io::Result<ModelFile> {
    match ModelFile::options().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => return made,
    }
    if !fs::symlink_metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a file of its own"));
    }
    ModelFile::options().write(true).open(path)
}

/// Makes the names in a folder survive a power cut.
///
/// # Errors
/// When the folder cannot be opened or synced.
pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    if cfg!(unix) { ModelFile::open(path)?.sync_all() } else { Ok(()) }
}

/// Moves a folder of ours to another name on the same disk.
///
/// # Errors
/// When the target exists and is not an empty folder, or the disk refuses.
#[expect(
    clippy::disallowed_methods,
    reason = "the syncs around it are the caller's, on folders of this crate"
)]
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}

/// Deletes a staging folder of ours; one that is not there is fine.
///
/// # Errors
/// When something in it cannot be deleted.
#[expect(
    clippy::disallowed_methods,
    reason = "called on staging folders only, which hold nothing of the user"
)]
pub(crate) fn remove_staging(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
