//! What is stored, how fresh it is, what is running, and when it was last backed up: one place for every page that
//! shows counts, so that none disagree.

pub(crate) mod records;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use atocore_backup::{
    ledger::{Ledger, VerifiedDepth},
    snapshot_directory::SnapshotDirectory,
};
use atocore_model::{
    error::with_causes,
    id::{Generation, SnapshotId},
    project::Project,
    snapshot::Depth,
    time::Timestamp,
};
use atocore_storage::{
    layout::Layout,
    registry::Registry,
    sqlite::{FactCounts, RefreshRecord, SCHEMA_VERSION, StorageError},
};
pub use records::{
    FileProblem, FollowState, FollowStatus, InstallationHealth, InstallationStatus, LastRefresh,
    LastValidation, Paths, ProjectStatus, ProvenSnapshot, RegistryProblem, SnapshotStatus, StoreProblem,
};

use crate::{
    backups,
    behind::{IndexBehind, IndexFault},
    embedding::EmbeddingStatus,
    engine::Engine,
    error::Error,
};

impl StoreProblem {
    fn new(problem: &Error) -> Self {
        Self { code: problem.code(), why: with_causes(problem), hint: problem.hint().unwrap_or_default() }
    }
}

impl Engine {
    /// Whether there is a store, and how far it is.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn health(&self) -> Result<InstallationHealth, Error> {
        let generations = self.store_if_any().and_then(|store| {
            let store = store.map(|store| {
                store.read(|read| Ok::<_, Error>((read.generation()?, read.last_document_change()?)))
            });
            store.transpose()
        });
        let gone = self.in_place().err().map(|gone| StoreProblem::new(&gone));
        let store_problem = gone.or_else(|| self.damage());
        let generations = if store_problem.is_some() { None } else { generations? };
        let (generation, documents_generation) = generations.unwrap_or_default();
        let now = self.clock().now();
        Ok(InstallationHealth {
            schema_version: SCHEMA_VERSION,
            store: generations.is_some(),
            generation,
            documents_generation,
            store_problem,
            proven: backups::own_newest_first(self.layout(), now).ok().map(|stamps| {
                let ledger = Ledger::of(&SnapshotDirectory::new(&self.layout().backups));
                proven(&ledger.newest_proven_to_each(&stamps), now)
            }),
            schedule: self.timetable().jobs(now),
            schedule_problem: self.timetable().problem(),
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
        Some(StoreProblem::new(&problem))
    }

    /// What is stored, how fresh it is, what is running, and when it was last backed up.
    ///
    /// # Errors
    /// When the store or an index cannot be read. A registry or backup directory that cannot be read is in the answer.
    pub fn status(&self) -> Result<InstallationStatus, Error> {
        self.in_place()?;
        let now = self.clock().now();
        let layout = self.layout();
        // What it finds is told below.
        drop(self.look_through_as_reader());
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
        Ok(InstallationStatus {
            projects,
            registry_problem,
            owner: Self::owner(layout)?,
            running: self.running(),
            generation,
            index_generation: of_store.shown,
            indexes_behind: of_store.behind.iter().map(IndexBehind::from).collect(),
            store_problem,
            facts: of_store.facts,
            embedding: of_store.embedding,
            snapshots: snapshots(layout, now).unwrap_or_else(|error| SnapshotStatus {
                problem: Some(with_causes(&error)),
                hint: error.hint(),
                ..SnapshotStatus::default()
            }),
            schedule: self.timetable().jobs(now),
            schedule_problem: self.timetable().problem(),
            workers: self.workers(),
            paths: layout.into(),
            at: now,
        })
    }

    /// That no project is registered although the store has documents; `None` when all is well. A new installation has
    /// neither.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn lost_registry(&self) -> Result<Option<RegistryProblem>, Error> {
        let Some(store) = self.store_if_any()? else { return Ok(None) };
        let projects: Vec<String> =
            store.read(|read| read.counts())?.into_iter().map(|(id, ..)| id).collect();
        if projects.is_empty() || !self.projects().is_ok_and(|registered| registered.is_empty()) {
            return Ok(None);
        }
        let path = self.layout().registry.display();
        let copy = self.newest_registry_copy().map(|copy| {
            format!(
                "copy the registry of the newest snapshot that has one, `{}`, to `{path}`; or ",
                copy.display()
            )
        });
        Ok(Some(RegistryProblem {
            why: format!(
                "no project is registered in `{path}`, and the store has documents of {}",
                projects.join(", ")
            ),
            hint: format!(
                "{}`atocore backup list` shows the snapshots, and `atocore backup restore STAMP` restores one, store and registry together; or register them again: `atocore project add ID --root FOLDER`",
                copy.unwrap_or_default()
            ),
        }))
    }

    /// The registry in the newest snapshot that has one with projects.
    fn newest_registry_copy(&self) -> Option<PathBuf> {
        let snapshots = SnapshotDirectory::new(&self.layout().backups);
        let newest_first = snapshots.newest_first(self.clock().now()).ok()?;
        let name = Path::new("config").join(self.layout().registry.file_name()?);
        let mut copies = newest_first.into_iter().map(|id| snapshots.snapshot(id).join(&name));
        copies.find(|copy| Registry::load(copy).is_ok_and(|registry| !registry.projects().is_empty()))
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
        registered: registered.is_none() || is_registered,
        documents: 0,
        chunks: 0,
        refreshed: None,
        followed: None,
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
            project.refreshed = Some(record.into());
        }
    }
    projects.into_values().collect()
}

fn snapshots(layout: &Layout, now: Timestamp) -> Result<SnapshotStatus, Error> {
    // Looked at once, so that all of this is said of the same snapshots.
    let entries = backups::list_own(layout)?;
    let stamps = backups::stamps_newest_first(&entries, now);
    let overview = Ledger::of(&SnapshotDirectory::new(&layout.backups)).overview(&stamps);
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
        count: entries.len() as u64,
        newest: newest.as_ref().map(|(id, _)| *id),
        newest_age_seconds: newest.as_ref().map(|(id, _)| age(*id, now)),
        newest_generation: recorded.and_then(|metadata| metadata["atocore"]["generation"].as_u64()),
        newest_size_bytes: recorded.and_then(|metadata| {
            Some(metadata["db_size_bytes"].as_u64()? + metadata["chroma_snapshot_bytes"].as_u64()?)
        }),
        proven: proven(&overview.newest, now),
        failing: overview.failing as u64,
        last_validation: overview.last.map(|(stamp, verdict)| LastValidation { stamp, verdict }),
    })
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
            [(false, false), (true, false), (true, true)]
        );
    }
}
