//! What is stored, how fresh it is, what is running, and when it was last backed up: one place for every page that
//! shows counts, so that none disagree.

use std::collections::BTreeMap;

use atocore_backup::{
    ledger::{Ledger, Verdict, VerifiedDepth},
    snapshot_directory::{SnapshotDirectory, newest_first},
};
use atocore_model::{
    error::{ErrorCode, with_causes},
    id::{Generation, SnapshotId},
    project::Project,
    snapshot::Depth,
    time::Timestamp,
};
use atocore_storage::{
    files,
    layout::Layout,
    locks::Owner,
    sqlite::{FactCounts, RefreshRecord, SCHEMA_VERSION, StorageError},
};

use crate::{
    behind::IndexFault, embedding::EmbeddingStatus, engine::Engine, error::Error, ingest_lock::RunningTask,
    schedule::JobStatus, worker::WorkerStatus,
};

/// Whether it is there and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// The schema that this program reads and writes.
    pub schema_version: u32,
    /// The generation of the store; 0 when there is none yet.
    pub generation: Generation,
    /// Whether there is a store.
    pub store: bool,
    /// What is wrong with it; `None` while nothing is, as far as is known.
    pub store_problem: Option<StoreProblem>,
    /// The newest snapshot proven to each depth, the shallowest depth first; `None` when the backup directory cannot be
    /// read.
    pub proven: Option<Vec<ProvenSnapshot>>,
    /// What a server does by itself, when next, and what failed.
    pub schedule: Vec<JobStatus>,
    /// The workers of this process, and whether their work succeeds.
    pub workers: Vec<WorkerStatus>,
}

/// The newest snapshot that is proven to a depth.
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectStatus {
    /// Its id.
    pub id: String,
    /// Whether the registry has it; one that was edited out of the file can still have documents. `None` when the
    /// registry cannot be read.
    pub registered: Option<bool>,
    /// Its documents.
    pub documents: u64,
    /// Its passages.
    pub chunks: u64,
    /// Its last refresh, if there was one.
    pub refreshed: Option<RefreshRecord>,
}

/// Why the registry cannot be read, so that nothing is known of what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryProblem {
    /// What is wrong, as a sentence without its full stop.
    pub why: String,
    /// What helps.
    pub hint: String,
}

/// What is wrong with the store: why it could not be opened, or the damage that was met in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreProblem {
    /// The code that whoever needs the store is told.
    pub code: ErrorCode,
    /// What is wrong, as a sentence without its full stop.
    pub why: String,
    /// What helps.
    pub hint: String,
}

/// The newest snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SnapshotStatus {
    /// Why the backup directory could not be looked at; nothing else is known then.
    pub problem: Option<String>,
    /// What helps against that.
    pub hint: Option<String>,
    /// How many snapshots are listed.
    pub count: usize,
    /// The newest one with metadata that can be read; one of the future only when there is no other.
    pub newest: Option<SnapshotId>,
    /// Its age in seconds; 0 when its stamp is of the future.
    pub newest_age_seconds: Option<u64>,
    /// Its generation, when it records one.
    pub newest_generation: Option<u64>,
    /// The size of its database copy and of its vector store, in bytes, when it records them.
    pub newest_size_bytes: Option<u64>,
    /// The newest snapshot proven to each depth, the shallowest depth first.
    pub proven: Vec<ProvenSnapshot>,
    /// How many snapshots did not stand their last validation.
    pub failing: usize,
    /// The last validation that is written down.
    pub last_validation: Option<(SnapshotId, Verdict)>,
}

/// The whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    /// Where everything lies.
    pub layout: Layout,
    /// Who owns the store, when somebody does.
    pub owner: Option<Owner>,
    /// What is running in this process.
    pub running: Option<RunningTask>,
    /// The generation of the store.
    pub generation: Generation,
    /// The generation that answers show.
    pub index_generation: Option<Generation>,
    /// The indexes that are behind the store because the disk does not let them be written.
    pub indexes_behind: Vec<IndexFault>,
    /// What is wrong with the store; nothing else that is told of it counts then. `None` while nothing is, as far as is
    /// known.
    pub store_problem: Option<StoreProblem>,
    /// How many facts there are.
    pub facts: FactCounts,
    /// Why the registry cannot be read; `None` when it can.
    pub registry_problem: Option<RegistryProblem>,
    /// Every project, by id; without the registry those that something is stored of.
    pub projects: Vec<ProjectStatus>,
    /// Models and vectors.
    pub embedding: EmbeddingStatus,
    /// Snapshots.
    pub snapshots: SnapshotStatus,
    /// What a server does by itself.
    pub schedule: Vec<JobStatus>,
    /// The workers of this process, and whether their work succeeds.
    pub workers: Vec<WorkerStatus>,
    /// When this was put together.
    pub at: Timestamp,
}

