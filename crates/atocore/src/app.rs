//! What every request shares: the engine, the limits, the measurements, and the one way onto a thread that may block.

use std::{
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
    time::Duration,
};

use atocore_engine::{Caller, Engine};
use atocore_model::{
    error::ErrorCode,
    monitor::{Monitor, Progress, Silent},
};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    http::Metrics,
    jobs::{Jobs, Work},
    packs::Packs,
    session::say_what_was_restored,
    verb::{Restore, Verb, VerbError},
    wire,
};

/// How many long verbs run at once; most of them take turns inside the engine anyway.
const LONG_AT_ONCE: usize = 4;
/// How many other verbs run at once.
const SHORT_AT_ONCE: usize = 64;
/// How many look at the health at once.
const LOOKS_AT_ONCE: usize = 16;
/// How long a request waits for its place before it is refused.
const PLACE_WITHIN: Duration = Duration::from_secs(10);

/// A running application; clones are the same one.
#[derive(Debug, Clone)]
pub struct App {
    engine: Arc<RwLock<Engine>>,
    metrics: Metrics,
    jobs: Jobs,
    packs: Packs,
    long: Arc<Semaphore>,
    short: Arc<Semaphore>,
    /// For what is answered whoever else is at work.
    looks: Arc<Semaphore>,
    stopping: CancellationToken,
}

impl App {
    /// An application on an engine.
    #[must_use]
    pub fn new(engine: Engine) -> Self {
        Self {
            engine: Arc::new(RwLock::new(engine)),
            metrics: Metrics::new(),
            jobs: Jobs::default(),
            packs: Packs::default(),
            long: Arc::new(Semaphore::new(LONG_AT_ONCE)),
            short: Arc::new(Semaphore::new(SHORT_AT_ONCE)),
            looks: Arc::new(Semaphore::new(LOOKS_AT_ONCE)),
            stopping: CancellationToken::new(),
        }
    }

    /// What is measured.
    #[must_use]
    pub const fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The long work of this server.
    #[must_use]
    pub const fn jobs(&self) -> &Jobs {
        &self.jobs
    }

    /// The context packs that this server has made last.
    #[must_use]
    pub const fn packs(&self) -> &Packs {
        &self.packs
    }

    /// Tells long verbs to stop at the next safe place, now and from now on.
    pub fn stop(&self) {
        self.stopping.cancel();
    }

    /// What hears that the application was told to stop.
    pub(crate) fn stopped(&self) -> CancellationToken {
        self.stopping.clone()
    }

    /// Runs a verb on a thread that may block.
    ///
    /// # Errors
    /// What the verb fails with; `ingestion_busy` when too many of its kind are at work; `internal` when it panics.
    ///
    /// # Cancellation
    /// When the future is dropped, because the client went away, the verb is told to stop at the next safe place.
    pub async fn run<V: Verb>(&self, caller: Caller, verb: V) -> Result<V::Reply, VerbError> {
        self.run_as(caller, verb, None).await
    }

    /// As [`App::run`]; `job` is the id that the job of a long verb gets when it is free.
    ///
    /// # Errors
    /// As [`App::run`].
    ///
    /// # Cancellation
    /// As [`App::run`].
    pub async fn run_as<V: Verb>(
        &self,
        caller: Caller,
        verb: V,
        job: Option<String>,
    ) -> Result<V::Reply, VerbError> {
        self.run_in_place(caller, verb, job, None).await
    }

    /// As [`App::run`]; `watcher` is told where the work stands, and asked whether it shall go on.
    ///
    /// # Errors
    /// As [`App::run`].
    ///
    /// # Cancellation
    /// As [`App::run`].
    pub(crate) async fn run_watched<V: Verb>(
        &self,
        caller: Caller,
        verb: V,
        watcher: Arc<dyn Monitor>,
    ) -> Result<V::Reply, VerbError> {
        self.run_in_place(caller, verb, None, Some(watcher)).await
    }

