//! What every operation starts from: the open engine, its projects, its questions and its vectors.
//!
//! The other operations are methods that the files of their nouns add: `status.rs`, `doctor.rs`, `facts.rs`,
//! `backups.rs`, `restore.rs`, `importing.rs`, `evaluation.rs`, and those in the folder `engine`.

mod answering;
mod context;
mod documents;
mod ingesting;
mod kept_questions;
pub(crate) mod known_stores;
mod linked_passages;
mod links;
mod opening;
mod related;
mod sharing;
mod snapshots;
mod visibility;
mod yielding;

pub use documents::{DocumentEntry, DocumentFilter, RecentDocument};
pub use kept_questions::UnfoundDocuments;
pub use links::{DocumentLinks, LinkEntry, NamedDocument, UnresolvedLinks};
pub use related::{RelatedDocument, RelatedDocuments};

use std::{path::PathBuf, sync::Arc};

use atocore_backup::in_place::RecoveryOutcome;
use atocore_model::{
    error::ErrorCode,
    id::{Generation, ProjectId},
    monitor::Monitor,
    name::ProjectName,
    project::Project,
    query::{Answer, QueryRequest},
};
use atocore_storage::{
    layout::Layout,
    locks::{self, Owner, OwnerLock, OwnersOut, ReaderLock},
    registry::Registry,
    reserve,
    sqlite::{Committed, LoggedOperation, StorageError, Store, Upgrade, WriteTransaction},
    vector::Comparison,
};

use self::answering::AnswerSource;
use crate::{
    caller::Caller,
    config::EngineConfig,
    embedding::{EmbedContext, Embedding, EmbeddingReport},
    error::Error,
    file_check::FileCheck,
    ingest_lock::IngestLock,
    lexical_index::LexicalIndexHandle,
    lexical_indexer::LexicalIndexer,
    projects::{
        ProjectChange, Projects, RemovalPlan,
        roots::{Folders, SourceStatus},
    },
    question_keeper::QuestionKeeper,
    retrieval::RankWeights,
    schedule::Timetable,
    worker::Worker,
};

/// What an engine is opened for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// To read and write, as the one process that owns the store.
    Own {
        /// What for, as others are told: `serve`, `refresh notes`.
        activity: String,
        /// Where requests are taken meanwhile.
        socket: Option<PathBuf>,
    },
    /// To restore over what is there, even when it is damaged and cannot be opened.
    Replace {
        /// What for, as others are told.
        activity: String,
    },
    /// To read, beside an owner or without one. Nothing is created or changed.
    Read,
}

/// An open AtoCore. All methods can be called from many threads at once.
#[derive(Debug)]
pub struct Engine {
    config: EngineConfig,
    projects: Projects,
    timetable: Timetable,
    ingest_lock: Arc<IngestLock>,
    // Declared first of these: the thread ends before what it works with is closed.
    making: Option<Worker>,
    embedding: Arc<Embedding>,
    // So does this one, and what was noted is written before.
    questions: Option<QuestionKeeper>,
    // Declared before the store and the lock: the thread ends before what it works with is closed.
    lexical_indexer: Option<Arc<LexicalIndexer>>,
    lexical_index: Option<Arc<LexicalIndexHandle>>,
    store: Option<Arc<Store>>,
    recovered: RecoveryOutcome,
    /// Whether vectors are made behind the commits whenever the store is open.
    embeds: bool,
    /// Why the store is not open although it is there.
    unopened: Option<Error>,
    reading: Option<ReaderLock>,
    owners_out: Option<OwnersOut>,
    lock: Option<OwnerLock>,
}

