//! How much runs at once, and who waits for it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::operations::{self, ApiError, Needs, Spec};

/// How many long operations of a server run at once; most of them take turns inside the engine anyway.
pub(super) const LONG_AT_ONCE: u32 = 4;
/// How many other operations of a server run at once.
const SHORT_AT_ONCE: usize = 64;
/// How many look at the health of a server at once.
const LOOKS_AT_ONCE: usize = 16;
/// How long a request to a server waits for its place before it is refused.
const PLACE_WITHIN: Duration = Duration::from_secs(10);
/// How many operations read at once where each opens the store.
const READS_AT_ONCE: usize = 8;

/// Places for operations.
#[derive(Debug)]
pub(super) struct Places {
    /// For long work; what replaces the store takes all of them.
    pub(super) long: Arc<Semaphore>,
    short: Arc<Semaphore>,
    /// For what is answered whoever else is at work.
    looks: Arc<Semaphore>,
    /// Whether whatever writes opens the store for itself, one at a time, and waits for as long as its client does.
    take_turns: bool,
    waiting: AtomicUsize,
}

impl Places {
    /// Those of a server.
    pub(super) fn of_a_server() -> Self {
        Self::new(LONG_AT_ONCE as usize, SHORT_AT_ONCE, false)
    }

    /// Those of a process that opens the store beside others.
    pub(super) fn beside_others() -> Self {
        Self::new(1, READS_AT_ONCE, true)
    }

    fn new(long: usize, short: usize, take_turns: bool) -> Self {
        Self {
            long: Arc::new(Semaphore::new(long)),
            short: Arc::new(Semaphore::new(short)),
            looks: Arc::new(Semaphore::new(LOOKS_AT_ONCE)),
            take_turns,
            waiting: AtomicUsize::new(0),
        }
    }

    /// Waits for the place that an operation needs, and is counted meanwhile.
    ///
    /// # Errors
    /// `ingestion_busy` when a server has none for too long.
    pub(super) async fn take_in_time(&self, spec: &Spec) -> Result<OwnedSemaphorePermit, ApiError> {
        let _waiting = Waiting::one_more(&self.waiting);
        if self.take_turns {
            return self.take(spec).await;
        }
        tokio::time::timeout(PLACE_WITHIN, self.take(spec)).await.unwrap_or_else(|_| Err(ApiError::busy()))
    }

    /// Waits for the place that an operation needs, however long that takes.
    pub(super) async fn take(&self, spec: &Spec) -> Result<OwnedSemaphorePermit, ApiError> {
        use operations::Duration::{Immediate, Long, Short};
        let (places, count) = match (spec.access, spec.duration) {
            (Needs::Read, _) if self.take_turns => (&self.short, 1),
            _ if self.take_turns => (&self.long, 1),
            (Needs::Exclusive, _) => (&self.long, LONG_AT_ONCE),
            (_, Long) => (&self.long, 1),
            (_, Short) => (&self.short, 1),
            (_, Immediate) => (&self.looks, 1),
        };
        Arc::clone(places).acquire_many_owned(count).await.map_err(|_| ApiError::busy())
    }

    /// Whether somebody waits.
    pub(super) fn are_wanted(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0
    }
}

/// Counts one who waits, until it is dropped.
struct Waiting<'c>(&'c AtomicUsize);

impl<'c> Waiting<'c> {
    fn one_more(count: &'c AtomicUsize) -> Self {
        let _before = count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let _before = self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
