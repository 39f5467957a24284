//! Opens an installation: as its owner, who creates what is missing and brings the indexes up to date first, or to look.

use std::{path::PathBuf, sync::Arc};

use atocore_backup::{in_place, snapshot_directory::SnapshotDirectory};
use atocore_model::{monitor::Monitor, ranking::Mode};
use atocore_storage::{
    files::{self, Kind},
    lexical::{IndexAccess, LexicalIndex},
    locks::{Owner, OwnerLock, OwnersOut, ReaderLock},
    sqlite::{StorageError, Store, StoreOptions},
};

use super::{Engine, known_stores};
use crate::{
    embedding::{Embedding, MakeVectors, ModelChoice, VectorStore},
    error::Error,
    lexical_index::LexicalIndexHandle,
    lexical_indexer::{LexicalIndexer, StoreLexicalIndex},
    question_keeper::QuestionKeeper,
};

/// A store up to this size is looked through for damage whenever its owner opens it; that takes two tenths of a
/// second at most. A server looks through a larger one once it answers.
const LOOKED_THROUGH_BYTES: u64 = 64 << 20;

impl Engine {
    pub(super) fn own(&mut self, activity: String, socket: Option<PathBuf>) -> Result<(), Error> {
        let layout = &self.config.layout;
        // Before the lock is taken: whoever may read its file could keep it.
        layout.close_to_others(&SnapshotDirectory::new(&layout.backups).parts());
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
    ///
    /// A store of a moderate size is looked through for damage first: what is written into a damaged one may be lost.
    ///
    /// # Errors
    /// When it cannot be opened, or is damaged. It may be open then, and nothing that is derived from it is.
    pub(crate) fn open_store(&mut self, monitor: &dyn Monitor) -> Result<(), Error> {
        let opened = self.try_to_open(monitor);
        // Whatever it comes out as, of an index for example, that is what is wrong.
        match self.store.as_ref().and_then(|store| store.damage()) {
            Some(why) if opened.is_err() => Err(StorageError::damaged(why).into()),
            _ => opened,
        }
    }

    fn try_to_open(&mut self, monitor: &dyn Monitor) -> Result<(), Error> {
        let layout = &self.config.layout;
        self.recovered = in_place::recover(layout)?;
        files::remove_tree(&layout.incoming_indexes())?;
        self.refuse_lost_store()?;
        let store = Store::open_keeping(&layout.database(), self.store_options(), &layout.before_upgrade())?;
        let store = Arc::new(match &self.lock {
            Some(lock) => store.owned_by(lock),
            None => store,
        });
        self.store = Some(Arc::clone(&store));
        look_through_moderate(&store)?;
        self.follow(Arc::clone(&store), monitor)?;
        known_stores::remember(&self.config.layout, &store.read(|read| read.store_id())?);
        self.unopened = None;
        Ok(())
    }

    /// Refuses to begin an empty store where there was one that is gone, which the lexical index tells, or the file beside the
    /// registry.
    ///
    /// # Errors
    /// [`Error::StoreLost`]. What cannot be looked at is for the opening to tell.
    fn refuse_lost_store(&self) -> Result<(), Error> {
        let layout = &self.config.layout;
        let (database, index) = (layout.database(), layout.lexical_index());
        // Whatever its log has: SQLite throws away the log of an empty database.
        let found = files::followed(&database).and_then(|path| files::kind(&path));
        if !matches!(found, Ok(None | Some(Kind::File(0)))) {
            return Ok(());
        }
        // An index that cannot be read tells nothing.
        let shown = || LexicalIndex::open(&index, IndexAccess::Read).ok()?.version();
        let mut traces = Vec::new();
        if shown().is_some_and(|version| version.generation.0 > 0) {
            traces.push(index.clone());
        }
        if known_stores::id_of(layout).is_some() {
            traces.push(layout.known_stores());
        }
        if traces.is_empty() { Ok(()) } else { Err(Error::StoreLost { database, traces }) }
    }

    /// Looks through a store for damage that is too large for that to be done on opening; [`Engine::damage`] tells of it.
    ///
    /// # Errors
    /// When it cannot be read for another reason.
    pub fn look_through(&self) -> Result<(), Error> {
        let Some(store) = &self.store else { return Ok(()) };
        if store.read(|read| read.size_bytes())? > LOOKED_THROUGH_BYTES {
            let _known = store.look_for_damage()?;
        }
        Ok(())
    }

    /// As [`Engine::look_through`], of a store that is small enough for it to be done while somebody waits, by a process that
    /// has only come to look: its owner has done so when it opened the store.
    ///
    /// # Errors
    /// When the store is damaged, or cannot be read.
    pub(crate) fn look_through_as_reader(&self) -> Result<(), Error> {
        match &self.store {
            Some(store) if self.lock.is_none() => look_through_moderate(store),
            _ => Ok(()),
        }
    }

    /// Opens what is derived from an open store, and starts whoever follows it.
    fn follow(&mut self, store: Arc<Store>, monitor: &dyn Monitor) -> Result<(), Error> {
        let layout = &self.config.layout;
        let lexical_index = Arc::new(LexicalIndexHandle::open(layout.lexical_index(), IndexAccess::Write)?);
        self.embedding = self.open_embedding(IndexAccess::Write)?;
        self.lexical_index = Some(Arc::clone(&lexical_index));
        let shown = if self.lexical_is_current()? {
            store.generation()?
        } else {
            match lexical_index.catch_up(&store, monitor) {
                Ok(version) => version.generation,
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
        let kept_in = Arc::clone(&store);
        let (clock, also) = (Arc::clone(&self.config.clock), Arc::clone(&self.embedding.controls));
        let lexical_indexer =
            LexicalIndexer::start(StoreLexicalIndex { store, lexical_index }, shown, clock, also)?;
        self.lexical_indexer = Some(Arc::new(lexical_indexer));
        if self.config.keep_questions {
            let clock = Arc::clone(&self.config.clock);
            self.questions = Some(QuestionKeeper::start(kept_in, clock)?);
        }
        self.embed_behind();
        Ok(())
    }

    /// Whether a restore has left the store closed for a reason that may pass.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        let owns = self.lock.is_some();
        owns && self.store.is_none() && !self.unopened.as_ref().is_some_and(Error::blames_the_store)
    }

    /// Opens the store again that a restore has left closed.
    ///
    /// # Errors
    /// Why that is not possible yet, which everybody who needs the store is told too.
    pub fn reopen(&mut self, monitor: &dyn Monitor) -> Result<(), Error> {
        self.open_store(monitor).map_err(|error| self.keep_closed(error, monitor))
    }

    /// Keeps the store closed that could not be opened whole, and why, and returns what everybody is told who needs it.
    pub(crate) fn keep_closed(&mut self, why: Error, monitor: &dyn Monitor) -> Error {
        drop(self.close_store(monitor));
        let told = why.told();
        self.unopened = Some(why);
        told
    }

    fn open_embedding(&self, access: IndexAccess) -> Result<Arc<Embedding>, Error> {
        let model = self.config.model.clone();
        Ok(Arc::new(match &self.config.vectors {
            VectorStore::Embedded => Embedding::open(model, &self.config.layout.vector_index(), access)?,
            VectorStore::Chroma(server) => {
                Embedding::on_server(model, server.clone(), access, Arc::clone(&self.config.clock))?
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
        self.embeds = true;
        self.embed_behind();
    }

    fn embed_behind(&mut self) {
        if let (Some(store), Some(lexical_indexer), true, None) =
            (&self.store, &self.lexical_indexer, self.embeds && self.wants_vectors(), &self.making)
        {
            self.embedding.warm_up();
            let work = MakeVectors {
                embedding: Arc::clone(&self.embedding),
                store: Arc::clone(store),
                lexical_indexer: Arc::clone(lexical_indexer),
                ingest_lock: Arc::clone(&self.ingest_lock),
                clock: Arc::clone(&self.config.clock),
                busy_timeout: self.config.busy_timeout,
            };
            // The status says why it could not be started.
            self.making = work.start().ok();
        }
    }

    /// Closes the store and everything derived from it, and keeps the lock.
    ///
    /// # Errors
    /// When somebody still works with the store: swapping its file away would lose what they write. Everything is as
    /// before then.
    pub(crate) fn close_store(&mut self, monitor: &dyn Monitor) -> Result<(), Error> {
        drop(self.making.take());
        drop(self.questions.take());
        self.embedding = Arc::new(Embedding::without_index(self.config.model.clone()));
        self.lexical_indexer = None;
        self.lexical_index = None;
        let Some(Err(store)) = self.store.take().map(Arc::try_unwrap) else { return Ok(()) };
        self.store = Some(Arc::clone(&store));
        self.follow(store, monitor)?;
        Err(Error::IngestionBusy { holder: "another request".to_owned(), since: self.config.clock.now() })
    }

    pub(super) fn look(&mut self) -> Result<(), Error> {
        let layout = &self.config.layout;
        self.reading = Some(ReaderLock::acquire(&layout.locks(), self.config.busy_timeout)?);
        if in_place::is_pending(layout)? {
            return Err(Error::RestorePending);
        }
        if let Err(lost) = self.refuse_lost_store() {
            self.unopened = Some(lost);
            return Ok(());
        }
        match self.open_to_look() {
            Ok((store, owners_out)) => (self.store, self.owners_out) = (Some(Arc::new(store)), owners_out),
            Err(Error::Storage(StorageError::Missing(_))) => return Ok(()),
            Err(error) => {
                if !error.blames_the_store() || error.needs_owner() {
                    return Err(error);
                }
                // There is still much to look at: what is wrong, and the snapshots.
                self.unopened = Some(error);
                return Ok(());
            }
        }
        self.embedding = self.open_embedding(IndexAccess::Read)?;
        // It is derived: what cannot be opened the next owner makes anew, and queries say that it is not ready.
        self.lexical_index =
            Some(Arc::new(LexicalIndexHandle::open(layout.lexical_index(), IndexAccess::Read)?));
        Ok(())
    }

    /// Opens the store to read it. On a disk that was remounted read-only, as the system does with one that fails, SQLite
    /// cannot make what it needs beside a store that was closed cleanly; there it is read as one that cannot change.
    fn open_to_look(&self) -> Result<(Store, Option<OwnersOut>), Error> {
        let database = self.config.layout.database();
        if files::is_on_read_only_disk(&database)
            && !files::exists(&files::with_ending(&database, "-wal"))?
            && let Some(out) = OwnersOut::try_acquire(&self.config.layout.locks())?
        {
            return Ok((Store::open_unchanging(&database, self.store_options())?, Some(out)));
        }
        Ok((Store::open_read_only(&database, self.store_options())?, None))
    }

    pub(crate) fn store_options(&self) -> StoreOptions {
        StoreOptions { busy_timeout: self.config.busy_timeout, clock: Arc::clone(&self.config.clock) }
    }
}

/// Looks through a store of a moderate size for damage.
///
/// # Errors
/// When it is damaged, or cannot be read.
fn look_through_moderate(store: &Store) -> Result<(), Error> {
    if store.read(|read| read.size_bytes())? <= LOOKED_THROUGH_BYTES
        && let Some(why) = store.look_for_damage()?
    {
        return Err(StorageError::damaged(why).into());
    }
    Ok(())
}
