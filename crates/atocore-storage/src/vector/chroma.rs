//! An index on a Chroma server: the same promises, with somebody else's machine between us and the vectors.
//!
//! The server has no transactions. New records are written first and hidden from searches; then searches see the new
//! state in one step; then what is gone is deleted; in the end the state is written down at the collection. See
//! `docs/decisions/0011-chroma.md`.

mod client;
mod comparing;
mod export;
mod filling;
mod holding;
mod outage;
mod record;
mod resolving;
mod search;
#[cfg(test)]
mod tests;
mod wire;

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

pub use self::{
    client::{Authorities, ChromaServer},
    export::{EXPORT_RECORDS, EXPORT_SUMMARY, ExportError, compare_export, read_export},
};
use self::{
    client::{CallError, Client},
    filling::{Filled, Filling},
    holding::{Held, Holding},
    outage::{Asker, Breaker},
    wire::Limits,
};
use super::{
    Hold,
    comparison::Comparison,
    error::VectorError,
    query::{VectorMatches, VectorQuery},
    source::{VectorSource, VectorSpace},
};
use crate::{lexical::IndexAccess, sqlite::inspect::StoredCollection, vector::VectorIndex};

/// The most dimensions that vectors may have, as for every index.
const MOST_DIMENSIONS: usize = 1 << 16;
/// What is behind the name of a collection that is being built.
const BUILDING: &str = ".building";

/// The vector index in a collection of a Chroma server.
///
/// Making one asks the server nothing: a server that is away holds up no start. The first question does.
pub struct ChromaIndex {
    client: Client,
    breaker: Breaker,
    access: IndexAccess,
    /// How long it waits before a write that failed in passing is tried again.
    pauses: &'static [Duration],
    limits: OnceLock<Limits>,
    view: RwLock<Option<Arc<View>>>,
    /// Whether the server was asked what it holds since this was made.
    has_looked: AtomicBool,
    /// Whether a search missed records that were written.
    is_suspect: AtomicBool,
    writing: Mutex<()>,
}

/// What searches see.
#[derive(Debug)]
struct View {
    /// The id of the collection.
    id: String,
    space: VectorSpace,
    version: StoreVersion,
    vectors: u64,
    /// Records that are there and not part of this state.
    hidden: Mutex<HashSet<String>>,
}

impl View {
    fn of(holding: &Holding, held: Held) -> Self {
        Self::new(&holding.id, holding.space, held)
    }

    fn new(id: &str, space: VectorSpace, held: Held) -> Self {
        Self {
            id: id.to_owned(),
            space,
            version: held.version,
            vectors: held.vectors,
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
            breaker: Breaker::new(&server, clock),
            client: Client::new(server),
            access,
            pauses: &filling::PAUSES,
            limits: OnceLock::new(),
            view: RwLock::default(),
            has_looked: AtomicBool::new(false),
            is_suspect: AtomicBool::new(false),
            writing: Mutex::default(),
        }
    }