    async fn run_in_place<V: Verb>(
        &self,
        caller: Caller,
        verb: V,
        job: Option<String>,
        watcher: Option<Arc<dyn Monitor>>,
    ) -> Result<V::Reply, VerbError> {
        if !V::LONG {
            let monitor = RequestMonitor { watcher, ..RequestMonitor::new(self, None) };
            let _gone = monitor.cancelled_by_drop();
            let places = if V::AT_ONCE { &self.looks } else { &self.short };
            let place = self.place(places).await?;
            return self.on_a_thread(caller, verb, place, monitor).await;
        }
        let work = self.jobs.begin(V::NAME, verb.subject(), job);
        let place = self.place(&self.long).await.inspect_err(|error| work.end::<()>(&Err(error.clone())))?;
        let monitor = RequestMonitor { watcher, ..RequestMonitor::new(self, Some(work)) };
        let _gone = monitor.cancelled_by_drop();
        self.on_a_thread(caller, verb, place, monitor).await
    }

    /// Starts a long verb that nobody waits for, and returns its job. It begins when there is a place for it.
    ///
    /// # Errors
    /// What can be said of the verb's words alone; `ingestion_busy` when too many jobs wait already.
    pub fn start<V: Verb>(&self, caller: Caller, verb: V) -> Result<wire::Job, VerbError> {
        verb.check()?;
        let work = self.jobs.begin_in_background(V::NAME, verb.subject())?;
        let shown = work.show();
        let app = self.clone();
        drop(tokio::spawn(async move {
            // It keeps its turn among those who wait.
            let place = tokio::select! {
                biased;
                () = work.called_off() => return,
                () = app.stopping.cancelled() => return,
                place = Arc::clone(&app.long).acquire_owned() => place,
            };
            let Ok(place) = place else { return };
            let monitor = RequestMonitor::new(&app, Some(work));
            // What came of it is in the job.
            drop(app.on_a_thread(caller, verb, place, monitor).await);
        }));
        Ok(shown)
    }

