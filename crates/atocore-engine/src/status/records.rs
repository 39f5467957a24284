//! What is told of an installation: the records of the status and the health.

use std::path::Path;

use atocore_backup::ledger::Verdict;
use atocore_model::{
    error::{ErrorCode, with_causes},
    id::{Generation, ProjectId, SnapshotId},
    refresh::{FileCounts, NOTHING_READ},
    snapshot::Depth,
    time::Timestamp,
    words,
};
use atocore_storage::{
    layout::Layout,
    locks::Owner,
    sqlite::{FactCounts, RefreshRecord},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    behind::IndexBehind,
    embedding::EmbeddingStatus,
    error::Error,
    ingest_lock::RunningTask,
    schedule::{JobStatus, ScheduleProblem},
    worker::WorkerStatus,
};

/// Whether it is there and what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InstallationHealth {
    /// The schema that this program reads and writes.
    pub schema_version: u32,
    /// The generation of the store: it moves with every committed change; 0 when there is no store yet.
    pub generation: Generation,
    /// The generation in which a document changed last.
    #[serde(default)]
    pub documents_generation: Generation,
    /// Whether there is a store.
    pub store: bool,
    /// What is wrong with the store; null while nothing is, as far as is known.
    #[serde(default)]
    pub store_problem: Option<StoreProblem>,
    /// The newest snapshot proven to each depth, the shallowest depth first; null when the backup directory cannot be
    /// read.
    #[serde(default)]
    pub proven: Option<Vec<ProvenSnapshot>>,
    /// What a server does by itself: when next, and how often in a row it failed; empty when it does nothing.
    #[serde(default)]
    pub schedule: Vec<JobStatus>,
    /// Why their times cannot be written; null when they can.
    #[serde(default)]
    pub schedule_problem: Option<ScheduleProblem>,
    /// The workers of this process, and whether their work succeeds.
    #[serde(default)]
    pub workers: Vec<WorkerStatus>,
}

/// The newest snapshot that is proven to a depth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProvenSnapshot {
    /// The depth.
    pub depth: Depth,
    /// The snapshot; `None` when none is.
    pub stamp: Option<SnapshotId>,
    /// Its age in seconds; 0 when its stamp is of the future.
    pub age_seconds: Option<u64>,
    /// When it was proven that deep, or deeper.
    pub proven_at: Option<Timestamp>,
}

/// A project and what is stored of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProjectStatus {
    /// Its id.
    pub id: String,
    /// Whether the registry has it; one that was edited out of the file can still have documents. True as well when the
    /// registry cannot be read: nothing says then that it was taken out.
    pub registered: bool,
    /// Its documents.
    pub documents: u64,
    /// Its passages.
    pub chunks: u64,
    /// Its last refresh; null when there was none.
    pub refreshed: Option<LastRefresh>,
    /// How a server follows its files; left out where none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub followed: Option<FollowStatus>,
}

words! {
    /// How a server learns that files of a project have changed.
    FollowState, "a way of following", {
        /// The system tells it at once.
        Following = "following",
        /// It looks through all of them again and again.
        Polling = "polling",
    }
}

/// How a server follows the files of a project, and how fresh what is stored of them is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FollowStatus {
    /// `following` or `polling`.
    pub state: FollowState,
    /// Why it polls; null while it follows.
    pub reason: Option<String>,
    /// How many seconds lie between two looks when it polls; null while it follows.
    pub every_seconds: Option<u64>,
    /// How many folders the system watches for it.
    pub folders: u64,
    /// When a change was last seen; null while none was.
    pub last_change: Option<Timestamp>,
    /// Since when changes wait to be read; null when none do.
    pub waiting_since: Option<Timestamp>,
    /// Every change before this has been read; null while nothing has been read since the server started.
    pub fresh_as_of: Option<Timestamp>,
    /// Why the last refresh failed; null when it did not.
    pub failure: Option<String>,
}

impl FollowStatus {
    /// How it is followed, for a person.
    #[must_use]
    pub fn in_words(&self) -> String {
        let how = match (&self.failure, self.every_seconds) {
            (Some(failure), _) => format!("not up to date: {failure}"),
            (None, Some(seconds)) => {
                format!("looked through every {seconds} s: {}", self.reason.as_deref().unwrap_or_default())
            }
            (None, None) => self.reason.clone().unwrap_or_else(|| "followed".to_owned()),
        };
        let waiting = self.waiting_since.map(|since| format!(", changes wait since {since}"));
        how + waiting.as_deref().unwrap_or_default()
    }
}

/// How the last refresh of a project ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LastRefresh {
    /// When: ISO 8601 with offset.
    pub at: String,
    /// `ingested`, `partial` or `nothing_to_ingest`.
    pub status: String,
    /// Files by the state they ended in.
    pub counts: FileCounts,
    /// Roots that were skipped and files that could not be read; only the first when there are many.
    pub problems: Vec<FileProblem>,
}

/// A file that could not be read, or a root that was skipped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FileProblem {
    /// Path below its root; of a root how it is configured.
    pub path: String,
    /// Why: `not_utf8`, `unreadable`, `missing`, `documents_gone`, …
    pub reason: String,
    /// What there is to say beyond the word; empty when nothing.
    pub detail: String,
}

