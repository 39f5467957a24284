//! What the operations share of an engine.

use std::time::Duration;

use atocore_model::{project::Project, time::Clock};
use atocore_storage::{
    layout::Layout,
    registry::Registry,
    sqlite::{StorageError, Store},
};

use super::Engine;
use crate::{
    config::EngineConfig,
    embedding::{Embedding, EmbeddingStatus},
    error::Error,
    ingest_lock::{IngestLock, RunningTask},
    projects::roots::Folders,
    question_keeper::QuestionKeeper,
    schedule::Timetable,
    worker::WorkerStatus,
};

impl Engine {
    pub(crate) fn store(&self) -> Result<&Store, Error> {
        self.store_if_any()?.ok_or_else(|| Error::StoreMissing(self.config.layout.database()))
    }

    /// Whether the store that this engine owns still is where it was opened.
    pub(crate) fn in_place(&self) -> Result<(), Error> {
        self.store.as_deref().map_or(Ok(()), |store| Ok(store.in_place()?))
    }

    /// Whether no other process can own the store meanwhile.
    pub(crate) fn owns_it(&self) -> Result<(), Error> {
        self.lock.as_ref().map_or(Ok(()), |lock| Ok(lock.in_place().map_err(StorageError::from)?))
    }

    pub(crate) fn embedding(&self) -> &Embedding {
        &self.embedding
    }

    /// The store; `None` when there is none yet.
    ///
    /// # Errors
    /// When there is one, and it could not be opened.
    pub(crate) fn store_if_any(&self) -> Result<Option<&Store>, Error> {
        match (self.store.as_deref(), &self.unopened) {
            (None, Some(error)) => Err(error.told()),
            (store, _) => Ok(store),
        }
    }

    pub(crate) const fn config(&self) -> &EngineConfig {
        &self.config
    }

    /// Where times come from.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        &*self.config.clock
    }

    /// What is done by itself here, and what became of it.
    #[must_use]
    pub const fn timetable(&self) -> &Timetable {
        &self.timetable
    }

    /// How long to wait for others who use the store.
    #[must_use]
    pub const fn busy_timeout(&self) -> Duration {
        self.config.busy_timeout
    }

    /// The projects there are; none when the registry cannot be read.
    pub(crate) fn registered(&self) -> Vec<Project> {
        self.projects.registry().map(|registry| registry.projects().to_vec()).unwrap_or_default()
    }

    pub(crate) const fn layout(&self) -> &Layout {
        &self.config.layout
    }

    pub(crate) const fn folders(&self) -> &Folders {
        self.projects.folders()
    }

    pub(crate) fn embedding_status(&self) -> Result<EmbeddingStatus, Error> {
        self.embedding.status(self.store_if_any()?, self.wants_vectors())
    }

    pub(crate) fn ingest_lock(&self) -> &IngestLock {
        &self.ingest_lock
    }

    pub(crate) fn save_registry(&self, registry: &Registry) -> Result<(), Error> {
        self.projects.save(registry)
    }

    /// How the workers do that this engine has.
    #[must_use]
    pub fn workers(&self) -> Vec<WorkerStatus> {
        let making = self.making.as_ref().map(|_| self.embedding.controls.status());
        let keeping = self.questions.iter().map(QuestionKeeper::status);
        let indexing = self.lexical_indexer.iter().map(|lexical_indexer| lexical_indexer.status());
        indexing.chain(making).chain(keeping).collect()
    }

    pub(crate) fn running(&self) -> Option<RunningTask> {
        self.ingest_lock.running()
    }
}
