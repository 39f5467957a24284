//! What can go wrong with the word index.

use std::{
    error::Error,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use tantivy::{
    TantivyError,
    directory::{
        INDEX_WRITER_LOCK, META_LOCK,
        error::{LockError, OpenDirectoryError, OpenReadError, OpenWriteError},
    },
};

use crate::files::{self, FileError};

/// Why the word index could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum LexicalError {
    /// Opened for reading where no index is.
    #[error("there is no word index in `{}`", dir.display())]
    Missing {
        /// Where it was looked for.
        dir: PathBuf,
    },
    /// Opened for reading, and not usable. Opening it for writing replaces it.
    #[error("the word index in `{}` cannot be used: {why}", dir.display())]
    Damaged {
        /// Where it lies.
        dir: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Another index object, here or in another process, is writing it.
    #[error("somebody else is writing the word index in `{}`", dir.display())]
    Busy {
        /// Where it lies.
        dir: PathBuf,
    },
    /// A change was asked of an index that was opened for reading.
    #[error("the word index in `{}` is open for reading only", dir.display())]
    ReadOnly {
        /// Where it lies.
        dir: PathBuf,
    },
    /// The monitor called it off; the index shows what it showed before.
    #[error("bringing the word index up to date was called off")]
    Cancelled,
    /// The disk has no room; the index shows what it showed before.
    #[error("the disk is full: the word index in `{}` was not brought up to date", dir.display())]
    Full {
        /// Where it lies.
        dir: PathBuf,
        /// What the library says.
        #[source]
        source: TantivyError,
    },
    /// This process may not read or write a file of it; says nothing about the index.
    #[error("the word index in `{}` could not be {action}", dir.display())]
    Refused {
        /// Where it lies.
        dir: PathBuf,
        /// What was tried: `opened`, `written`, `searched`.
        action: &'static str,
        /// The file it failed on.
        #[source]
        source: FileError,
    },
    /// The operating system or the library refused.
    #[error("the word index in `{}` could not be {action}", dir.display())]
    Failed {
        /// Where it lies.
        dir: PathBuf,
        /// What was tried: `opened`, `written`, `searched`.
        action: &'static str,
        /// What the library says.
        #[source]
        source: TantivyError,
    },
    /// What the index is built from could not be read.
    #[error(transparent)]
    Source(#[from] SourceError),
}

impl LexicalError {
    /// Names what was done where to an error of the library, and picks out the ones that callers treat differently.
    pub(super) fn from_engine(dir: &Path, action: &'static str, source: TantivyError) -> Self {
        let dir = dir.to_owned();
        if matches!(&source, TantivyError::LockFailure(LockError::LockBusy, _)) {
            Self::Busy { dir }
        } else if let Some(source) = refusal(&dir, &source) {
            Self::Refused { dir, action, source }
        } else if io_cause(&source).is_some_and(|cause| cause.kind() == io::ErrorKind::StorageFull) {
            Self::Full { dir, source }
        } else {
            Self::Failed { dir, action, source }
        }
    }

    /// The same for a call to the operating system.
    pub(super) fn from_io(dir: &Path, action: &'static str, source: io::Error) -> Self {
        Self::from_engine(dir, action, TantivyError::IoError(Arc::new(source)))
    }
}

/// Why the passages could not be read from where they are stored.
#[derive(Debug, thiserror::Error)]
#[error("the passages to index could not be read")]
pub struct SourceError(#[source] Box<dyn Error + Send + Sync>);

impl SourceError {
    /// Keeps the cause.
    #[must_use]
    pub fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}

/// The file that the operating system has not given the rights to, where it has not.
fn refusal(dir: &Path, error: &TantivyError) -> Option<FileError> {
    let cause = io_cause(error).filter(|cause| cause.kind() == io::ErrorKind::PermissionDenied)?;
    let path = match error {
        TantivyError::OpenReadError(OpenReadError::IoError { filepath, .. })
        | TantivyError::OpenWriteError(OpenWriteError::IoError { filepath, .. }) => dir.join(filepath),
        // It does not say which of its locks.
        TantivyError::LockFailure(..) => {
            let locks = [&META_LOCK, &INDEX_WRITER_LOCK].map(|lock| dir.join(&lock.filepath));
            locks.into_iter().find(|lock| files::closed(lock).is_some()).unwrap_or_else(|| dir.to_owned())
        }
        _ => dir.to_owned(),
    };
    // In the words of the system: the library adds its own names of things.
    let source = cause.raw_os_error().map_or_else(|| cause.kind().into(), io::Error::from_raw_os_error);
    Some(FileError { action: "open", path, source })
}

/// The error of the operating system behind an error of the library.
pub(super) fn io_cause(error: &TantivyError) -> Option<&io::Error> {
    match error {
        TantivyError::IoError(cause)
        | TantivyError::OpenReadError(OpenReadError::IoError { io_error: cause, .. })
        | TantivyError::OpenWriteError(OpenWriteError::IoError { io_error: cause, .. })
        | TantivyError::OpenDirectoryError(OpenDirectoryError::IoError { io_error: cause, .. })
        | TantivyError::LockFailure(LockError::IoError(cause), _) => Some(cause),
        _ => None,
    }
}
