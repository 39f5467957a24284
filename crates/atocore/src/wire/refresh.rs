//! What a refresh did, as JSON: the contract's words, then one entry per root and per file that matters.

use atocore_model::refresh::{self as model, FileState};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a refresh of one project did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RefreshResult {
    /// The id of the project.
    pub project: String,
    /// `ingested`: every root was. `partial`: some were, some were skipped. `nothing_to_ingest`: none was.
    #[schema(example = "ingested")]
    pub status: String,
    /// Number of roots that were ingested; a root with nothing new in it counts.
    pub roots_ingested: u64,
    /// Number of roots that were skipped.
    pub roots_skipped: u64,
    /// The generation in which all of it can be seen.
    pub generation: u64,
    /// Files of all roots by the state they ended in.
    pub counts: FileCounts,
    /// One entry per configured root, in the order of the registry.
    pub roots: Vec<RootResult>,
}

/// Files by the one state each ended in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FileCounts {
    /// New or changed in the store.
    pub ingested: u64,
    /// The store already had them.
    pub unchanged: u64,
    /// Gone from the disk, and now from the store.
    pub removed: u64,
    /// Left out by a rule.
    pub skipped: u64,
    /// Should have been read and could not be.
    pub failed: u64,
}

/// What became of one configured root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RootResult {
    /// `vault`, `drive` or `folder`.
    pub source: String,
    /// The path below it; the absolute path of a folder.
    pub subpath: String,
    /// A word for a person; may be empty.
    pub label: String,
    /// The folder it stands for; empty when that is not known.
    pub path: String,
    /// `ingested` or `skipped`.
    #[schema(example = "ingested")]
    pub status: String,
    /// Why it was skipped: `missing`, `not_a_folder`, `not_configured`, `outside`, `unreadable`, `documents_gone`; null when
    /// ingested.
    pub reason: Option<String>,
    /// What there is to say beyond the word; empty when nothing.
    #[serde(default)]
    pub detail: String,
    /// Its files by the state they ended in.
    pub counts: FileCounts,
    /// Every file that is not simply unchanged, sorted by path.
    pub files: Vec<FileResult>,
}

/// One file and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FileResult {
    /// Path below its root.
    pub path: String,
    /// `ingested`, `unchanged`, `removed`, `skipped` or `failed`.
    #[schema(example = "ingested")]
    pub state: String,
    /// Why: `new`, `changed`, `too_large`, `not_utf8`, …
    #[schema(example = "new")]
    pub reason: String,
    /// What there is to say beyond the word; empty when nothing.
    pub detail: String,
    /// Whether the refresh before did not say the same of it.
    #[serde(default)]
    pub is_new: bool,
}

impl From<model::RefreshReport> for RefreshResult {
    fn from(report: model::RefreshReport) -> Self {
        Self {
            project: report.project.to_string(),
            status: report.status().as_str().to_owned(),
            roots_ingested: report.roots_ingested() as u64,
            roots_skipped: report.roots_skipped() as u64,
            generation: report.generation.0,
            counts: report.counts().into(),
            roots: report.roots.into_iter().map(RootResult::from).collect(),
        }
    }
}

impl From<model::FileCounts> for FileCounts {
    fn from(counts: model::FileCounts) -> Self {
        Self {
            ingested: counts.get(FileState::Ingested),
            unchanged: counts.get(FileState::Unchanged),
            removed: counts.get(FileState::Removed),
            skipped: counts.get(FileState::Skipped),
            failed: counts.get(FileState::Failed),
        }
    }
}

impl From<model::RootReport> for RootResult {
    fn from(report: model::RootReport) -> Self {
        let status = if report.skipped.is_none() { "ingested" } else { "skipped" };
        Self {
            source: report.root.location.source().to_owned(),
            subpath: report.root.location.subpath(),
            label: report.root.label,
            path: report.folder,
            status: status.to_owned(),
            detail: report.skipped.as_ref().map(model::RootSkip::detail).unwrap_or_default(),
            reason: report.skipped.map(|skip| skip.code().to_owned()),
            counts: report.counts.into(),
            files: report.files.into_iter().map(FileResult::from).collect(),
        }
    }
}

impl From<model::FileReport> for FileResult {
    fn from(file: model::FileReport) -> Self {
        Self {
            state: file.reason.state().as_str().to_owned(),
            reason: file.reason.code().to_owned(),
            detail: file.detail(),
            is_new: file.is_new,
            path: file.path,
        }
    }
}