impl Engine {
    /// Whether there is a store, and how far it is.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn health(&self) -> Result<Health, Error> {
        self.in_place()?;
        let generation =
            self.store_if_any().and_then(|store| store.map(|store| Ok(store.generation()?)).transpose());
        let store_problem = self.damage();
        let generation = if store_problem.is_some() { None } else { generation? };
        let now = self.clock().now();
        Ok(Health {
            schema_version: SCHEMA_VERSION,
            store: generation.is_some(),
            generation: generation.unwrap_or_default(),
            store_problem,
            proven: Ledger::of(&SnapshotDirectory::new(&self.layout().backups))
                .newest_proven_to_each(now)
                .ok()
                .map(|newest| proven(&newest, now)),
            schedule: self.timetable().jobs(now),
            workers: self.workers(),
        })
    }

    /// What is wrong with the store, as far as is known: why it could not be opened, or the damage that was met in it.
    /// `None` while nothing is.
    #[must_use]
    pub fn damage(&self) -> Option<StoreProblem> {
        let problem: Error = match self.store_if_any() {
            Err(unopened) => unopened,
            Ok(store) => StorageError::damaged(store?.damage()?).into(),
        };
        Some(StoreProblem {
            code: problem.code(),
            why: with_causes(&problem),
            hint: problem.hint().unwrap_or_default(),
        })
    }

    /// What is stored, how fresh it is, what is running, and when it was last backed up.
    ///
    /// # Errors
    /// When the store or an index cannot be read. A registry or backup directory that cannot be read is in the answer.
    pub fn status(&self) -> Result<Status, Error> {
        self.in_place()?;
        let now = self.clock().now();
        let layout = self.layout();
        let (of_store, store_problem) = match (OfStore::look(self), self.damage()) {
            // Half of what a damaged store says is no better than nothing.
            (_, Some(problem)) => (OfStore::nothing(self)?, Some(problem)),
            (looked, None) => (looked?, None),
        };
        let OfStore { generation, counts, refreshes, .. } = of_store;
        let (registered, registry_problem) = match self.projects() {
            Ok(projects) if store_problem.is_some() => (Some(projects), None),
            Ok(projects) => (Some(projects), self.lost_registry()?),
            Err(error) => (None, Some(RegistryProblem::from(&error))),
        };
        let projects = projects_of(registered.as_deref(), counts, refreshes);
        Ok(Status {
            projects,
            registry_problem,
            owner: Self::owner(layout)?,
            running: self.running(),
            generation,
            index_generation: of_store.shown,
            indexes_behind: of_store.behind,
            store_problem,
            facts: of_store.facts,
            embedding: of_store.embedding,
            snapshots: snapshots(layout, now).unwrap_or_else(|error| SnapshotStatus {
                problem: Some(with_causes(&error)),
                hint: error.hint(),
                ..SnapshotStatus::default()
            }),
            schedule: self.timetable().jobs(now),
            workers: self.workers(),
            layout: layout.clone(),
            at: now,
        })
    }

    /// That there is no registry file although the store has documents; `None` when all is well. A new installation has
    /// neither.
    ///
    /// # Errors
    /// When the store cannot be read, or it cannot be seen whether the file is there.
    pub fn lost_registry(&self) -> Result<Option<RegistryProblem>, Error> {
        let path = &self.layout().registry;
        let Some(store) = self.store_if_any()? else { return Ok(None) };
        let projects: Vec<String> =
            store.read(|read| read.counts())?.into_iter().map(|(id, ..)| id).collect();
        if projects.is_empty() || files::exists(path)? {
            return Ok(None);
        }
        Ok(Some(RegistryProblem {
            why: format!(
                "there is no registry in `{}`, and the store has documents of {}",
                path.display(),
                projects.join(", ")
            ),
            hint: "`atocore backup list` shows the snapshots, and `atocore backup restore STAMP` restores one, store and registry together; or register them again: `atocore project add ID --root FOLDER`".to_owned(),
        }))
    }
}

/// What is asked of the store, and of what is derived from it, for the status.
struct OfStore {
    generation: Generation,
    counts: Vec<(String, u64, u64)>,
    refreshes: Vec<RefreshRecord>,
    facts: FactCounts,
    shown: Option<Generation>,
    behind: Vec<IndexFault>,
    embedding: EmbeddingStatus,
}

impl OfStore {
    fn look(engine: &Engine) -> Result<Self, Error> {
        let Some(store) = engine.store_if_any()? else { return Self::nothing(engine) };
        let (generation, counts, refreshes, facts) = store.read(|read| {
            Ok::<_, Error>((read.generation()?, read.counts()?, read.refreshes()?, read.fact_counts()?))
        })?;
        Ok(Self {
            generation,
            counts,
            refreshes,
            facts,
            shown: engine.shown()?,
            behind: engine.indexes_behind()?,
            embedding: engine.embedding_status()?,
        })
    }

    /// Where there is no store, or none that counts.
    fn nothing(engine: &Engine) -> Result<Self, Error> {
        Ok(Self {
            generation: Generation::default(),
            counts: Vec::new(),
            refreshes: Vec::new(),
            facts: FactCounts::default(),
            shown: None,
            behind: Vec::new(),
            embedding: engine.embedding().status(None, engine.wants_vectors())?,
        })
    }
}

