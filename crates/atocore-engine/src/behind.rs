//! An index that the disk does not let be brought up to date: which, why, and what helps. Nothing else waits for it.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use atocore_model::error::ErrorCode;
use atocore_storage::{files, lexical::LexicalError, vector::VectorError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The lexical index, as people are told of it.
pub(crate) const LEXICAL_INDEX: &str = "word index";
/// The vector index.
pub(crate) const VECTORS: &str = "vector index";

/// With less than this free, an index cannot be counted on to be written: one commit takes some files, each at least a
/// block, and the log of the store lies beside it as a rule.
const LEAST_FREE_BYTES: u64 = 1 << 20;

/// An index that is behind the store because the disk does not let it be written. It is derived: what is committed is
/// in the store, and is shown once the index has been written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexFault {
    /// `word index` or `vector index`.
    pub index: &'static str,
    /// The folder that it lies in.
    pub dir: PathBuf,
    /// Whether the disk is full, or the quota is used up.
    pub full: bool,
    /// What the operating system said, or what is seen; a sentence without its full stop.
    pub why: String,
    /// Bytes that are free on the disk of the folder; `None` where the disk does not say.
    pub free_bytes: Option<u64>,
}

/// The same for people, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IndexBehind {
    /// `word index` or `vector index`.
    #[schema(example = "word index")]
    pub index: String,
    /// The folder it lies in.
    pub folder: String,
    /// Bytes that are free on its disk; null where the disk does not say.
    pub free_bytes: Option<u64>,
    /// What is wrong, in one sentence.
    pub why: String,
    /// What helps.
    #[serde(rename = "cure")]
    pub hint: String,
}

impl From<&IndexFault> for IndexBehind {
    fn from(fault: &IndexFault) -> Self {
        Self {
            index: fault.index.to_owned(),
            folder: fault.dir.to_string_lossy().into_owned(),
            free_bytes: fault.free_bytes,
            why: fault.to_string(),
            hint: fault.hint(),
        }
    }
}

impl IndexFault {
    /// What a failure of the lexical index says; `None` when it says nothing about the disk.
    pub(crate) fn of_lexical(dir: &Path, error: &LexicalError) -> Option<Self> {
        let full = matches!(error, LexicalError::Full { .. });
        error.os_error().map(|cause| Self::new(LEXICAL_INDEX, dir, full, cause.to_string()))
    }

    /// What a failure of the vector index says; `None` when it says nothing about the disk.
    pub(crate) fn of_vectors(dir: &Path, error: &VectorError) -> Option<Self> {
        let full = matches!(error, VectorError::Full { .. });
        error.os_error().map(|cause| Self::new(VECTORS, dir, full, cause.to_string()))
    }

    /// What can be seen without writing of why an index is behind; `None` when nothing stands in its way.
    pub(crate) fn seen(index: &'static str, dir: &Path) -> Option<Self> {
        let free_bytes = files::free_bytes(dir).ok();
        if free_bytes.is_some_and(|free| free < LEAST_FREE_BYTES) {
            return Some(Self::new(index, dir, true, "no space left on the disk".to_owned()));
        }
        let read_only = files::is_read_only(dir).unwrap_or(false);
        read_only.then(|| Self::new(index, dir, false, "the folder may not be written to".to_owned()))
    }

    fn new(index: &'static str, dir: &Path, full: bool, why: String) -> Self {
        Self { index, dir: dir.to_owned(), full, why, free_bytes: files::free_bytes(dir).ok() }
    }

    /// What helps, as a sentence without its full stop.
    #[must_use]
    pub fn hint(&self) -> String {
        let what = if self.full { "free some room on the disk of" } else { "let this user write to" };
        format!(
            "{what} `{}`; the next command updates the {}, a server does so automatically, and nothing that was committed is lost",
            self.dir.display(),
            self.index
        )
    }

    /// The code of an error that is nothing but this.
    pub(crate) const fn code(&self) -> ErrorCode {
        if self.full { ErrorCode::DiskFull } else { ErrorCode::IndexUnavailable }
    }
}

/// One sentence without its full stop.
impl fmt::Display for IndexFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { index, dir, why, .. } = self;
        write!(f, "the {index} in `{}` cannot be brought up to date: ", dir.display())?;
        match (self.full, self.free_bytes) {
            (true, Some(free)) => write!(f, "the disk is full, {free} bytes are free ({why})"),
            (true, None) => write!(f, "the disk is full ({why})"),
            (false, _) => f.write_str(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_seen_of_a_folder_is_reported_and_a_folder_in_order_has_no_findings() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(IndexFault::seen(LEXICAL_INDEX, dir.path()), None);
        let missing =
            IndexFault { free_bytes: Some(12), ..IndexFault::new(VECTORS, dir.path(), true, "x".into()) };
        let told = missing.to_string();
        assert!(told.contains("vector index") && told.contains("12 bytes are free"), "{told}");
        assert!(missing.hint().contains("free some room on the disk of"));
        assert_eq!(missing.code(), ErrorCode::DiskFull);
    }
}