    fn view(&self) -> Option<Arc<View>> {
        self.view.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn show(&self, view: Option<View>) -> Option<Arc<View>> {
        let view = view.map(Arc::new);
        self.view.write().unwrap_or_else(PoisonError::into_inner).clone_from(&view);
        view
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn name(&self) -> &str {
        &self.client.server().collection
    }

    fn building(&self) -> String {
        format!("{}{BUILDING}", self.name())
    }

    /// What the server takes; asked once.
    fn limits(&self, asker: Asker) -> Result<Limits, VectorError> {
        match self.limits.get() {
            Some(limits) => Ok(*limits),
            None => {
                let limits = self.breaker.make(asker, || self.client.limits())?;
                Ok(*self.limits.get_or_init(|| limits))
            }
        }
    }

    /// Our collection as it stands on the server, or one that only waits for its name.
    fn look(&self, asker: Asker) -> Result<Option<Holding>, VectorError> {
        let _limits = self.limits(asker)?;
        let holding = match self.holding(self.name(), asker)? {
            Some(holding) => Some(holding),
            None => match self.holding(&self.building(), asker)?.filter(|built| built.state.is_some()) {
                Some(built) => {
                    if self.access == IndexAccess::Write {
                        self.breaker.make(asker, || self.client.rename(&built.id, self.name()))?;
                    }
                    Some(built)
                }
                None => None,
            },
        };
        self.has_looked.store(true, Ordering::SeqCst);
        Ok(holding)
    }

    fn holding(&self, name: &str, asker: Asker) -> Result<Option<Holding>, VectorError> {
        self.breaker.make(asker, || {
            let Some(collection) = self.client.collection(name)? else { return Ok(None) };
            Holding::read(collection).map(Some).map_err(|_| CallError::Foreign(name.to_owned()))
        })
    }

    /// The state from which a collection can be brought to that of the source; `None` when it must be built anew.
    fn base(&self, holding: &Holding, source: &dyn VectorSource) -> Result<Option<Held>, VectorError> {
        let Some(held) = holding.state else { return Ok(None) };
        if holding.space != source.space()
            || holding.is_of_other_length
            || self.is_suspect.load(Ordering::SeqCst)
            || !source.has(held.version)?
        {
            return Ok(None);
        }
        // While it is open nobody knows how many there should be; the end of the next change looks.
        let is_whole = held.open || self.breaker.insist(|| self.client.count(&holding.id))? == held.vectors;
        Ok(is_whole.then_some(held))
    }

    /// Brings our collection from `held` to the newest state; `None` when it turns out to have lost something.
    fn follow(
        &self,
        holding: &Holding,
        held: Held,
        source: &dyn VectorSource,
        monitor: &dyn Monitor,
    ) -> Result<Option<StoreVersion>, VectorError> {
        let limits = self.limits(Asker::Writer)?;
        let shown = self.view().filter(|view| view.id == holding.id);
        let Some(view) = shown.or_else(|| self.show(Some(View::of(holding, held)))) else { return Ok(None) };
        let describe = |state: Held| {
            let metadata = Holding::metadata(holding.space, Some(state));
            self.again_and_again(monitor, |_| self.client.describe(&holding.id, &metadata))
        };
        let before = || if held.open { Ok(()) } else { describe(Held { open: true, ..held }) };
        let filling = Filling::new(self, &holding.id, Some(&view), limits, holding.space, monitor, &before);
        let Filled { version, added, dead } = filling.fill(source, Some(held.version))?;
        let there = self.breaker.insist(|| self.client.count(&holding.id))?;
        if !held.open && there != held.vectors + added {
            return Ok(None);
        }
        let vectors = there.saturating_sub(dead.len() as u64);
        let gone: Vec<String> = dead.iter().cloned().collect();
        self.show(Some(View {
            id: holding.id.clone(),
            space: holding.space,
            version,
            vectors,
            hidden: Mutex::new(dead),
        }));
        self.delete(&holding.id, &gone, limits, monitor)?;
        describe(Held { version, vectors, open: false })?;
        Ok(Some(version))
    }

    /// Builds a collection of everything beside the one that answers, and puts it in its place.
    fn build(
        &self,
        replaced: bool,
        source: &dyn VectorSource,
        monitor: &dyn Monitor,
    ) -> Result<StoreVersion, VectorError> {
        let (limits, space, name) = (self.limits(Asker::Writer)?, source.space(), self.building());
        if self.holding(&name, Asker::Writer)?.is_some() {
            self.breaker.insist(|| self.client.remove(&name))?;
        }
        let empty = Holding::metadata(space, None);
        let id = self.breaker.insist(|| self.client.create(&name, &empty))?.id;
        let filling = Filling::new(self, &id, None, limits, space, monitor, &|| Ok(()));
        let Filled { version, added, dead } = filling.fill(source, None)?;
        let gone: Vec<String> = dead.into_iter().collect();
        self.delete(&id, &gone, limits, monitor)?;
        let vectors = added.saturating_sub(gone.len() as u64);
        let there = self.breaker.insist(|| self.client.count(&id))?;
        if there != vectors {
            let lossy = CallError::Lossy(format!("{vectors} were written, {there} are there"));
            return self.breaker.insist(|| Err(lossy));
        }
        let held = Held { version, vectors, open: false };
        let metadata = Holding::metadata(space, Some(held));
        self.again_and_again(monitor, |_| self.client.describe(&id, &metadata))?;
        self.show(Some(View::new(&id, space, held)));
        self.is_suspect.store(false, Ordering::SeqCst);
        if replaced {
            self.breaker.insist(|| self.client.remove(self.name()))?;
        }
        self.again_and_again(monitor, |_| self.client.rename(&id, self.name()))?;
        Ok(version)
    }

    /// Shows what the server holds now. Needs the turn.
    fn renew(&self, _turn: &MutexGuard<'_, ()>) -> Result<Option<StoreVersion>, VectorError> {
        let holding = self.look(Asker::Question)?;
        let held = holding.as_ref().and_then(|holding| Some((holding, holding.state?)));
        let view = self.view();
        let is_same = match (&view, held) {
            (None, None) => true,
            // What the writer shows may be ahead of what it has written down.
            (Some(view), Some((holding, held))) => {
                view.id == holding.id && (self.access == IndexAccess::Write || view.version == held.version)
            }
            _ => false,
        };
        if !is_same {
            self.show(held.map(|(holding, held)| View::of(holding, held)));
        }
        Ok(self.version())
    }

    /// Refuses to write for a reader, and vectors that cannot be.
    fn may_write(&self, source: &dyn VectorSource) -> Result<(), VectorError> {
        let dimensions = source.space().dimensions;
        if self.access == IndexAccess::Read {
            return Err(VectorError::ReadOnly { dir: PathBuf::from(&self.client.server().url) });
        }
        if (1..=MOST_DIMENSIONS).contains(&dimensions) {
            Ok(())
        } else {
            Err(VectorError::Dimensions { dimensions, most: MOST_DIMENSIONS })
        }
    }

    fn delete(
        &self,
        id: &str,
        gone: &[String],
        limits: Limits,
        monitor: &dyn Monitor,
    ) -> Result<(), VectorError> {
        for batch in gone.chunks(limits.max_batch_size) {
            self.again_and_again(monitor, |limit| self.client.delete(id, batch, limit))?;
        }
        Ok(())
    }
}

impl VectorIndex for ChromaIndex {
    fn space(&self) -> Option<VectorSpace> {
        self.view().map(|view| view.space)
    }

    fn version(&self) -> Option<StoreVersion> {
        self.view().map(|view| view.version)
    }

    fn vectors(&self) -> u64 {
        self.view().map_or(0, |view| view.vectors)
    }

    fn ready(&self) -> Result<(), VectorError> {
        if self.has_looked.load(Ordering::SeqCst) {
            return Ok(());
        }
        match self.writing.try_lock() {
            Ok(turn) => self.renew(&turn).map(drop),
            Err(TryLockError::Poisoned(poisoned)) => self.renew(&poisoned.into_inner()).map(drop),
            // Whoever is at it looks too, and may be long about it: until then there is nothing to see.
            Err(TryLockError::WouldBlock) => Ok(()),
        }
    }

    /// The order is that of Chroma's graph, which may miss a neighbour; the closeness is exact to 1e-4.
    fn search(&self, query: &VectorQuery<'_>) -> Result<VectorMatches, VectorError> {
        search::search(self, query)
    }

    fn catch_up(
        &self,
        source: &dyn VectorSource,
        monitor: &dyn Monitor,
    ) -> Result<StoreVersion, VectorError> {
        self.may_write(source)?;
        let _turn = self.turn();
        // Questions about a collection that is gone would begin one pause after another, and it is made again here only.
        let holding = self.look(Asker::Writer)?;
        if let Some(holding) = &holding
            && let Some(held) = self.base(holding, source)?
        {
            if !held.open && source.version()? == held.version {
                if self.view().is_none_or(|view| view.id != holding.id || view.version != held.version) {
                    self.show(Some(View::of(holding, held)));
                }
                return Ok(held.version);
            }
            if let Some(version) = self.follow(holding, held, source, monitor)? {
                return Ok(version);
            }
        }
        self.build(holding.is_some(), source, monitor)
    }

    fn rebuild(&self, source: &dyn VectorSource, monitor: &dyn Monitor) -> Result<StoreVersion, VectorError> {
        self.may_write(source)?;
        let _turn = self.turn();
        let replaced = self.look(Asker::Writer)?.is_some();
        self.build(replaced, source, monitor)
    }

    fn compare(&self, source: &dyn VectorSource, monitor: &dyn Monitor) -> Result<Comparison, VectorError> {
        let _turn = self.turn();
        match self.look(Asker::Writer)? {
            Some(holding) => comparing::compare(self, &holding.id, source, monitor),
            None => comparing::nothing(source, monitor),
        }
    }

    fn hold(&self) -> Option<Hold<'_>> {
        match self.writing.try_lock() {
            Ok(turn) => Some(Hold(Some(turn))),
            Err(TryLockError::Poisoned(poisoned)) => Some(Hold(Some(poisoned.into_inner()))),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    fn on_server(&self) -> Result<Option<StoredCollection>, VectorError> {
        export::described(self).map(|found| found.map(|(_, stored)| stored))
    }

    fn export(
        &self,
        _hold: &Hold<'_>,
        dir: &Path,
        monitor: &dyn Monitor,
    ) -> Result<Option<StoredCollection>, VectorError> {
        export::export(self, dir, monitor)
    }

    fn refresh(&self) -> Result<Option<StoreVersion>, VectorError> {
        let turn = self.turn();
        self.renew(&turn)
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