    async fn on_a_thread<V: Verb>(
        &self,
        caller: Caller,
        verb: V,
        place: OwnedSemaphorePermit,
        monitor: RequestMonitor,
    ) -> Result<V::Reply, VerbError> {
        let (engine, metrics, packs) = (Arc::clone(&self.engine), self.metrics.clone(), self.packs.clone());
        let work = tokio::task::spawn_blocking(move || {
            // Given back when the work ends, not when the client goes away.
            let _place = place;
            let engine = opened(&engine);
            monitor.start();
            let result = verb.run(&engine, caller, &monitor);
            V::measure(&result, &metrics);
            if let Ok(reply) = &result {
                V::remember(reply, &packs);
            }
            monitor.end(&result);
            result
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
    pub async fn restore_as(
        &self,
        caller: Caller,
        restore: Restore,
        job: Option<String>,
    ) -> Result<wire::RestoreOutcome, VerbError> {
        let work = self.jobs.begin("restore", restore.to.subject(), job);
        let every = Arc::clone(&self.long).acquire_many_owned(LONG_AT_ONCE as u32);
        let places = match tokio::time::timeout(PLACE_WITHIN, every).await {
            Ok(Ok(places)) => places,
            _ => {
                work.end::<()>(&Err(busy()));
                return Err(busy());
            }
        };
        let monitor = RequestMonitor::new(self, Some(work));
        let _gone = monitor.cancelled_by_drop();
        let shared = Arc::clone(&self.engine);
        let work = tokio::task::spawn_blocking(move || {
            let _places = places;
            monitor.start();
            let result = carry_out(&restore, &shared, caller, &monitor);
            monitor.end(&result);
            result
        });
        work.await.unwrap_or_else(|_| Err(fault()))
    }

    /// Looks through a store that is too large for its owner to look through before the first answer.
    pub(crate) async fn look_for_damage(&self) {
        // Long work, so that a restore waits for it.
        let Ok(place) = Arc::clone(&self.long).acquire_owned().await else { return };
        let engine = Arc::clone(&self.engine);
        drop(tokio::task::spawn_blocking(move || {
            let _place = place;
            let engine = opened(&engine);
            if let Err(error) = engine.look_through() {
                tracing::warn!(%error, "the store could not be looked through for damage");
            }
        }));
    }

    async fn place(&self, places: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, VerbError> {
        match tokio::time::timeout(PLACE_WITHIN, Arc::clone(places).acquire_owned()).await {
            Ok(Ok(place)) => Ok(place),
            _ => Err(busy()),
        }
    }
}

/// Makes ready while the engine answers, and swaps while it does not.
fn carry_out(
    restore: &Restore,
    shared: &RwLock<Engine>,
    caller: Caller,
    monitor: &dyn Monitor,
) -> Result<wire::RestoreOutcome, VerbError> {
    let prepared = restore.prepare(&opened(shared), monitor)?;
    let outcome = {
        let mut engine = shared.write().unwrap_or_else(PoisonError::into_inner);
        engine.carry_out_restore(prepared, caller, &Silent)?
    };
    say_what_was_restored(&outcome);
    Ok(outcome.into())
}

/// The engine for whoever only reads it, after opening the store again that a restore had to leave closed.
fn opened(shared: &RwLock<Engine>) -> RwLockReadGuard<'_, Engine> {
    let reading = || shared.read().unwrap_or_else(PoisonError::into_inner);
    let engine = reading();
    if !engine.is_closed() {
        return engine;
    }
    drop(engine);
    let mut closed = shared.write().unwrap_or_else(PoisonError::into_inner);
    if closed.is_closed() {
        match closed.reopen(&Silent) {
            Ok(()) => tracing::info!("store_reopened"),
            // Everybody who needs the store is told why.
            Err(error) => tracing::error!(%error, "store_closed"),
        }
    }
    drop(closed);
    reading()
}

/// What is said when there is no place for a request.
pub(crate) fn busy() -> VerbError {
    VerbError::new(ErrorCode::IngestionBusy, "too many requests are at work already")
        .with_hint("try again when they have finished; `atocore status` shows what is running")
}

/// What a client is told about a panic: nothing of what is inside. The panic itself is on standard error.
pub(crate) fn fault() -> VerbError {
    VerbError::new(ErrorCode::Internal, "a fault in AtoCore itself ended the request")
        .with_hint("what was committed is safe; `atocore doctor` checks the installation")
}

/// Where the work stands can be seen in its job, and in the status, which the engine keeps itself.
struct RequestMonitor {
    /// That of the job, which shows it, where there is one.
    cancelled: CancellationToken,
    stopping: CancellationToken,
    work: Option<Work>,
    watcher: Option<Arc<dyn Monitor>>,
}

impl RequestMonitor {
    fn new(app: &App, work: Option<Work>) -> Self {
        let cancelled = work.as_ref().map(Work::cancellation).unwrap_or_default();
        Self { cancelled, stopping: app.stopping.clone(), work, watcher: None }
    }

    /// Cancels the work when it is dropped, because nobody waits for the answer any more.
    fn cancelled_by_drop(&self) -> DropGuard {
        self.cancelled.clone().drop_guard()
    }

    fn start(&self) {
        if let Some(work) = &self.work {
            work.start();
        }
    }

    fn end<T: Serialize>(&self, result: &Result<T, VerbError>) {
        if let Some(work) = &self.work {
            work.end(result);
        }
    }
}

impl Monitor for RequestMonitor {
    fn progress(&self, progress: Progress) {
        if let Some(watcher) = &self.watcher {
            watcher.progress(progress.clone());
        }
        if let Some(work) = &self.work {
            work.progress(progress);
        }
    }

    fn cancelled(&self) -> bool {
        self.cancelled.is_cancelled()
            || self.stopping.is_cancelled()
            || self.watcher.as_ref().is_some_and(|watcher| watcher.cancelled())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Sender},
    };

    use atocore_engine::{Access, EngineConfig, SystemClock};
    use atocore_model::time::{Clock, Timestamp};
    use atocore_testkit::installation::Installation;
    use axum::http::Method;
    use tokio::runtime::Builder;

    use super::*;
    use crate::verb::{CreateBackup, Health, Request, RestoreTo};

    /// Tells that it runs.
    struct Says(&'static str, Sender<&'static str>);

    impl Verb for Says {
        type Reply = ();
        const WRITES: bool = false;
        const LONG: bool = true;
        const NAME: &'static str = "say";

        fn request(&self) -> Request {
            Request::new(Method::POST, "/say")
        }

        fn run(self, _: &Engine, _: Caller, _: &dyn Monitor) -> Result<(), VerbError> {
            self.1.send(self.0).unwrap();
            Ok(())
        }
    }

    /// A clock that panics once when it is asked in the middle of a restore.
    #[derive(Debug, Default)]
    struct Panicking(AtomicBool);

    impl Clock for Panicking {
        fn now(&self) -> Timestamp {
            let asker = std::backtrace::Backtrace::force_capture().to_string();
            let is_swapping = asker.contains("carry_out_restore");
            assert!(!is_swapping || self.0.swap(true, Ordering::SeqCst), "on purpose");
            SystemClock.now()
        }
    }

    #[test]
    fn a_panic_in_the_middle_of_a_restore_leaves_an_engine_that_is_opened_again() {
        let place = Installation::default();
        let clock = Arc::new(Panicking::default());
        let config = EngineConfig { clock: Arc::clone(&clock) as Arc<dyn Clock>, ..place.config() };
        let access = Access::Own { activity: "serve".to_owned(), socket: None };
        let app = App::new(Engine::open(config, access, &Silent).unwrap());
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let taken = app
                .run(Caller::Local, CreateBackup { include_chroma: false, note: String::new() })
                .await
                .unwrap();
            let stamp = taken.backup_root.rsplit('/').next().unwrap_or_default().to_owned();
            let restore = Restore { to: RestoreTo::Snapshot(stamp), generation: None };
            let failed = app.restore_as(Caller::Local, restore.clone(), None).await.unwrap_err();
            assert_eq!(failed.code, ErrorCode::Internal, "{failed}");
            assert!(clock.0.load(Ordering::SeqCst) && app.engine.is_poisoned());
            assert!(app.engine.read().unwrap_or_else(PoisonError::into_inner).is_closed());
            let health = app.run(Caller::Local, Health).await.unwrap();
            assert_eq!((health.store, health.status.as_str()), (true, "ok"));
            let restored = app.restore_as(Caller::Local, restore, None).await.unwrap();
            assert_eq!(app.run(Caller::Local, Health).await.unwrap().generation, restored.present_generation);
        });
    }

    #[test]
    fn a_job_that_waits_keeps_its_place_before_those_who_came_later() {
        let place = Installation::default();
        let app = App::new(place.own());
        let (says, said) = mpsc::channel();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut held = Arc::clone(&app.long).acquire_many_owned(LONG_AT_ONCE as u32).await.unwrap();
            let queued = app.start(Caller::Local, Says("called off", says.clone())).unwrap();
            drop(app.start(Caller::Local, Says("first", says.clone())).unwrap());
            tokio::task::yield_now().await;
            let later = app.clone();
            let later = tokio::spawn(async move { later.run(Caller::Local, Says("later", says)).await });
            tokio::task::yield_now().await;
            drop(app.jobs().call_off(&queued.id).unwrap());
            drop(held.split(1));
            later.await.unwrap().unwrap();
            drop(held);
        });
        assert_eq!(said.iter().collect::<Vec<_>>(), ["first", "later"]);
    }
}
