//! What can go wrong with the lexical index.

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

/// Why the lexical index could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum LexicalError {
    /// Opened for reading where no index is.
    #[error("no lexical index in `{}`", dir.display())]
    Missing {
        /// Where it was looked for.
        dir: PathBuf,
    },
    /// Opened for reading, and not usable. Opening it for writing replaces it.
    #[error("the lexical index in `{}` cannot be used: {why}", dir.display())]
    Damaged {
        /// Where it lies.
        dir: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Another index object, here or in another process, is writing it.
    #[error("another process is writing the lexical index in `{}`", dir.display())]
    Busy {
        /// Where it lies.
        dir: PathBuf,
    },
    /// A change was asked of an index that was opened for reading.
    #[error("the lexical index in `{}` is open for reading only", dir.display())]
    ReadOnly {
        /// Where it lies.
        dir: PathBuf,
    },
    /// The monitor cancelled; the index shows what it showed before.
    #[error("updating the lexical index was cancelled")]
    Cancelled,
    /// The disk has no room; the index shows what it showed before.
    #[error("the disk is full: the lexical index in `{}` was not brought up to date", dir.display())]
    Full {
        /// Where it lies.
        dir: PathBuf,
        /// What the library says.
        #[source]
        source: TantivyError,
    },
    /// This process may not read or write a file of it; says nothing about the index.
    #[error("the lexical index in `{}` could not be {action}", dir.display())]
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
    #[error("the lexical index in `{}` could not be {action}", dir.display())]
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
        } else if io_cause(&source).is_some_and(|cause| is_full(&cause)) {
            Self::Full { dir, source }
        } else {
            Self::Failed { dir, action, source }
        }
    }

    /// Why the operating system did not let the index be opened or written, for want of room or for another reason: it
    /// says nothing about the index, nor about what it is built from. `None` where that is not what went wrong, and where
    /// this process lacks the rights: that is somebody else's installation as a rule, and is told at once.
    #[must_use]
    pub fn os_error(&self) -> Option<io::Error> {
        match self {
            Self::Full { source, .. } | Self::Failed { source, .. } => io_cause(source),
            _ => None,
        }
    }

    /// Whether the files of the index may be what is wrong.
    pub(super) fn may_be_damage(&self) -> bool {
        match self {
            Self::Failed { source, .. } => !io_cause(source).is_some_and(|cause| is_refusal(&cause)),
            Self::Damaged { .. } => true,
            _ => false,
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

/// Whether there is no room on the disk, or the quota is used up.
fn is_full(cause: &io::Error) -> bool {
    matches!(cause.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Whether the operating system refuses for a reason that says nothing about what is on the disk.
pub(crate) fn is_refusal(cause: &io::Error) -> bool {
    use io::ErrorKind::{OutOfMemory, PermissionDenied, ReadOnlyFilesystem};
    // Too many open files: no error kind says so.
    let exhausted = matches!(cause.raw_os_error(), Some(23 | 24));
    is_full(cause) || exhausted || matches!(cause.kind(), PermissionDenied | ReadOnlyFilesystem | OutOfMemory)
}

/// The error of the operating system behind an error of the library, which hands some on as words alone.
pub(super) fn io_cause(error: &TantivyError) -> Option<io::Error> {
    match error {
        TantivyError::IoError(cause)
        | TantivyError::OpenReadError(OpenReadError::IoError { io_error: cause, .. })
        | TantivyError::OpenWriteError(OpenWriteError::IoError { io_error: cause, .. })
        | TantivyError::OpenDirectoryError(OpenDirectoryError::IoError { io_error: cause, .. })
        | TantivyError::LockFailure(LockError::IoError(cause), _) => {
            let number = cause.raw_os_error().or_else(|| number_in(&cause.to_string()));
            Some(number.map_or_else(|| cause.kind().into(), io::Error::from_raw_os_error))
        }
        TantivyError::InternalError(words)
        | TantivyError::SystemError(words)
        | TantivyError::ErrorInThread(words) => number_in(words).map(io::Error::from_raw_os_error),
        _ => None,
    }
}

/// The number of an error of the operating system that was put into words.
fn number_in(words: &str) -> Option<i32> {
    words.split("(os error ").nth(1)?.split(')').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_recognised_in_every_form_of_the_library_error() {
        let full = || io::Error::from_raw_os_error(28);
        let told = [
            TantivyError::IoError(Arc::new(full())),
            TantivyError::InternalError(full().to_string()),
            TantivyError::ErrorInThread(format!("{:?}", full().to_string())),
            TantivyError::IoError(Arc::new(io::Error::other(full()))),
            TantivyError::IoError(Arc::new(io::ErrorKind::QuotaExceeded.into())),
        ];
        for source in told {
            let error = LexicalError::from_engine(Path::new("index"), "written", source);
            assert!(matches!(error, LexicalError::Full { .. }) && error.os_error().is_some(), "{error:?}");
        }
        let read_only = TantivyError::IoError(Arc::new(io::ErrorKind::ReadOnlyFilesystem.into()));
        let read_only = LexicalError::from_engine(Path::new("index"), "written", read_only);
        let told = matches!(read_only, LexicalError::Failed { .. }) && read_only.os_error().is_some();
        assert!(told, "{read_only:?}");
        let refused = TantivyError::IoError(Arc::new(io::ErrorKind::PermissionDenied.into()));
        let refused = LexicalError::from_engine(Path::new("index"), "written", refused);
        let told = matches!(refused, LexicalError::Refused { .. }) && refused.os_error().is_none();
        assert!(told, "rights are the owner's to mend, and are named: {refused:?}");
        let broken = TantivyError::InternalError("an impossible content".to_owned());
        assert!(LexicalError::from_engine(Path::new("index"), "opened", broken).os_error().is_none());
    }
}