impl Engine {
    /// Opens an installation. An owner creates what is missing and brings the indexes up to date first, as far as the
    /// disk lets them be written. On a full disk it gives up some of the room that was kept back for that.
    ///
    /// # Errors
    /// When another process owns the store, or the store cannot be opened.
    pub fn open(config: EngineConfig, access: Access, monitor: &dyn Monitor) -> Result<Self, Error> {
        let reserve = config.layout.reserve();
        loop {
            match Self::open_once(config.clone(), access.clone(), monitor) {
                // What was kept back is for this: to look, and to take a snapshot to another disk.
                Err(error)
                    if error.code() == ErrorCode::DiskFull && reserve::give(&reserve).unwrap_or(false) => {}
                Ok(engine) if access != Access::Read => {
                    // Without it a full disk is told, and nothing worse.
                    drop(reserve::keep(&reserve));
                    return Ok(engine);
                }
                opened => return opened,
            }
        }
    }

    fn open_once(config: EngineConfig, access: Access, monitor: &dyn Monitor) -> Result<Self, Error> {
        let folders = Folders { vault: config.vault_dir.clone(), drive: config.drive_dir.clone() };
        let mut engine = Self {
            projects: Projects::new(config.layout.registry.clone(), folders),
            timetable: Timetable::new(&config.layout, config.schedule.clone()),
            ingest_lock: Arc::default(),
            making: None,
            embedding: Arc::new(Embedding::without_index(config.model.clone())),
            questions: None,
            lexical_indexer: None,
            lexical_index: None,
            store: None,
            recovered: RecoveryOutcome::Nothing,
            embeds: false,
            unopened: None,
            reading: None,
            owners_out: None,
            lock: None,
            config,
        };
        match access {
            Access::Own { activity, socket } => {
                let serves = socket.is_some();
                engine.own(activity, socket)?;
                match engine.open_store(monitor) {
                    // A server says so to everybody who asks, and is where it can be restored.
                    Err(error) if serves && error.told().code() == ErrorCode::StoreDamaged => {
                        let _told = engine.keep_closed(error, monitor);
                    }
                    opened => opened?,
                }
            }
            Access::Replace { activity } => {
                engine.own(activity, None)?;
                if let Err(error) = engine.open_store(monitor) {
                    // What cannot be opened cannot be saved before it is replaced. So it must be beyond help. One that is
                    // open can be, whatever is wrong beside it.
                    if engine.store.is_none() && !error.blames_the_store() {
                        return Err(error);
                    }
                    engine.unopened = Some(error);
                }
            }
            Access::Read => engine.look()?,
        }
        Ok(engine)
    }

    /// The process that owns the store of an installation now, or `None`.
    ///
    /// # Errors
    /// When the lock cannot be looked at, or its owner has not said who it is.
    pub fn owner(layout: &Layout) -> Result<Option<Owner>, Error> {
        Ok(locks::current_owner(&layout.locks())?)
    }

    /// What opening this engine did about a restore that was cut short.
    #[must_use]
    pub const fn recovered(&self) -> &RecoveryOutcome {
        &self.recovered
    }

    /// What opening this engine did about a store of an older schema.
    #[must_use]
    pub fn upgrade(&self) -> Option<&Upgrade> {
        self.store.as_deref().and_then(Store::upgrade)
    }

    // Projects.

    /// Every registered project, in the order of the registry.
    ///
    /// # Errors
    /// When the registry is not valid.
    pub fn projects(&self) -> Result<Vec<Project>, Error> {
        Ok(self.projects.registry()?.projects().to_vec())
    }

    /// The project that an id or alias stands for.
    ///
    /// # Errors
    /// When there is none.
    pub fn project(&self, name: &ProjectName) -> Result<Project, Error> {
        self.projects.resolve(name)
    }

    /// Registers a project. Nothing is ingested yet.
    ///
    /// # Errors
    /// When its id, an alias or a root is taken, or a root cannot be used by this caller.
    ///
    /// # Durability
    /// The registry is on disk when this returns `Ok`.
    pub fn add_project(&self, project: Project, caller: Caller) -> Result<Project, Error> {
        self.change_registry(&project.id.clone(), caller, "project_add", |projects| {
            Ok((projects.adding(&project, caller)?, project))
        })
    }

    /// The folders that a project would have. Nothing is registered.
    ///
    /// # Errors
    /// As [`Engine::add_project`].
    pub fn propose_project(&self, project: &Project, caller: Caller) -> Result<Vec<SourceStatus>, Error> {
        let _registry = self.projects.adding(project, caller)?;
        Ok(self.projects.folders().sources(project))
    }

