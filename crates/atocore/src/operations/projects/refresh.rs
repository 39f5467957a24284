use std::path::PathBuf;

use atocore_model::{
    id::{Generation, ProjectId},
    refresh::{
        FileCounts, FileReport, FileState, RefreshOptions, RefreshReport, RefreshStatus, RootReport,
        RootSkip, nothing_read,
    },
};

use super::project_name;
use crate::operations::prelude::*;

/// Reads what changed in the roots of a project.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct RefreshProject {
    /// Id or alias, in any case.
    #[arg(skip)]
    pub name: String,
    /// Remove documents even when all of a root are gone, or more than the settings allow; else such a root is skipped,
    /// because its disk may not be mounted.
    #[serde(default, deserialize_with = "lenient::or_default")]
    #[schema(value_type = Option<bool>)]
    #[arg(long)]
    pub allow_empty: bool,
    /// Read every file, also one that looks unchanged.
    #[serde(default, deserialize_with = "lenient::or_default")]
    #[schema(value_type = Option<bool>)]
    #[arg(long)]
    pub reread: bool,
    /// Whether it is cancelled when somebody else wants to ingest. No parameter of any interface.
    #[serde(skip)]
    #[arg(skip)]
    pub(crate) gives_way: bool,
}

impl RefreshProject {
    /// A refresh as usual.
    #[must_use]
    pub fn of(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }
}

/// What a refresh of one project did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RefreshResult {
    /// The id of the project.
    pub project: ProjectId,
    /// Whether it reached the configured roots.
    pub status: RefreshStatus,
    /// Number of roots that were ingested; a root with nothing new in it counts.
    pub roots_ingested: u64,
    /// Number of roots that were skipped.
    pub roots_skipped: u64,
    /// The generation in which all of it can be seen.
    pub generation: Generation,
    /// Files of all roots by the state they ended in.
    pub counts: FileCounts,
    /// What was found instead, by reason, when none of the files that were found could be read: `12 unsupported_type`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nothing_read: Option<String>,
    /// One entry per configured root, in the order of the registry.
    pub roots: Vec<RootResult>,
    /// Every folder that was looked into; not in JSON.
    #[serde(skip)]
    pub(crate) folders: Vec<PathBuf>,
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
    /// Why it was skipped: `missing`, `not_a_folder`, `not_configured`, `outside`, `unreadable`, `no_answer`, `documents_gone`; null when
    /// ingested.
    pub reason: Option<String>,
    /// What there is to say beyond the word; empty when nothing.
    #[serde(default)]
    pub detail: String,
    /// Its files by the state they ended in.
    pub counts: FileCounts,
    /// Every file that is not simply unchanged, sorted by path.
    pub files: Vec<FileResult>,
    /// The path by which it is configured; not in JSON.
    #[serde(skip)]
    pub(crate) named: PathBuf,
}

/// One file and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FileResult {
    /// Path below its root.
    pub path: String,
    /// The state it ended in.
    pub state: FileState,
    /// Why: `new`, `changed`, `too_large`, `not_utf8`, …
    #[schema(example = "new")]
    pub reason: String,
    /// What there is to say beyond the word; empty when nothing.
    pub detail: String,
    /// Whether the refresh before did not say the same of it.
    #[serde(default)]
    pub is_new: bool,
}

impl Operation for RefreshProject {
    type Reply = RefreshResult;
    const SPEC: Spec = Spec::post(super::TAG, "refresh_project", "/projects/{name}/refresh")
        .answers("What became of every root and file")
        .body(Body::Optional)
        .query(&["allow_empty", "reread"])
        .long("refresh");

    fn subject(&self) -> Option<&str> {
        Some(&self.name)
    }

    fn check(&self) -> Result<(), ApiError> {
        project_name(&self.name).map(drop)
    }

    fn project(&self) -> Option<&str> {
        Some(&self.name)
    }

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        let result = self.refresh(context);
        if let Some(server) = context.server {
            let outcome =
                result.as_ref().map_or_else(|error| error.code.as_str(), |result| result.status.as_str());
            server.metrics.refreshed(outcome);
        }
        result
    }
}

impl RefreshProject {
    fn refresh(self, context: &Context<'_>) -> Result<RefreshResult, ApiError> {
        let options =
            RefreshOptions { allow_empty: self.allow_empty, reread: self.reread, gives_way: self.gives_way };
        let name = project_name(&self.name)?;
        let report = context.engine().refresh_with(&name, options, context.caller, context.monitor)?;
        let result = RefreshResult::from(report);
        if self.gives_way {
            // The log may be a file that is followed, too.
            tracing::debug!(project = result.project.as_str(), "project_followed");
        } else {
            result.log();
        }
        Ok(result)
    }
}

impl RefreshResult {
    fn log(&self) {
        tracing::info!(
            project = self.project.as_str(),
            status = self.status.as_str(),
            roots_ingested = self.roots_ingested,
            roots_skipped = self.roots_skipped,
            files_ingested = self.counts.ingested,
            files_unchanged = self.counts.unchanged,
            files_removed = self.counts.removed,
            files_skipped = self.counts.skipped,
            files_failed = self.counts.failed,
            generation = self.generation.0,
            "project_refreshed"
        );
    }
}

impl From<RefreshReport> for RefreshResult {
    fn from(report: RefreshReport) -> Self {
        Self {
            project: report.project.clone(),
            status: report.status(),
            roots_ingested: report.roots_ingested() as u64,
            roots_skipped: report.roots_skipped() as u64,
            generation: report.generation,
            counts: report.counts(),
            nothing_read: nothing_read(&report.roots),
            folders: report.folders,
            roots: report.roots.into_iter().map(RootResult::from).collect(),
        }
    }
}

impl From<RootReport> for RootResult {
    fn from(report: RootReport) -> Self {
        let status = if report.skipped.is_none() { "ingested" } else { "skipped" };
        Self {
            source: report.root.location.source().to_owned(),
            subpath: report.root.location.subpath(),
            label: report.root.label,
            path: report.folder,
            status: status.to_owned(),
            detail: report.skipped.as_ref().map(RootSkip::detail).unwrap_or_default(),
            reason: report.skipped.map(|skip| skip.code().to_owned()),
            counts: report.counts,
            files: report.files.into_iter().map(FileResult::from).collect(),
            named: report.named,
        }
    }
}

impl From<FileReport> for FileResult {
    fn from(file: FileReport) -> Self {
        Self {
            state: file.reason.state(),
            reason: file.reason.code().to_owned(),
            detail: file.detail(),
            is_new: file.is_new,
            path: file.path,
        }
    }
}
