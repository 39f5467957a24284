//! Files that are read or written piece by piece by code that knows readers and writers only, such as archives.
//!
//! Never for a database that this process has open: closing the descriptor would drop SQLite's locks on it.

use std::{
    io::{self, Read, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use super::{FileError, OpenFile, named, private};

/// An open file to read from, front to back.
#[derive(Debug)]
pub struct FileReader(OpenFile);

impl FileReader {
    /// Opens a file, or a pipe that has a name; that waits for its writer.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        named("open", path, OpenFile::open(path)).map(Self)
    }
}

impl Read for FileReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

/// A small file of ours that is overwritten in place, always with the same number of bytes.
#[derive(Debug)]
pub(crate) struct OverwrittenFile(OpenFile);

impl OverwrittenFile {
    /// Replaces whatever file stands under `path`. Only for whoever alone writes it.
    ///
    /// # Errors
    /// When it cannot be written.
    ///
    /// # Durability
    /// None, as of [`super::write_atomic_unsynced`]; nor of [`OverwrittenFile::overwrite`].
    pub(crate) fn begin(path: &Path, bytes: &[u8]) -> Result<Self, FileError> {
        super::remove_staged(path)?;
        super::write_atomic_unsynced(path, bytes)?;
        named("open", path, private::open_or_create(path, false)).map(Self)
    }

    /// Gives it other bytes; other processes that have it open see them at once.
    ///
    /// # Errors
    /// When they cannot be written.
    pub(crate) fn overwrite(&self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, 0)
    }
}

/// A new file to write to, front to back.
#[derive(Debug)]
pub struct NewFile {
    path: PathBuf,
    file: OpenFile,
}

impl NewFile {
    /// Creates a file that must not exist yet.
    ///
    /// # Errors
    /// When the name is taken, or the file cannot be created.
    pub fn create(path: &Path) -> Result<Self, FileError> {
        let file = named("create", path, private::create_new(path))?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Ends the writing and returns the size of the file.
    ///
    /// # Errors
    /// When it cannot be synced.
    ///
    /// # Durability
    /// The bytes are on disk when this returns `Ok`; the name once the folder is synced.
    pub fn finish(self) -> Result<u64, FileError> {
        named("sync", &self.path, self.file.sync_all())?;
        Ok(named("look at", &self.path, self.file.metadata())?.len())
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
