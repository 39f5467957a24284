//! The vector index in a collection of a Chroma server.

mod compare;
mod exporting;
mod search;
#[cfg(test)]
mod tests;
mod update;

use std::{
    collections::HashSet,
    fmt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, TryLockError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use atocore_model::{id::StoreVersion, monitor::Monitor, time::Clock};
use atocore_storage::{
    sqlite::inspect::StoredCollection,
    vector::{
        Comparison, IndexAccess, VectorError, VectorIndex, VectorMatches, VectorQuery, VectorSource,
        VectorSpace,
    },
};

use self::update::{CollectionUpdate, UpdateResult};
use crate::{
    client::{CallError, ChromaClient},
    managed_collection::{CollectionState, ManagedCollection},
    outage::{CallPriority, CircuitBreaker},
    server::ChromaServer,
    server_index::{Lease, ServerIndex},
    wire::ServerLimits,
};

/// What is behind the name of a collection that is being built.
const BUILDING: &str = ".building";

/// The vector index in a collection of a Chroma server.
///
/// Making one asks the server nothing: a server that is away holds up no start. The first question does.
pub struct ChromaIndex {
    client: ChromaClient,
    breaker: CircuitBreaker,
    access: IndexAccess,
    /// How long it waits before a write that failed in passing is tried again.
    pauses: &'static [Duration],
    limits: OnceLock<ServerLimits>,
    snapshot: RwLock<Option<Arc<CollectionSnapshot>>>,
    /// Whether the server was asked what it holds since this was made.
    has_looked: AtomicBool,
    /// Whether a search missed records that were written.
    is_suspect: AtomicBool,
    writing: Mutex<()>,
}

/// The state of the collection that searches see.
#[derive(Debug)]
struct CollectionSnapshot {
    /// The id of the collection.
    id: String,
    space: VectorSpace,
    version: StoreVersion,
    vectors: u64,
    /// Records that are there and not part of this state.
    hidden: Mutex<HashSet<String>>,
}

impl CollectionSnapshot {
    fn of(collection: &ManagedCollection, state: CollectionState) -> Self {
        Self::new(&collection.id, collection.space, state)
    }

    fn new(id: &str, space: VectorSpace, state: CollectionState) -> Self {
        Self {
            id: id.to_owned(),
            space,
            version: state.version,
            vectors: state.vectors,
            hidden: Mutex::default(),
        }
    }

    fn hidden(&self) -> MutexGuard<'_, HashSet<String>> {
        self.hidden.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hide(&self, ids: impl Iterator<Item = String>) {
        self.hidden().extend(ids);
    }
}

impl ChromaIndex {
    /// Work behind the answers may take so many times as long as a question.
    const BEHIND: u32 = 6;

    /// The index in a collection. With [`IndexAccess::Write`] the caller sees to it that there is one writer.
    #[must_use]
    pub fn new(server: ChromaServer, access: IndexAccess, clock: Arc<dyn Clock>) -> Self {
        Self {
            breaker: CircuitBreaker::new(&server, clock),
            client: ChromaClient::new(server),
            access,
            pauses: &update::PAUSES,
            limits: OnceLock::new(),
            snapshot: RwLock::default(),
            has_looked: AtomicBool::new(false),
            is_suspect: AtomicBool::new(false),
            writing: Mutex::default(),
        }
    }

    fn snapshot(&self) -> Option<Arc<CollectionSnapshot>> {
        self.snapshot.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn show(&self, snapshot: Option<CollectionSnapshot>) -> Option<Arc<CollectionSnapshot>> {
        let snapshot = snapshot.map(Arc::new);
        self.snapshot.write().unwrap_or_else(PoisonError::into_inner).clone_from(&snapshot);
        snapshot
    }

    fn write_lock(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn name(&self) -> &str {
        &self.client.server().collection
    }

    fn building(&self) -> String {
        format!("{}{BUILDING}", self.name())
    }

    /// What the server takes; asked once.
    fn limits(&self, priority: CallPriority) -> Result<ServerLimits, VectorError> {
        match self.limits.get() {
            Some(limits) => Ok(*limits),
            None => {
                let limits = self.breaker.make(priority, || self.client.limits())?;
                Ok(*self.limits.get_or_init(|| limits))
            }
        }
    }

    /// Our collection as it stands on the server, or one that only waits for its name.
    fn look(&self, priority: CallPriority) -> Result<Option<ManagedCollection>, VectorError> {
        let _limits = self.limits(priority)?;
        let collection = match self.read_collection(self.name(), priority)? {
            Some(collection) => Some(collection),
            None => {
                match self.read_collection(&self.building(), priority)?.filter(|built| built.state.is_some())
                {
                    Some(built) => {
                        if self.access == IndexAccess::Write {
                            self.breaker.make(priority, || self.client.rename(&built.id, self.name()))?;
                        }
                        Some(built)
                    }
                    None => None,
                }
            }
        };
        self.has_looked.store(true, Ordering::SeqCst);
        Ok(collection)
    }

    fn read_collection(
        &self,
        name: &str,
        priority: CallPriority,
    ) -> Result<Option<ManagedCollection>, VectorError> {
        self.breaker.make(priority, || {
            let Some(collection) = self.client.collection(name)? else { return Ok(None) };
            ManagedCollection::read(collection).map(Some).map_err(|_| CallError::Foreign(name.to_owned()))
        })
    }

    /// The state from which a collection can be brought to that of the source; `None` when it must be built anew.
    fn base(
        &self,
        collection: &ManagedCollection,
        source: &dyn VectorSource,
    ) -> Result<Option<CollectionState>, VectorError> {
        let Some(state) = collection.state else { return Ok(None) };
        if collection.space != source.space()
            || collection.is_of_other_length
            || self.is_suspect.load(Ordering::SeqCst)
            || !source.has(state.version)?
        {
            return Ok(None);
        }
        // While it is open nobody knows how many there should be; the end of the next change looks.
        let is_whole =
            state.open || self.breaker.insist(|| self.client.count(&collection.id))? == state.vectors;
        Ok(is_whole.then_some(state))
    }

    /// Brings our collection from `state` to the newest state; `None` when it turns out to have lost something.
    fn follow(
        &self,
        collection: &ManagedCollection,
        state: CollectionState,
        source: &dyn VectorSource,
        monitor: &dyn Monitor,
    ) -> Result<Option<StoreVersion>, VectorError> {
        let limits = self.limits(CallPriority::Writer)?;
        let shown = self.snapshot().filter(|snapshot| snapshot.id == collection.id);
        let Some(snapshot) = shown.or_else(|| self.show(Some(CollectionSnapshot::of(collection, state))))
        else {
            return Ok(None);
        };
        let describe = |state: CollectionState| {
            let metadata = ManagedCollection::metadata(collection.space, Some(state));
            self.again_and_again(monitor, |_| self.client.describe(&collection.id, &metadata))
        };
        let before = || if state.open { Ok(()) } else { describe(CollectionState { open: true, ..state }) };
        let update = CollectionUpdate::new(
            self,
            &collection.id,
            Some(&snapshot),
            limits,
            collection.space,
            monitor,
            &before,
        );
        let UpdateResult { version, added, obsolete } = update.fill(source, Some(state.version))?;
        let there = self.breaker.insist(|| self.client.count(&collection.id))?;
        if !state.open && there != state.vectors + added {
            return Ok(None);
        }
        let vectors = there.saturating_sub(obsolete.len() as u64);
        let deleted: Vec<String> = obsolete.iter().cloned().collect();
        self.show(Some(CollectionSnapshot {
            id: collection.id.clone(),
            space: collection.space,
            version,
            vectors,
            hidden: Mutex::new(obsolete),
        }));
        self.delete(&collection.id, &deleted, limits, monitor)?;
        describe(CollectionState { version, vectors, open: false })?;
        Ok(Some(version))
    }

    /// Builds a collection of everything beside the one that answers, and puts it in its place.
    fn build(
        &self,
        replaced: bool,
        source: &dyn VectorSource,
        monitor: &dyn Monitor,
    ) -> Result<StoreVersion, VectorError> {
        let (limits, space, name) = (self.limits(CallPriority::Writer)?, source.space(), self.building());
        if self.read_collection(&name, CallPriority::Writer)?.is_some() {
            self.breaker.insist(|| self.client.remove(&name))?;
        }
        let empty = ManagedCollection::metadata(space, None);
        let id = self.breaker.insist(|| self.client.create(&name, &empty))?.id;
        let update = CollectionUpdate::new(self, &id, None, limits, space, monitor, &|| Ok(()));
        let UpdateResult { version, added, obsolete } = update.fill(source, None)?;
        let obsolete: Vec<String> = obsolete.into_iter().collect();
        self.delete(&id, &obsolete, limits, monitor)?;
        let vectors = added.saturating_sub(obsolete.len() as u64);
        let there = self.breaker.insist(|| self.client.count(&id))?;
        if there != vectors {
            let lossy = CallError::Lossy(format!("{vectors} were written, {there} are there"));
            return self.breaker.insist(|| Err(lossy));
        }
        let state = CollectionState { version, vectors, open: false };
        let metadata = ManagedCollection::metadata(space, Some(state));
        self.again_and_again(monitor, |_| self.client.describe(&id, &metadata))?;
        self.show(Some(CollectionSnapshot::new(&id, space, state)));
        self.is_suspect.store(false, Ordering::SeqCst);
        if replaced {
            self.breaker.insist(|| self.client.remove(self.name()))?;
        }
        self.again_and_again(monitor, |_| self.client.rename(&id, self.name()))?;
        Ok(version)
    }

    /// Shows what the server holds now. Needs the turn.
    fn renew(&self, _guard: &MutexGuard<'_, ()>) -> Result<Option<StoreVersion>, VectorError> {
        let collection = self.look(CallPriority::Question)?;
        let state = collection.as_ref().and_then(|collection| Some((collection, collection.state?)));
        let snapshot = self.snapshot();
        let is_same = match (&snapshot, state) {
            (None, None) => true,
            // What the writer shows may be ahead of what it has written down.
            (Some(snapshot), Some((collection, state))) => {
                snapshot.id == collection.id
                    && (self.access == IndexAccess::Write || snapshot.version == state.version)
            }
            _ => false,
        };
        if !is_same {
            self.show(state.map(|(collection, state)| CollectionSnapshot::of(collection, state)));
        }
        Ok(self.version())
    }

    /// Refuses to write for a reader, and vectors that cannot be.
    fn may_write(&self, source: &dyn VectorSource) -> Result<(), VectorError> {
        if self.access == IndexAccess::Read {
            return Err(VectorError::ReadOnly { dir: PathBuf::from(&self.client.server().url) });
        }
        source.space().check()
    }

    fn delete(
        &self,
        id: &str,
        obsolete: &[String],
        limits: ServerLimits,
        monitor: &dyn Monitor,
    ) -> Result<(), VectorError> {
        for batch in obsolete.chunks(limits.max_batch_size) {
            self.again_and_again(monitor, |limit| self.client.delete(id, batch, limit))?;
        }
        Ok(())
    }
}

impl VectorIndex for ChromaIndex {
    fn space(&self) -> Option<VectorSpace> {
        self.snapshot().map(|snapshot| snapshot.space)
    }

    fn version(&self) -> Option<StoreVersion> {
        self.snapshot().map(|snapshot| snapshot.version)
    }

    fn vectors(&self) -> u64 {
        self.snapshot().map_or(0, |snapshot| snapshot.vectors)
    }

    /// The order is that of Chroma's graph, which may miss a neighbour; the similarity is exact to 1e-4.
    fn search(&self, query: &VectorQuery<'_>) -> Result<VectorMatches, VectorError> {
        search::search(self, query)
    }

    fn catch_up(
        &self,
        source: &dyn VectorSource,
        monitor: &dyn Monitor,
    ) -> Result<StoreVersion, VectorError> {
        self.may_write(source)?;
        let _guard = self.write_lock();
        // Questions about a collection that is gone would begin one pause after another, and it is made again here only.
        let collection = self.look(CallPriority::Writer)?;
        if let Some(collection) = &collection
            && let Some(state) = self.base(collection, source)?
        {
            if !state.open && source.version()? == state.version {
                if self
                    .snapshot()
                    .is_none_or(|snapshot| snapshot.id != collection.id || snapshot.version != state.version)
                {
                    self.show(Some(CollectionSnapshot::of(collection, state)));
                }
                return Ok(state.version);
            }
            if let Some(version) = self.follow(collection, state, source, monitor)? {
                return Ok(version);
            }
        }
        self.build(collection.is_some(), source, monitor)
    }

    fn rebuild(&self, source: &dyn VectorSource, monitor: &dyn Monitor) -> Result<StoreVersion, VectorError> {
        self.may_write(source)?;
        let _guard = self.write_lock();
        let replaced = self.look(CallPriority::Writer)?.is_some();
        self.build(replaced, source, monitor)
    }

    fn compare(&self, source: &dyn VectorSource, monitor: &dyn Monitor) -> Result<Comparison, VectorError> {
        let _guard = self.write_lock();
        match self.look(CallPriority::Writer)? {
            Some(collection) => compare::compare(self, &collection.id, source, monitor),
            None => compare::nothing(source, monitor),
        }
    }

    fn refresh(&self) -> Result<Option<StoreVersion>, VectorError> {
        let write_lock = self.write_lock();
        self.renew(&write_lock)
    }
}

impl ServerIndex for ChromaIndex {
    fn ready(&self) -> Result<(), VectorError> {
        if self.has_looked.load(Ordering::SeqCst) {
            return Ok(());
        }
        match self.writing.try_lock() {
            Ok(write_lock) => self.renew(&write_lock).map(drop),
            Err(TryLockError::Poisoned(poisoned)) => self.renew(&poisoned.into_inner()).map(drop),
            // Whoever is at it looks too, and may be long about it: until then there is nothing to see.
            Err(TryLockError::WouldBlock) => Ok(()),
        }
    }

    fn lease(&self) -> Option<Lease<'_>> {
        match self.writing.try_lock() {
            Ok(write_lock) => Some(Lease(write_lock)),
            Err(TryLockError::Poisoned(poisoned)) => Some(Lease(poisoned.into_inner())),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    fn collection(&self) -> Result<Option<StoredCollection>, VectorError> {
        exporting::described(self).map(|found| found.map(|(_, stored)| stored))
    }

    fn export(
        &self,
        _lease: &Lease<'_>,
        dir: &Path,
        monitor: &dyn Monitor,
    ) -> Result<Option<StoredCollection>, VectorError> {
        exporting::export(self, dir, monitor)
    }
}

impl fmt::Debug for ChromaIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChromaIndex")
            .field("server", self.client.server())
            .field("access", &self.access)
            .field("version", &self.version())
            .finish_non_exhaustive()
    }
}
