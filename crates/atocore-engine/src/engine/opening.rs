//! Opens an installation: as its owner, who creates what is missing and brings the indexes up to date first, or to look.

use std::{path::PathBuf, sync::Arc};

use atocore_backup::replace;
use atocore_model::{monitor::Monitor, ranking::Mode};
use atocore_storage::{
    files,
    lexical::IndexAccess,
    locks::{Owner, OwnerLock, ReaderLock},
    sqlite::{StorageError, Store, StoreOptions},
};

use super::Engine;
use crate::{
    embedding::{Embedding, MakeVectors, ModelChoice, VectorStore},
    error::Error,
    freshness::{Freshness, StoredWords},
    words::Words,
};

impl Engine {
    pub(super) fn own(&mut self, activity: String, socket: Option<PathBuf>) -> Result<(), Error> {
        let layout = &self.config.layout;
        // Before the lock is taken: whoever may read its file could keep it.
        layout.close_to_others();
        let since = self.config.clock.now().to_string();
        let owner = Owner { pid: std::process::id(), activity, since, socket };
        self.lock = Some(OwnerLock::acquire(&layout.locks(), &owner, self.config.busy_timeout)?);
        files::remove_tree(&layout.scratch())?;
        // Left-overs of dead owners do no harm, so failing to remove them does none either.
        drop(files::remove_staged(&layout.registry));
        Ok(())
    }

    /// Opens the store that this engine has the lock of, after finishing a restore that was cut short, and brings the
    /// indexes up to date. One that the disk does not let be written stays behind, see [`Engine::indexes_behind`]; it is
    /// tried again with the next write, with the next opening, and from time to time.
    pub(crate) fn open_store(&mut self, monitor: &dyn Monitor) -> Result<(), Error> {
        let layout = &self.config.layout;
        self.recovered = replace::recover(layout)?;
        files::remove_tree(&layout.incoming_indexes())?;
        let store = Store::open(&layout.database(), self.store_options())?;
        let store = Arc::new(match &self.lock {
            Some(lock) => store.owned_by(lock),
            None => store,
        });
        let words = Arc::new(Words::open(layout.lexical_index(), IndexAccess::Write)?);
        self.embedding = self.open_embedding(IndexAccess::Write)?;
        self.store = Some(Arc::clone(&store));
        self.words = Some(Arc::clone(&words));
        let shown = if self.words_are_current()? {
            store.generation()?
        } else {
            match words.catch_up(&store, monitor) {
                Ok(mark) => mark.generation,
                // It stays behind, which answers say, and the owner goes on: a snapshot needs no index.
                Err(error) if error.os_error().is_some() => self.shown()?.unwrap_or_default(),
                Err(error) => return Err(error.into()),
            }
        };
        // A server of vectors is not waited for.
        if self.config.vectors == VectorStore::Embedded {
            match self.embedding.catch_up(&store, monitor) {
                Err(Error::Vector(error)) if error.os_error().is_some() => {}
                done => done?,
            }
        }
        let (clock, also) = (Arc::clone(&self.config.clock), Arc::clone(&self.embedding.controls));
        let freshness = Freshness::start(StoredWords { store, words }, shown, clock, also)?;
        self.freshness = Some(Arc::new(freshness));
        Ok(())
    }

    fn open_embedding(&self, access: IndexAccess) -> Result<Arc<Embedding>, Error> {
        let model = self.config.model.clone();
        Ok(Arc::new(match &self.config.vectors {
            VectorStore::Embedded => Embedding::open(model, &self.config.layout.vector_index(), access)?,
            VectorStore::Chroma(server) => {
                Embedding::on_server(model, server.clone(), access, Arc::clone(&self.config.clock))
            }
        }))
    }

    pub(crate) const fn embedding_model(&self) -> &ModelChoice {
        &self.config.model
    }

    /// Whether the settings want passages to be found by meaning.
    #[must_use]
    pub fn wants_vectors(&self) -> bool {
        self.config.weights.mode != Mode::Lexical
    }

    /// Starts to make vectors behind the commits, and goes on until the engine is closed. For an owner that stays;
    /// does nothing when the settings want none.
    pub fn start_embedding(&mut self) {
        if let (Some(store), Some(freshness), true) = (&self.store, &self.freshness, self.wants_vectors()) {
            self.embedding.warm_up();
            let work = MakeVectors {
                embedding: Arc::clone(&self.embedding),
                store: Arc::clone(store),
                freshness: Arc::clone(freshness),
                exclusive: Arc::clone(&self.exclusive),
                clock: Arc::clone(&self.config.clock),
                busy_timeout: self.config.busy_timeout,
            };
            self.making = self.embedding.noted_of_the_worker(work.start());
        }
    }

    /// Closes the store and everything derived from it, and keeps the lock; returns whether vectors were being made.
    pub(crate) fn close_store(&mut self) -> Result<bool, Error> {
        let was_embedding = self.making.take().is_some();
        self.embedding = Arc::new(Embedding::without_index(self.config.model.clone()));
        self.freshness = None;
        self.words = None;
        match self.store.take().map(Arc::try_unwrap) {
            Some(Err(store)) => {
                // Somebody still works with it: swapping its file away would lose what they write.
                self.store = Some(store);
                Err(Error::IndexNotReady)
            }
            Some(Ok(_)) | None => Ok(was_embedding),
        }
    }

    pub(super) fn look(&mut self) -> Result<(), Error> {
        let layout = &self.config.layout;
        self.reading = Some(ReaderLock::acquire(&layout.locks(), self.config.busy_timeout)?);
        if replace::is_pending(layout)? {
            return Err(Error::RestorePending);
        }
        match Store::open_read_only(&layout.database(), self.store_options()) {
            Ok(store) => self.store = Some(Arc::new(store)),
            Err(StorageError::Missing(_)) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        self.embedding = self.open_embedding(IndexAccess::Read)?;
        // It is derived: what cannot be opened the next owner makes anew, and queries say that it is not ready.
        self.words = Some(Arc::new(Words::open(layout.lexical_index(), IndexAccess::Read)?));
        Ok(())
    }

    pub(crate) fn store_options(&self) -> StoreOptions {
        StoreOptions { busy_timeout: self.config.busy_timeout, clock: Arc::clone(&self.config.clock) }
    }
}
