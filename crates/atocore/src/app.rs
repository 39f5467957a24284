//! What every request shares: the engine, the limits, the measurements, and the one way onto a thread that may block.

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use atocore_engine::{Caller, Engine};
use atocore_model::{
    error::ErrorCode,
    monitor::{Monitor, Progress, Silent},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    http::Metrics,
    verb::{Restore, Verb, VerbError},
    wire,
};

/// How many long verbs run at once; most of them take turns inside the engine anyway.
const LONG_AT_ONCE: usize = 4;
/// How many other verbs run at once.
const SHORT_AT_ONCE: usize = 64;
/// How long a request waits for its place before it is refused.
const PLACE_WITHIN: Duration = Duration::from_secs(10);

/// A running application; clones are the same one.
#[derive(Debug, Clone)]
pub struct App {
    engine: Arc<RwLock<Engine>>,
    metrics: Metrics,
    long: Arc<Semaphore>,
    short: Arc<Semaphore>,
    stopping: Arc<AtomicBool>,
}

impl App {
    /// An application on an engine.
    #[must_use]
    pub fn new(engine: Engine) -> Self {
        Self {
            engine: Arc::new(RwLock::new(engine)),
            metrics: Metrics::new(),
            long: Arc::new(Semaphore::new(LONG_AT_ONCE)),
            short: Arc::new(Semaphore::new(SHORT_AT_ONCE)),
            stopping: Arc::default(),
        }
    }

    /// What is measured.
    #[must_use]
    pub const fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Tells long verbs to stop at the next safe place, now and from now on.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Runs a verb on a thread that may block.
    ///
    /// # Errors
    /// What the verb fails with; `ingestion_busy` when too many of its kind are at work; `internal` when it panics.
    ///
    /// # Cancellation
    /// When the future is dropped, because the client went away, the verb is told to stop at the next safe place.
    pub async fn run<V: Verb>(&self, caller: Caller, verb: V) -> Result<V::Reply, VerbError> {
        let place = self.place(V::LONG).await?;
        let gone = Gone::default();
        let monitor = RequestMonitor { gone: Arc::clone(&gone.0), stopping: Arc::clone(&self.stopping) };
        let engine = Arc::clone(&self.engine);
        let work = tokio::task::spawn_blocking(move || {
            // Given back when the work ends, not when the client goes away.
            let _place = place;
            let engine = engine.read().unwrap_or_else(PoisonError::into_inner);
            verb.run(&engine, caller, &monitor)
        });
        work.await.unwrap_or_else(|_| Err(fault()))
    }

    /// Goes back to an earlier state. Questions are answered until the swap and wait during it; long verbs finish first
    /// and none begins meanwhile.
    ///
    /// # Errors
    /// `ingestion_busy` when a long verb does not finish in time; else what the engine says.
    ///
    /// # Cancellation
    /// As [`App::run`], until the swap.
    pub async fn restore(&self, restore: Restore) -> Result<wire::RestoreOutcome, VerbError> {
        let every = Arc::clone(&self.long).acquire_many_owned(LONG_AT_ONCE as u32);
        let places = match tokio::time::timeout(PLACE_WITHIN, every).await {
            Ok(Ok(places)) => places,
            _ => return Err(busy()),
        };
        let gone = Gone::default();
        let monitor = RequestMonitor { gone: Arc::clone(&gone.0), stopping: Arc::clone(&self.stopping) };
        let shared = Arc::clone(&self.engine);
        let work = tokio::task::spawn_blocking(move || {
            let _places = places;
            let reading = || shared.read().unwrap_or_else(PoisonError::into_inner);
            let prepared = restore.prepare(&reading(), &monitor)?;
            let outcome = {
                let mut engine = shared.write().unwrap_or_else(PoisonError::into_inner);
                engine.carry_out_restore(prepared, &Silent)?
            };
            reading().confirm_restore(&outcome)?;
            let outcome = wire::RestoreOutcome::from(outcome);
            tracing::info!(
                stamp = outcome.plan.stamp,
                safety = outcome.safety_stamp,
                outage_ms = outcome.outage_ms,
                "runtime_backup_restored"
            );
            Ok(outcome)
        });
        work.await.unwrap_or_else(|_| Err(fault()))
    }

    async fn place(&self, long: bool) -> Result<OwnedSemaphorePermit, VerbError> {
        let places = if long { &self.long } else { &self.short };
        match tokio::time::timeout(PLACE_WITHIN, Arc::clone(places).acquire_owned()).await {
            Ok(Ok(place)) => Ok(place),
            _ => Err(busy()),
        }
    }
}

fn busy() -> VerbError {
    VerbError::new(ErrorCode::IngestionBusy, "too many requests are at work already")
        .with_hint("try again when they have finished; `atocore status` shows what is running")
}

/// What a client is told about a panic: nothing of what is inside. The panic itself is on standard error.
pub(crate) fn fault() -> VerbError {
    VerbError::new(ErrorCode::Internal, "a fault in AtoCore itself ended the request")
        .with_hint("what was committed is safe; `atocore doctor` checks the installation")
}

/// Says that nobody waits for the answer any more, by being dropped.
#[derive(Debug, Default)]
struct Gone(Arc<AtomicBool>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Where the work stands can be seen in the status, which the engine keeps itself.
struct RequestMonitor {
    gone: Arc<AtomicBool>,
    stopping: Arc<AtomicBool>,
}

impl Monitor for RequestMonitor {
    fn progress(&self, _: Progress) {}

    fn cancelled(&self) -> bool {
        self.gone.load(Ordering::Relaxed) || self.stopping.load(Ordering::Relaxed)
    }
}
