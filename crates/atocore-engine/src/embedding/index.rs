//! Looks at the vector index as a whole: whether it has what the store has, and makes it anew.

use std::{
    sync::{MutexGuard, TryLockError},
    thread,
    time::{Duration, Instant},
};

use atocore_chroma::{Lease, ServerIndex};
use atocore_model::{monitor::Monitor, time::Clock};
use atocore_storage::{
    sqlite::{SpaceRow, StoreVectors},
    vector::{Comparison, VectorError, VectorIndex},
};

use super::{EmbedContext, Embedding, lock};
use crate::{error::Error, ingest_lock::IngestGuard};

/// Nobody else makes vectors or takes documents in while this lives.
struct MaintenanceGuard<'e> {
    _making: MutexGuard<'e, ()>,
    guard: IngestGuard<'e>,
}

/// How often something that is held by somebody else is tried.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Tries to get something for a while; then says who has it.
fn in_time<T>(
    clock: &dyn Clock,
    limit: Duration,
    holder: &str,
    get: impl Fn() -> Option<T>,
) -> Result<T, Error> {
    let (began, since) = (Instant::now(), clock.now());
    loop {
        match get() {
            Some(got) => return Ok(got),
            None if began.elapsed() >= limit => {
                return Err(Error::IngestionBusy { holder: holder.to_owned(), since });
            }
            None => thread::sleep(LOOK_AGAIN),
        }
    }
}

impl Embedding {
    /// Brings the index up to date and compares all of it with the store.
    pub(crate) fn verify(&self, at: &EmbedContext<'_>, monitor: &dyn Monitor) -> Result<Comparison, Error> {
        let guards = self.guards(at, "verify the vector index")?;
        let Some((index, row)) = self.serving(at)? else { return Ok(Comparison::default()) };
        let (vectors, monitor) = (StoreVectors::new(at.store, &row), guards.guard.watched(monitor, false));
        let _mark = self.noted(self.noted_of_the_disk(index.catch_up(&vectors, &monitor)))?;
        self.noted(index.compare(&vectors, &monitor))
    }

    /// Makes the index anew, and returns how many vectors it holds.
    pub(crate) fn rebuild(&self, at: &EmbedContext<'_>, monitor: &dyn Monitor) -> Result<u64, Error> {
        let guards = self.guards(at, "rebuild the vector index")?;
        let Some((index, row)) = self.serving(at)? else { return Ok(0) };
        let (vectors, monitor) = (StoreVectors::new(at.store, &row), guards.guard.watched(monitor, false));
        let _mark = self.noted(index.rebuild(&vectors, &monitor))?;
        Ok(index.vectors())
    }

    /// Keeps what lies behind an index on a server as it is, for whoever copies it, until the guard is dropped.
    pub(crate) fn lease(&self, clock: &dyn Clock, limit: Duration) -> Result<Option<Lease<'_>>, Error> {
        let lease = |server| in_time(clock, limit, "indexing of vectors", || ServerIndex::lease(server));
        self.server().map(lease).transpose()
    }

    fn guards<'e>(&'e self, at: &EmbedContext<'e>, activity: &str) -> Result<MaintenanceGuard<'e>, Error> {
        let making = in_time(at.clock, at.busy_timeout, "embed", || match self.making.try_lock() {
            Ok(making) => Some(making),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        })?;
        Ok(MaintenanceGuard {
            _making: making,
            guard: at.ingest_lock.begin(activity, at.clock.now(), at.busy_timeout)?,
        })
    }

    /// The index and the space of the vectors that answers use; `None` before there are any.
    fn serving(&self, at: &EmbedContext<'_>) -> Result<Option<(&dyn VectorIndex, SpaceRow)>, Error> {
        let index = self.noted(self.noted_of_the_disk(self.opened()))?;
        Ok(index.zip(at.store.read(|read| read.serving_space())?))
    }

    /// Notes whether the server of the index answers.
    fn noted<T>(&self, outcome: Result<T, VectorError>) -> Result<T, Error> {
        match &outcome {
            Ok(_) => *lock(&self.outage) = None,
            Err(VectorError::Unavailable(outage)) => *lock(&self.outage) = Some(outage.clone()),
            Err(_) => {}
        }
        Ok(outcome?)
    }
}
