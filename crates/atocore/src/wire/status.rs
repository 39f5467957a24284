//! What is there, what is running, and how it was last backed up, as JSON.

use atocore_engine as engine;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    EmbeddingStatus, FactCounts, IndexBehind,
    doctor::{RegistryProblem, StoreProblem},
    proof::{LastValidation, ProvenSnapshot},
    refresh::FileCounts,
};

/// The version of the program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit the program was built from, or `unknown`.
pub const BUILD: &str = env!("SOURCE_COMMIT");

/// Whether the server answers, and which program it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// `ok`, or `degraded` while the work of a worker fails; `store_damaged`, or the code of another error, when the store
    /// cannot be used: the status of the answer is 503 then.
    #[schema(example = "ok")]
    pub status: String,
    /// The version of the program.
    pub version: String,
    /// The commit it was built from, or `unknown`.
    pub build: String,
    /// The schema of the store.
    pub schema_version: u32,
    /// The generation of the store: it moves with every committed change; 0 when there is no store yet.
    pub generation: u64,
    /// Whether there is a store yet.
    pub store: bool,
    /// What is wrong with the store; null while nothing is, as far as is known.
    #[serde(default)]
    pub store_problem: Option<StoreProblem>,
    /// The newest snapshot proven to each depth, the shallowest depth first; null when the backup directory cannot be
    /// read.
    #[serde(default)]
    pub proven: Option<Vec<ProvenSnapshot>>,
    /// What this server does by itself: when next, and how often in a row it failed; empty when it does nothing.
    #[serde(default)]
    pub schedule: Vec<ScheduledJob>,
    /// The workers of this server, and whether their work succeeds.
    #[serde(default)]
    pub workers: Vec<Worker>,
}

/// A thread of a server that does one kind of work behind the requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Worker {
    /// `lexical-index` or `embedding`.
    #[schema(example = "lexical-index")]
    pub worker: String,
    /// `running`; `failing` when it could not do its work last, and tries again by itself; `paused` while other work needs
    /// it to be still.
    #[schema(example = "running")]
    pub state: String,
    /// How many times in a row it has failed.
    pub failures: u32,
    /// How many times it has failed by a fault in AtoCore itself since the server started.
    pub panics: u64,
    /// Why it failed last; null when it did not.
    pub failure: Option<String>,
    /// Since when it fails: ISO 8601 with offset.
    pub since: Option<String>,
}

impl From<engine::WorkerStatus> for Worker {
    fn from(status: engine::WorkerStatus) -> Self {
        let state = match (&status.failure, status.paused) {
            (Some(_), _) => "failing",
            (None, true) => "paused",
            (None, false) => "running",
        };
        Self {
            worker: status.worker.to_owned(),
            state: state.to_owned(),
            failures: status.failures,
            panics: status.panics,
            failure: status.failure,
            since: status.since.map(|since| since.to_string()),
        }
    }
}

/// Every root of every project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SourceList {
    /// The roots, in the order of the registry.
    pub sources: Vec<Source>,
}

/// A root, and what can be said of it without reading its files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Source {
    /// The id of its project.
    pub project: String,
    /// `vault`, `drive` or `folder`.
    pub source: String,
    /// The path below it; the absolute path of a folder.
    pub subpath: String,
    /// A word for a person; may be empty.
    pub label: String,
    /// The folder it stands for; empty when that is not known.
    pub path: String,
    /// Whether it can be read.
    pub readable: bool,
    /// Why not: `missing`, `not_a_folder`, `not_configured`, `outside`, `unreadable`; null when it can.
    pub reason: Option<String>,
}

/// What is stored, how fresh it is, what is running, and when it was last backed up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// Where everything lies.
    pub paths: Paths,
    /// The process that owns the store; null when none does.
    pub owner: Option<Owner>,
    /// What is running in that process; null when nothing is.
    pub running: Option<Running>,
    /// The generation of the store.
    pub generation: u64,
    /// The generation that answers show; null without a lexical index.
    pub index_generation: Option<u64>,
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
    pub schedule: Vec<ScheduledJob>,
    /// The workers of the process that answers, and whether their work succeeds; empty when it has none.
    #[serde(default)]
    pub workers: Vec<Worker>,
    /// When this was put together: ISO 8601 with offset.
    pub at: String,
}

