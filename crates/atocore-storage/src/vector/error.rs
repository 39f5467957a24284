//! What can go wrong with a vector index.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use atocore_model::time::Timestamp;

use crate::{
    files::FileError,
    lexical::{SourceError, is_refusal},
};

/// Why an index on a server is of no use at present.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outage {
    /// When that was first seen.
    pub since: Timestamp,
    /// What is wrong, as a sentence without its full stop.
    pub why: String,
    /// What helps.
    pub hint: String,
}

/// One sentence without its full stop.
impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "vectors are unavailable since {}: {}", self.since, self.why)
    }
}

/// Why a vector index could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum VectorError {
    /// Opened for reading where no index is.
    #[error("no vector index in `{}`", dir.display())]
    Missing {
        /// Where it was looked for.
        dir: PathBuf,
    },
    /// Opened for reading, and not usable. Opening it for writing replaces it.
    #[error("the vector index in `{}` cannot be used: {why}", dir.display())]
    Damaged {
        /// Where it lies.
        dir: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A change was asked of an index that was opened for reading.
    #[error("the vector index in `{}` is open for reading only", dir.display())]
    ReadOnly {
        /// Where it lies.
        dir: PathBuf,
    },
    /// The monitor cancelled; the index shows what it showed before.
    #[error("updating the vector index was cancelled")]
    Cancelled,
    /// The disk has no room; the index shows what it showed before.
    #[error("the disk is full: the vector index in `{}` was not brought up to date", dir.display())]
    Full {
        /// Where it lies.
        dir: PathBuf,
        /// The file that could not be written.
        #[source]
        source: FileError,
    },
    /// The operating system refused.
    #[error("the vector index in `{}` could not be {action}", dir.display())]
    Failed {
        /// Where it lies.
        dir: PathBuf,
        /// What was tried: `opened`, `written`.
        action: &'static str,
        /// The file it failed on.
        #[source]
        source: FileError,
    },
    /// The vectors of the source have no components, or more than can be indexed.
    #[error("vectors of {dimensions} dimensions cannot be indexed: 1 to {most} are expected")]
    Dimensions {
        /// How many the space has.
        dimensions: usize,
        /// How many it may have.
        most: usize,
    },
    /// The source handed over a vector that is not of its space.
    #[error("the vector of the passage {chunk_key} has {found} dimensions instead of {expected}")]
    Length {
        /// The passage.
        chunk_key: u64,
        /// The dimensions of the space.
        expected: usize,
        /// Those of the vector.
        found: usize,
    },
    /// The source handed over a vector that has no direction.
    #[error("the vector of the passage {chunk_key} has a component that is not a finite number")]
    NotFinite {
        /// The passage.
        chunk_key: u64,
    },
    /// The question is not of the space of the index.
    #[error("the vector of the question has {found} dimensions, those of the index have {expected}")]
    QueryLength {
        /// The dimensions of the index.
        expected: usize,
        /// Those of the question.
        found: usize,
    },
    /// The question has no direction.
    #[error("the vector of the question has a component that is not a finite number")]
    QueryNotFinite,
    /// The server of the index is of no use at present; it is tried again after a pause.
    #[error("{0}")]
    Unavailable(Outage),
    /// What the index is built from could not be read.
    #[error(transparent)]
    Source(#[from] SourceError),
}

impl VectorError {
    /// Why the operating system did not let the index be opened or written, for want of room or for another reason: it
    /// says nothing about the index, nor about what it is built from. `None` where that is not what went wrong.
    #[must_use]
    pub const fn os_error(&self) -> Option<&io::Error> {
        match self {
            Self::Full { source, .. } | Self::Failed { source, .. } => Some(&source.source),
            _ => None,
        }
    }

    /// What a file of an index that cannot be read says: that the operating system refuses, or that the index is damaged.
    pub(super) fn from_opening(dir: &Path, error: FileError) -> Self {
        if is_refusal(&error.source) {
            Self::from_file(dir, "opened", error)
        } else {
            Self::Damaged { dir: dir.to_owned(), why: format!("{error}: {}", error.source) }
        }
    }

    /// Names what was done where to an error of the operating system, and picks out the one that callers treat
    /// differently.
    #[must_use]
    pub fn from_file(dir: &Path, action: &'static str, source: FileError) -> Self {
        let dir = dir.to_owned();
        if source.is_full() { Self::Full { dir, source } } else { Self::Failed { dir, action, source } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files;

    #[test]
    fn a_full_disk_is_distinguished_from_other_errors() {
        let write = |path: &str| files::write_synced(Path::new(path), b"some bytes").unwrap_err();
        let dir = Path::new("index");
        // Whatever is written to this device finds the disk full.
        let full = VectorError::from_file(dir, "written", write("/dev/full"));
        assert!(matches!(full, VectorError::Full { .. }), "{full}");
        let refused = VectorError::from_file(dir, "written", write("/dev/null/file"));
        assert!(matches!(refused, VectorError::Failed { .. }), "{refused}");
    }
}