    /// Every root of every project, and whether it can be read.
    ///
    /// # Errors
    /// When the registry is not valid.
    pub fn sources(&self) -> Result<Vec<SourceStatus>, Error> {
        let folders = self.projects.folders();
        Ok(self.projects()?.iter().flat_map(|project| folders.sources(project)).collect())
    }

    /// Changes a project in the registry.
    ///
    /// # Errors
    /// As [`Engine::add_project`].
    ///
    /// # Durability
    /// The registry is on disk when this returns `Ok`.
    pub fn update_project(
        &self,
        name: &ProjectName,
        change: ProjectChange,
        caller: Caller,
    ) -> Result<Project, Error> {
        let id = self.project(name)?.id;
        self.change_registry(&id, caller, "project_update", |projects| {
            projects.changing(name, change, caller)
        })
    }

    /// What removing a project would remove.
    ///
    /// # Errors
    /// When there is no such project.
    pub fn plan_removal(&self, name: &ProjectName) -> Result<RemovalPlan, Error> {
        let project = self.project(name)?;
        let (generation, counts, facts_kept) = match self.store_if_any()? {
            Some(store) => store.read(|read| {
                Ok::<_, Error>((read.generation()?, read.counts()?, read.facts_of(&project.id)?))
            })?,
            None => (Generation::default(), Vec::new(), 0),
        };
        let (_, documents, chunks) =
            counts.into_iter().find(|(id, ..)| id == project.id.as_str()).unwrap_or_default();
        Ok(RemovalPlan { project, documents, chunks, facts_kept, generation })
    }

    /// Removes a project and its documents from the store, as planned. The files stay.
    ///
    /// # Errors
    /// When the store has moved on since the plan was made.
    ///
    /// # Durability
    /// Store and registry are on disk when this returns `Ok`. A crash in between leaves documents without a project, which
    /// `doctor` names.
    pub fn remove_project(&self, plan: &RemovalPlan, caller: Caller) -> Result<(), Error> {
        let activity = format!("removal of {}", plan.project.id);
        let _guard = self.ingest_lock.begin(&activity, self.config.clock.now(), self.config.busy_timeout)?;
        let operation = LoggedOperation {
            interface: caller.interface(),
            action: "project_remove",
            subject: plan.project.id.as_str(),
        };
        let committed = self.write_with_registry(&operation, |write, projects| {
            let planned = plan.generation.0 + 1;
            let present = write.generation()?;
            if present.0 != planned {
                let present = Generation(present.0 - 1);
                return Err(Error::PlanOutdated { planned: plan.generation, present });
            }
            write.remove_project(&plan.project.id)?;
            Ok((projects.registry()?.without(&plan.project.id).map_err(Error::NameTaken)?, ()))
        })?;
        self.see(committed.version.generation)
    }

    /// Changes the registry file, with a line in the operation log.
    fn change_registry(
        &self,
        project: &ProjectId,
        caller: Caller,
        action: &str,
        change: impl FnOnce(&Projects) -> Result<(Registry, Project), Error>,
    ) -> Result<Project, Error> {
        let operation = LoggedOperation { interface: caller.interface(), action, subject: project.as_str() };
        Ok(self.write_with_registry(&operation, |_, projects| change(projects))?.value)
    }

