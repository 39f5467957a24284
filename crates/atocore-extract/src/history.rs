//! When files of a git repository were last changed, by its commits.
//!
//! Only objects are read, by a library: nothing that the configuration of a repository says is heard, and no program is run.
//! They may have been written by somebody else, so the [`Extractor`](crate::Extractor) has this done in a child process with
//! limits.

#[cfg(feature = "documents")]
mod objects;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::ExtractError;

/// What is asked of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryRequest {
    /// The folder that its files are below.
    pub work_tree: PathBuf,
    /// The folder of its objects.
    pub objects: PathBuf,
    /// The commit that is checked out, in hexadecimal.
    pub head: String,
    /// The commit that was checked out when the dates of the files were told that are [known](HistoryFile::is_known).
    pub known_head: Option<String>,
    /// The files that are asked about.
    pub files: Vec<HistoryFile>,
}

/// A file that is asked about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryFile {
    /// Its path below the work tree, with slashes.
    pub path: String,
    /// Whether its bytes and its date are those of the last time.
    pub is_known: bool,
}

/// What the history says of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileDate {
    /// Its place in [`HistoryRequest::files`].
    pub file: usize,
    /// When the commit was written that gave it the bytes it has, in seconds since 1970; `None` where no commit did, or none that is
    /// there.
    pub seconds: Option<i64>,
}

/// What the history of a repository says of its files; nothing of a known one that is what it was.
///
/// A commit counts on the line of first parents: what came in with a merge has the date of the merge.
///
/// # Errors
/// When an object is damaged or cannot be read.
#[cfg(feature = "documents")]
pub(crate) fn file_dates(request: &HistoryRequest) -> Result<Vec<FileDate>, ExtractError> {
    objects::file_dates(request).map_err(ExtractError::damaged)
}

/// Nothing: it takes a library.
#[cfg(not(feature = "documents"))]
#[expect(clippy::unnecessary_wraps, reason = "a build with the library fails where it does")]
pub(crate) fn file_dates(request: &HistoryRequest) -> Result<Vec<FileDate>, ExtractError> {
    Ok((0..request.files.len()).map(|file| FileDate { file, seconds: None }).collect())
}

/// The folders that are read for it, but for the files themselves.
#[cfg(feature = "documents")]
pub(crate) fn folders_read(request: &HistoryRequest) -> Vec<PathBuf> {
    let borrowed = objects::borrowed(&request.objects).unwrap_or_default();
    let all = borrowed.into_iter().chain([request.objects.clone()]);
    // In some repositories the folder of the packs is a link.
    all.flat_map(|folder| [folder.join("pack"), folder]).collect()
}

#[cfg(not(feature = "documents"))]
pub(crate) fn folders_read(_: &HistoryRequest) -> Vec<PathBuf> {
    Vec::new()
}
