//! What every request shares: the engine, the limits, the measurements, and the one way onto a thread that may block.

use std::sync::Arc;

use atocore_engine::{Caller, Engine};
use atocore_model::monitor::{Monitor, Progress};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    engine::SharedEngine,
    jobs::{JobHandle, Jobs},
    metrics::Metrics,
    operations::{ApiError, Context, Duration, JobReport, Needs, Operation, ServerState, Spec},
};

/// How many long operations run at once; most of them take turns inside the engine anyway.
const LONG_AT_ONCE: u32 = 4;
/// How many other operations run at once.
const SHORT_AT_ONCE: usize = 64;
/// How many look at the health at once.
const LOOKS_AT_ONCE: usize = 16;
/// How long a request waits for its place before it is refused.
const PLACE_WITHIN: std::time::Duration = std::time::Duration::from_secs(10);

/// A running application; clones are the same one.
#[derive(Debug, Clone)]
pub struct App {
    engine: SharedEngine,
    state: ServerState,
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
            engine: SharedEngine::new(engine),
            state: ServerState::default(),
            long: Arc::new(Semaphore::new(LONG_AT_ONCE as usize)),
            short: Arc::new(Semaphore::new(SHORT_AT_ONCE)),
            looks: Arc::new(Semaphore::new(LOOKS_AT_ONCE)),
            stopping: CancellationToken::new(),
        }
    }

    /// What is measured.
    #[must_use]
    pub const fn metrics(&self) -> &Metrics {
        &self.state.metrics
    }

    /// The long work of this server.
    #[must_use]
    pub const fn jobs(&self) -> &Jobs {
        &self.state.jobs
    }

    /// Tells long operations to stop at the next safe place, now and from now on.
    pub fn stop(&self) {
        self.stopping.cancel();
    }

    /// What hears that the application was told to stop.
    pub(crate) fn stopped(&self) -> CancellationToken {
        self.stopping.clone()
    }

    /// Runs an operation on a thread that may block.
    ///
    /// # Errors
    /// What the operation fails with; `ingestion_busy` when too many of its kind are at work; `internal` when it panics.
    ///
    /// # Cancellation
    /// When the future is dropped, because the client went away, the operation is told to stop at the next safe place.
    pub async fn run<O: Operation>(&self, caller: Caller, operation: O) -> Result<O::Reply, ApiError> {
        self.run_with(caller, operation, None, None).await
    }

    /// As [`App::run`]; `job` is the id that the job of a long operation gets when it is free, and `watcher` is told where
    /// the work stands, and asked whether it shall go on.
    ///
    /// # Errors
    /// As [`App::run`].
    ///
    /// # Cancellation
    /// As [`App::run`].
    pub(crate) async fn run_with<O: Operation>(
        &self,
        caller: Caller,
        operation: O,
        job: Option<String>,
        watcher: Option<Arc<dyn Monitor>>,
    ) -> Result<O::Reply, ApiError> {
        let job = (O::SPEC.duration == Duration::Long)
            .then(|| self.state.jobs.begin(O::SPEC.job, operation.subject(), job));
        let places = tokio::time::timeout(PLACE_WITHIN, self.places(&O::SPEC)).await;
        let place = places.map_err(|_| ApiError::busy()).and_then(|place| place);
        let place = place.inspect_err(|error| {
            if let Some(job) = &job {
                job.end::<()>(&Err(error.clone()));
            }
        })?;
        let monitor = RequestMonitor { watcher, ..RequestMonitor::new(self, job) };
        let _gone = monitor.cancelled_by_drop();
        self.on_a_thread(caller, operation, place, monitor).await
    }

    /// Starts a long operation that nobody waits for, and returns its job. It begins when there is a place for it.
    ///
    /// # Errors
    /// What can be said of its parameters alone; `ingestion_busy` when too many jobs wait already.
    pub fn start<O: Operation>(&self, caller: Caller, operation: O) -> Result<JobReport, ApiError> {
        operation.check()?;
        let work = self.state.jobs.begin_in_background(O::SPEC.job, operation.subject())?;
        let shown = work.show();
        let app = self.clone();
        drop(tokio::spawn(async move {
            // It keeps its turn among those who wait.
            let place = tokio::select! {
                biased;
                () = work.cancelled() => return,
                () = app.stopping.cancelled() => return,
                place = app.places(&O::SPEC) => place,
            };
            let Ok(place) = place else { return };
            let monitor = RequestMonitor::new(&app, Some(work));
            // What came of it is in the job.
            drop(app.on_a_thread(caller, operation, place, monitor).await);
        }));
        Ok(shown)
    }

    async fn on_a_thread<O: Operation>(
        &self,
        caller: Caller,
        operation: O,
        place: OwnedSemaphorePermit,
        monitor: RequestMonitor,
    ) -> Result<O::Reply, ApiError> {
        let (engine, state) = (self.engine.clone(), self.state.clone());
        let work = tokio::task::spawn_blocking(move || {
            // Given back when the work ends, not when the client goes away.
            let _place = place;
            monitor.start();
            let result = operation.run(&mut Context::new(&engine, caller, &monitor, Some(&state)));
            monitor.end(&result);
            result
        });
        work.await.unwrap_or_else(|_| Err(ApiError::fault()))
    }

    /// Waits for the place that an operation needs: for one that replaces the store, the places of all long ones.
    async fn places(&self, spec: &Spec) -> Result<OwnedSemaphorePermit, ApiError> {
        let (places, count) = match (spec.access, spec.duration) {
            (Needs::Exclusive, _) => (&self.long, LONG_AT_ONCE),
            (_, Duration::Long) => (&self.long, 1),
            (_, Duration::Short) => (&self.short, 1),
            (_, Duration::Immediate) => (&self.looks, 1),
        };
        Arc::clone(places).acquire_many_owned(count).await.map_err(|_| ApiError::busy())
    }

    /// Looks through a store that is too large for its owner to look through before the first answer.
    pub(crate) async fn look_for_damage(&self) {
        // Long work, so that a restore waits for it.
        let Ok(place) = Arc::clone(&self.long).acquire_owned().await else { return };
        let engine = self.engine.clone();
        drop(tokio::task::spawn_blocking(move || {
            let _place = place;
            let engine = engine.read();
            if let Err(error) = engine.look_through() {
                tracing::warn!(%error, "the store could not be checked for damage");
            }
        }));
    }
}