/// Why the registry cannot be read, so that nothing is known of what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RegistryProblem {
    /// What is wrong, as a sentence without its full stop.
    #[serde(rename = "message")]
    pub why: String,
    /// What helps.
    #[serde(rename = "cure")]
    pub hint: String,
}

/// What is wrong with the store: why it could not be opened, or the damage that was met in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoreProblem {
    /// The code that whoever needs the store is told.
    #[serde(default = "damaged")]
    #[schema(value_type = String, example = "store_damaged")]
    pub code: ErrorCode,
    /// What is wrong, as a sentence without its full stop.
    #[serde(rename = "message")]
    pub why: String,
    /// What helps.
    #[serde(rename = "cure")]
    pub hint: String,
}

/// The newest snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SnapshotStatus {
    /// Why the backup directory could not be looked at, and nothing else is known; null when it could.
    #[serde(default)]
    pub problem: Option<String>,
    /// What helps against that; not in JSON.
    #[serde(skip)]
    pub hint: Option<String>,
    /// How many snapshots are listed.
    pub count: u64,
    /// The newest one with metadata that can be read; one of the future only when there is no other.
    pub newest: Option<SnapshotId>,
    /// Its age in seconds; 0 when its stamp is of the future.
    pub newest_age_seconds: Option<u64>,
    /// Its generation, when it records one.
    pub newest_generation: Option<u64>,
    /// The size of its database copy and of its vector store, in bytes, when it records them.
    pub newest_size_bytes: Option<u64>,
    /// The newest snapshot proven to each depth, the shallowest depth first.
    #[serde(default)]
    pub proven: Vec<ProvenSnapshot>,
    /// How many snapshots did not stand their last validation.
    #[serde(default)]
    pub failing: u64,
    /// The last validation that is written down.
    #[serde(default)]
    pub last_validation: Option<LastValidation>,
}

/// The last validation that is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LastValidation {
    /// The snapshot.
    pub stamp: SnapshotId,
    /// What was found.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// Where an installation lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Paths {
    /// The store, the derived indexes, locks and caches.
    pub data: String,
    /// The snapshots.
    pub backups: String,
    /// The registry file.
    pub registry: String,
}

impl From<&Layout> for Paths {
    fn from(layout: &Layout) -> Self {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        Self { data: text(&layout.data), backups: text(&layout.backups), registry: text(&layout.registry) }
    }
}

/// What is stored, how fresh it is, what is running, and when it was last backed up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct InstallationStatus {
    /// Where everything lies.
    pub paths: Paths,
    /// The process that owns the store; null when none does.
    pub owner: Option<Owner>,
    /// What is running in that process; null when nothing is.
    pub running: Option<RunningTask>,
    /// The generation of the store.
    pub generation: Generation,
    /// The generation that answers show; null without a lexical index.
    pub index_generation: Option<Generation>,
    /// What is wrong with the store, of which nothing else is told then; null while nothing is, as far as is known.
    #[serde(default)]
    pub store_problem: Option<StoreProblem>,
    /// Why the registry cannot be read; null when it can.
    #[serde(default)]
    pub registry_problem: Option<RegistryProblem>,
    /// Every project, by id; without the registry those that something is stored of.
    pub projects: Vec<ProjectStatus>,
    /// Facts.
    #[serde(default)]
    pub facts: FactCounts,
    /// The indexes that are behind the store because the disk does not let them be written; usually none.
    #[serde(default)]
    pub indexes_behind: Vec<IndexBehind>,
    /// The model and its vectors.
    pub embedding: EmbeddingStatus,
    /// Snapshots.
    pub snapshots: SnapshotStatus,
    /// What a server does by itself, and what became of it last.
    #[serde(default)]
    pub schedule: Vec<JobStatus>,
    /// Why their times cannot be written; null when they can.
    #[serde(default)]
    pub schedule_problem: Option<ScheduleProblem>,
    /// The workers of the process that answers, and whether their work succeeds; empty when it has none.
    #[serde(default)]
    pub workers: Vec<WorkerStatus>,
    /// When this was put together.
    pub at: Timestamp,
}

/// What a program meant that did not say it.
const fn damaged() -> ErrorCode {
    ErrorCode::StoreDamaged
}

impl From<RefreshRecord> for LastRefresh {
    fn from(record: RefreshRecord) -> Self {
        Self {
            at: record.at,
            status: record.status,
            // What another version wrote shows as nothing rather than failing.
            counts: serde_json::from_str(&record.counts).unwrap_or_default(),
            problems: serde_json::from_str(&record.problems).unwrap_or_default(),
        }
    }
}

impl From<&Error> for RegistryProblem {
    fn from(error: &Error) -> Self {
        Self { why: with_causes(error), hint: error.hint().unwrap_or_default() }
    }
}

/// What there was instead, by reason, when the last refresh of a project could read none of its files.
pub(crate) fn nothing_read(refreshes: Vec<RefreshRecord>, project: &ProjectId) -> Option<String> {
    let last = refreshes.into_iter().find(|refresh| refresh.project == project.as_str())?;
    let problem = LastRefresh::from(last).problems.into_iter().find(|problem| problem.reason == NOTHING_READ);
    problem.map(|problem| problem.detail)
}