/// Something that a server does by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ScheduledJob {
    /// `snapshot`, `validate`, `drill` or `prune`.
    #[schema(example = "snapshot")]
    pub job: String,
    /// Its cron expression, in UTC.
    #[schema(example = "0 3 * * *")]
    pub cron: String,
    /// When it is due next: ISO 8601 with offset; in the past when it is due now.
    pub due: Option<String>,
    /// When it last began.
    pub began: Option<String>,
    /// When it last ended well.
    pub succeeded: Option<String>,
    /// How long it last took, in milliseconds.
    pub duration_ms: Option<u64>,
    /// How many times in a row it has failed.
    pub failures: u32,
    /// Why it failed last; null when it ended well last.
    pub error: Option<String>,
}

impl From<engine::schedule::JobStatus> for ScheduledJob {
    fn from(status: engine::schedule::JobStatus) -> Self {
        let text = |time: Option<atocore_model::time::Timestamp>| time.map(|time| time.to_string());
        Self {
            job: status.job.to_string(),
            cron: status.expression,
            due: text(status.due),
            began: text(status.began),
            succeeded: text(status.succeeded),
            duration_ms: status.duration_ms,
            failures: status.failures,
            error: status.error,
        }
    }
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

/// The process that owns a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Owner {
    /// Its number.
    pub pid: u32,
    /// What it does.
    #[schema(example = "serve")]
    pub activity: String,
    /// Since when: ISO 8601 with offset.
    pub since: String,
    /// Where it takes requests; null when it does not.
    pub socket: Option<String>,
}

/// Work that is going on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Running {
    /// What.
    #[schema(example = "refresh of field-notes")]
    pub activity: String,
    /// Since when: ISO 8601 with offset.
    pub since: String,
    /// Where it stands, once it has said so.
    pub progress: Option<Progress>,
}

/// Where a piece of work stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Progress {
    /// What is being done, for a person.
    pub phase: String,
    /// Units finished.
    pub done: u64,
    /// Units in all, when known.
    pub total: Option<u64>,
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

/// The snapshots, and the newest of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SnapshotStatus {
    /// Why the backup directory could not be looked at, and nothing else is known; null when it could.
    #[serde(default)]
    pub problem: Option<String>,
    /// How many are listed.
    pub count: u64,
    /// The stamp of the newest one with metadata that can be read.
    pub newest: Option<String>,
    /// Its age; 0 when its stamp is of the future.
    pub newest_age_seconds: Option<u64>,
    /// Its generation, when it records one.
    pub newest_generation: Option<u64>,
    /// The size of its database copy and of its vector store, when it records them.
    pub newest_size_bytes: Option<u64>,
    /// The newest snapshot proven to each depth, the shallowest depth first.
    #[serde(default)]
    pub proven: Vec<ProvenSnapshot>,
    /// How many snapshots did not stand their last validation.
    #[serde(default)]
    pub failing: u64,
    /// The last validation that is written down; null when there is none.
    #[serde(default)]
    pub last_validation: Option<LastValidation>,
}

impl From<engine::Health> for Health {
    fn from(health: engine::Health) -> Self {
        let failing = health.workers.iter().any(|worker| worker.failure.is_some());
        Self {
            status: match &health.store_problem {
                Some(problem) => problem.code.as_str(),
                None if failing => "degraded",
                None => "ok",
            }
            .to_owned(),
            version: VERSION.to_owned(),
            build: BUILD.to_owned(),
            schema_version: health.schema_version,
            generation: health.generation.0,
            store: health.store,
            store_problem: health.store_problem.map(StoreProblem::from),
            proven: health.proven.map(|proven| proven.into_iter().map(ProvenSnapshot::from).collect()),
            schedule: health.schedule.into_iter().map(ScheduledJob::from).collect(),
            workers: health.workers.into_iter().map(Worker::from).collect(),
        }
    }
}

