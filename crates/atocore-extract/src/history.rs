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

/// When a file was committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HistoryDate {
    /// The commit that gave it the bytes it has was written then, in seconds since 1970.
    At(i64),
    /// No commit did, or it does not say when, or it lies too far back.
    Never,
    /// What would tell it is not there, as in a shallow clone, or cannot be read.
    Untold,
}

/// What the history of a repository says of files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryDates {
    /// By places in [`HistoryRequest::files`]; `None` of a known file that is what it was.
    pub dates: Vec<Option<HistoryDate>>,
    /// Why the rest could not be told, when something is damaged.
    pub damage: Option<ExtractError>,
}

/// What the history of a repository says of its files; nothing of a known one that is what it was.
///
/// A commit counts on the line of first parents: what came in with a merge has the date of the merge.
///
/// # Errors
/// When nothing can be read of it.
#[cfg(feature = "documents")]
pub(crate) fn file_dates(request: &HistoryRequest) -> Result<HistoryDates, ExtractError> {
    objects::file_dates(request).map_err(ExtractError::damaged)
}

/// Nothing: it takes a library.
#[cfg(not(feature = "documents"))]
#[expect(clippy::unnecessary_wraps, reason = "a build with the library fails where it does")]
pub(crate) fn file_dates(request: &HistoryRequest) -> Result<HistoryDates, ExtractError> {
    Ok(HistoryDates { dates: vec![Some(HistoryDate::Never); request.files.len()], damage: None })
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