    /// Changes the store and the registry file under the write barrier. A snapshot takes the registry under the same
    /// barrier, so it has both the change and the file, or neither; and nobody else changes the file in between.
    fn write_with_registry<T>(
        &self,
        operation: &LoggedOperation<'_>,
        change: impl FnOnce(&WriteTransaction<'_>, &Projects) -> Result<(Registry, T), Error>,
    ) -> Result<Committed<T>, Error> {
        let mut before = None;
        let written = self.store()?.write(operation, |write| {
            let (registry, value) = change(write, &self.projects)?;
            before = Some(self.projects.registry()?);
            self.projects.save(&registry)?;
            Ok(value)
        });
        if let (Err(_), Some(before)) = (&written, before) {
            // It could not be committed, so the file goes back too; the first error is the one to report.
            drop(self.projects.save(&before));
        }
        written
    }

    // Retrieval.

    /// Answers a question. Passages of files that were removed are left out, those of files that were changed are
    /// marked.
    ///
    /// # Errors
    /// When the project is unknown, there is no store, or the generation to wait for does not come in time.
    pub fn query(&self, query: &QueryRequest) -> Result<Answer, Error> {
        let (embedding, files) = (&*self.embedding, Some(&FileCheck::new()));
        let from = AnswerSource { embedding, files, within: None };
        let answer = self.query_from(from, query, &self.config.weights)?;
        self.note_question(query, answer.project.as_ref(), &answer.hits);
        Ok(answer)
    }

    /// Answers a question from the store as it is, whatever has become of the files, with other weights than those of
    /// the settings, to compare them.
    ///
    /// # Errors
    /// As [`Engine::query`].
    pub fn query_with(&self, query: &QueryRequest, weights: &RankWeights) -> Result<Answer, Error> {
        self.query_on(&self.embedding, query, weights)
    }

    /// As [`Engine::query_with`], with vectors that are searched elsewhere.
    pub(crate) fn query_on(
        &self,
        embedding: &Embedding,
        query: &QueryRequest,
        weights: &RankWeights,
    ) -> Result<Answer, Error> {
        self.query_from(AnswerSource { embedding, files: None, within: None }, query, weights)
    }

    fn query_from(
        &self,
        from: AnswerSource<'_>,
        query: &QueryRequest,
        weights: &RankWeights,
    ) -> Result<Answer, Error> {
        let project = self.project_of(&query.project)?;
        Ok(self.answer(from, query, project.as_ref(), weights, |_| Ok(()))?.0)
    }

    // Meaning.

    /// Makes the vectors that are missing and lets answers use them; with a thread that does so too, waits for its
    /// guard.
    ///
    /// # Errors
    /// [`Error::NoModel`]; [`atocore_storage::vector::VectorError::Unavailable`], when the vectors were made and kept, and the server that they
    /// are searched on has not got them yet; or when the store or the index cannot be written.
    ///
    /// # Durability
    /// Every vector is committed a few seconds after it was made at the latest; the next run goes on from there.
    ///
    /// # Cancellation
    /// At every passage; [`Error::Cancelled`].
    pub fn embed(&self, monitor: &dyn Monitor) -> Result<EmbeddingReport, Error> {
        let report = self.embedding.make(&self.embed_context()?, monitor)?;
        self.with_outage(report)
    }

    /// Compares every vector of the index with the store, after bringing the index up to date.
    ///
    /// # Errors
    /// When the index is damaged, its server is of no use, or something else is being written.
    ///
    /// # Cancellation
    /// At every document; [`Error::Cancelled`].
    pub fn verify_index(&self, monitor: &dyn Monitor) -> Result<Comparison, Error> {
        let _paused = self.embedding.pause();
        self.embedding.verify(&self.embed_context()?, monitor)
    }

    /// Builds the vector index anew from the vectors of the store, and returns how many it holds.
    ///
    /// # Errors
    /// As [`Engine::verify_index`], or when it cannot be written; answers then come from the present one.
    ///
    /// # Cancellation
    /// At every document; [`Error::Cancelled`].
    pub fn rebuild_index(&self, monitor: &dyn Monitor) -> Result<u64, Error> {
        let _paused = self.embedding.pause();
        self.embedding.rebuild(&self.embed_context()?, monitor)
    }

    fn embed_context(&self) -> Result<EmbedContext<'_>, Error> {
        Ok(EmbedContext {
            store: self.store()?,
            lexical_indexer: self.lexical_indexer.as_ref().ok_or(StorageError::ReadOnly)?,
            ingest_lock: &self.ingest_lock,
            clock: &*self.config.clock,
            busy_timeout: self.config.busy_timeout,
            polite: false,
        })
    }
}