/// Where the work stands can be seen in its job, and in the status, which the engine keeps itself.
struct RequestMonitor {
    /// That of the job, which shows it, where there is one.
    cancelled: CancellationToken,
    stopping: CancellationToken,
    work: Option<JobHandle>,
    watcher: Option<Arc<dyn Monitor>>,
}

impl RequestMonitor {
    fn new(app: &App, work: Option<JobHandle>) -> Self {
        let cancelled = work.as_ref().map(JobHandle::cancellation).unwrap_or_default();
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

    fn end<T: Serialize>(&self, result: &Result<T, ApiError>) {
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

    use atocore_engine::{self as engine, EngineConfig, SystemClock};
    use atocore_model::{
        error::ErrorCode,
        monitor::Silent,
        time::{Clock, Timestamp},
    };
    use atocore_testkit::installation::Installation;
    use serde::Deserialize;
    use tokio::runtime::Builder;

    use super::*;
    use crate::operations::{CreateBackup, Health, RestoreBackup};

    /// Tells that it runs.
    #[derive(Serialize, Deserialize, utoipa::ToSchema)]
    struct Says {
        word: String,
        #[serde(skip)]
        to: Option<Sender<String>>,
    }

    impl Operation for Says {
        type Reply = ();
        const SPEC: Spec = Spec::get("tests", "say", "/say").long("say");

        fn run(self, _: &mut Context<'_>) -> Result<(), ApiError> {
            self.to.unwrap().send(self.word).unwrap();
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
        let access = engine::Access::Own { activity: "serve".to_owned(), socket: None };
        let app = App::new(Engine::open(config, access, &Silent).unwrap());
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let taken = app
                .run(Caller::Local, CreateBackup { include_chroma: false, note: String::new() })
                .await
                .unwrap();
            let stamp = taken.backup_root.rsplit('/').next().unwrap_or_default().to_owned();
            let restore = RestoreBackup { stamp, generation: None };
            let failed = app.run(Caller::Local, restore.clone()).await.unwrap_err();
            assert_eq!(failed.code, ErrorCode::Internal, "{failed}");
            assert!(clock.0.load(Ordering::SeqCst));
            assert!(app.engine.write().is_closed());
            let health = app.run(Caller::Local, Health {}).await.unwrap();
            assert_eq!((health.health.store, health.status.as_str()), (true, "ok"));
            let restored = app.run(Caller::Local, restore).await.unwrap();
            assert_eq!(
                app.run(Caller::Local, Health {}).await.unwrap().health.generation,
                restored.present_generation
            );
        });
    }

    #[test]
    fn a_job_that_waits_keeps_its_place_before_those_who_came_later() {
        let place = Installation::default();
        let app = App::new(place.own());
        let (says, said) = mpsc::channel();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut held = Arc::clone(&app.long).acquire_many_owned(LONG_AT_ONCE).await.unwrap();
            let say = |word: &str| Says { word: word.to_owned(), to: Some(says.clone()) };
            let queued = app.start(Caller::Local, say("cancelled")).unwrap();
            drop(app.start(Caller::Local, say("first")).unwrap());
            tokio::task::yield_now().await;
            let (later, says) = (app.clone(), say("later"));
            let later = tokio::spawn(async move { later.run(Caller::Local, says).await });
            tokio::task::yield_now().await;
            drop(app.jobs().cancel(&queued.id).unwrap());
            drop(held.split(1));
            later.await.unwrap().unwrap();
            drop(held);
        });
        drop(says);
        assert_eq!(said.iter().collect::<Vec<_>>(), ["first", "later"]);
    }
}