/// What is known of each project, by id; of those that are registered and of those that have documents.
fn projects_of(
    registered: Option<&[Project]>,
    counts: Vec<(String, u64, u64)>,
    refreshes: Vec<RefreshRecord>,
) -> Vec<ProjectStatus> {
    let nothing = |id: &str, is_registered: bool| ProjectStatus {
        id: id.to_owned(),
        registered: registered.map(|_| is_registered),
        documents: 0,
        chunks: 0,
        refreshed: None,
    };
    let registered = registered.unwrap_or_default().iter().map(|project| project.id.as_str());
    let mut projects: BTreeMap<String, ProjectStatus> =
        registered.map(|id| (id.to_owned(), nothing(id, true))).collect();
    for (id, documents, chunks) in counts {
        let project = projects.entry(id).or_insert_with_key(|id| nothing(id, false));
        (project.documents, project.chunks) = (documents, chunks);
    }
    for record in refreshes {
        if let Some(project) = projects.get_mut(&record.project) {
            project.refreshed = Some(record);
        }
    }
    projects.into_values().collect()
}

fn snapshots(layout: &Layout, now: Timestamp) -> Result<SnapshotStatus, Error> {
    let vault = SnapshotDirectory::new(&layout.backups);
    // Looked at once, so that all of this is said of the same snapshots.
    let entries = vault.list()?;
    let stamps = newest_first(entries.iter().filter_map(|entry| entry.stamp.parse().ok()).collect(), now);
    let overview = Ledger::of(&vault).overview(&stamps);
    let readable = |id: &SnapshotId| {
        let stamp = id.to_string();
        let found = entries.iter().find(|entry| entry.stamp == stamp && entry.metadata.is_some());
        found.map(|entry| (*id, entry))
    };
    let newest = stamps.iter().find_map(readable);
    let recorded = newest.as_ref().and_then(|(_, entry)| entry.metadata.as_ref());
    Ok(SnapshotStatus {
        problem: None,
        hint: None,
        count: entries.len(),
        newest: newest.as_ref().map(|(id, _)| *id),
        newest_age_seconds: newest.as_ref().map(|(id, _)| age(*id, now)),
        newest_generation: recorded.and_then(|metadata| metadata["atocore"]["generation"].as_u64()),
        newest_size_bytes: recorded.and_then(|metadata| {
            Some(metadata["db_size_bytes"].as_u64()? + metadata["chroma_snapshot_bytes"].as_u64()?)
        }),
        proven: proven(&overview.newest, now),
        failing: overview.failing,
        last_validation: overview.last,
    })
}

impl From<&Error> for RegistryProblem {
    fn from(error: &Error) -> Self {
        Self { why: with_causes(error), hint: error.hint().unwrap_or_default() }
    }
}

fn age(id: SnapshotId, now: Timestamp) -> u64 {
    u64::try_from(now.get().as_second() - id.time().as_second()).unwrap_or(0)
}

/// One for every depth.
fn proven(newest: &BTreeMap<Depth, (SnapshotId, VerifiedDepth)>, now: Timestamp) -> Vec<ProvenSnapshot> {
    let of = |depth| {
        let found = newest.get(&depth);
        ProvenSnapshot {
            depth,
            stamp: found.map(|(id, _)| *id),
            age_seconds: found.map(|(id, _)| age(*id, now)),
            proven_at: found.map(|(_, proven)| proven.at),
        }
    };
    Depth::ALL.map(of).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_of_many_projects_is_joined_without_comparing_each_with_each() {
        // Comparing each with each would not end while somebody waits.
        const MANY: usize = 300_000;
        let id = |number: usize| format!("p{number:06}");
        let project = |number| Project {
            id: id(number).parse().unwrap(),
            aliases: Vec::new(),
            description: String::new(),
            roots: Vec::new(),
        };
        let registered: Vec<Project> = (1..MANY).map(project).collect();
        let counts = (0..MANY).rev().map(|number| (id(number), 1, 2)).collect();
        let refreshed = |number| RefreshRecord {
            project: id(number),
            at: String::new(),
            status: String::new(),
            counts: String::new(),
            problems: String::new(),
            left_out: Vec::new(),
            mounts: Vec::new(),
        };
        let projects = projects_of(Some(&registered), counts, (2..MANY + 9).map(refreshed).collect());
        assert!(projects.is_sorted_by(|one, next| one.id < next.id) && projects.len() == MANY);
        assert!(projects.iter().all(|project| (project.documents, project.chunks) == (1, 2)));
        let told = |project: &ProjectStatus| (project.registered, project.refreshed.is_some());
        assert_eq!(
            projects[..3].iter().map(told).collect::<Vec<_>>(),
            [(Some(false), false), (Some(true), false), (Some(true), true)]
        );
    }
}