impl From<Vec<engine::SourceStatus>> for SourceList {
    fn from(sources: Vec<engine::SourceStatus>) -> Self {
        Self { sources: sources.into_iter().map(Source::from).collect() }
    }
}

impl From<engine::SourceStatus> for Source {
    fn from(source: engine::SourceStatus) -> Self {
        Self {
            project: source.project,
            source: source.root.location.source().to_owned(),
            subpath: source.root.location.subpath(),
            label: source.root.label,
            path: source.folder,
            readable: source.problem.is_none(),
            reason: source.problem.map(|problem| problem.code().to_owned()),
        }
    }
}

impl From<engine::Status> for Status {
    fn from(status: engine::Status) -> Self {
        Self {
            paths: status.layout.into(),
            owner: status.owner.map(Owner::from),
            running: status.running.map(Running::from),
            generation: status.generation.0,
            index_generation: status.index_generation.map(|generation| generation.0),
            store_problem: status.store_problem.map(StoreProblem::from),
            registry_problem: status.registry_problem.map(RegistryProblem::from),
            projects: status.projects.into_iter().map(ProjectStatus::from).collect(),
            facts: status.facts.into(),
            indexes_behind: status.indexes_behind.into_iter().map(IndexBehind::from).collect(),
            embedding: status.embedding.into(),
            snapshots: status.snapshots.into(),
            schedule: status.schedule.into_iter().map(ScheduledJob::from).collect(),
            workers: status.workers.into_iter().map(Worker::from).collect(),
            at: status.at.to_string(),
        }
    }
}

impl From<engine::Layout> for Paths {
    fn from(layout: engine::Layout) -> Self {
        let text = |path: std::path::PathBuf| path.to_string_lossy().into_owned();
        Self { data: text(layout.data), backups: text(layout.backups), registry: text(layout.registry) }
    }
}

impl From<engine::Owner> for Owner {
    fn from(owner: engine::Owner) -> Self {
        Self {
            pid: owner.pid,
            activity: owner.activity,
            since: owner.since,
            socket: owner.socket.map(|socket| socket.to_string_lossy().into_owned()),
        }
    }
}

impl From<engine::RunningTask> for Running {
    fn from(running: engine::RunningTask) -> Self {
        let progress = running.progress.map(|progress| Progress {
            phase: progress.phase.to_owned(),
            done: progress.done,
            total: progress.total,
        });
        Self { activity: running.activity, since: running.since.to_string(), progress }
    }
}

impl From<engine::ProjectStatus> for ProjectStatus {
    fn from(project: engine::ProjectStatus) -> Self {
        let refreshed = project.refreshed.map(|record| LastRefresh {
            at: record.at,
            status: record.status,
            // Written by the engine in these shapes; a record of another version shows as nothing rather than failing.
            counts: serde_json::from_str(&record.counts).unwrap_or_default(),
            problems: serde_json::from_str(&record.problems).unwrap_or_default(),
        });
        Self {
            id: project.id,
            registered: project.registered.unwrap_or(true),
            documents: project.documents,
            chunks: project.chunks,
            refreshed,
        }
    }
}

impl From<engine::SnapshotStatus> for SnapshotStatus {
    fn from(snapshots: engine::SnapshotStatus) -> Self {
        Self {
            problem: snapshots.problem,
            count: snapshots.count as u64,
            newest: snapshots.newest.map(|stamp| stamp.to_string()),
            newest_age_seconds: snapshots.newest_age_seconds,
            newest_generation: snapshots.newest_generation,
            newest_size_bytes: snapshots.newest_size_bytes,
            proven: snapshots.proven.into_iter().map(ProvenSnapshot::from).collect(),
            failing: snapshots.failing as u64,
            last_validation: snapshots.last_validation.map(LastValidation::from),
        }
    }
}
