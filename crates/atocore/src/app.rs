//! What every request shares: the runner, the limits, the measurements, and the one way onto a thread that may block.

mod places;

use std::sync::Arc;

use atocore_engine::{Caller, Engine};
use atocore_model::monitor::{Monitor, Progress};
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::{CancellationToken, DropGuard};

use self::places::Places;
use crate::{
    config::Config,
    engine::SharedEngine,
    following::Following,
    jobs::{JobHandle, Jobs},
    metrics::Metrics,
    operations::{ApiError, Duration, Embed, JobReport, Operation, ServerState},
    runner::{EmbeddingOutcome, KeptRunner, Runner},
};

/// A running application; clones are the same one.
#[derive(Debug, Clone)]
pub struct App {
    runners: Runners,
    state: ServerState,
    places: Arc<Places>,
    stopping: CancellationToken,
}

/// What runs the operations of an application.
#[derive(Debug, Clone)]
enum Runners {
    /// The same one for all, in a server.
    Owned(Arc<Runner>),
    /// One for each, where a server may come and go.
    Kept(Arc<KeptRunner>),
}

impl Runners {
    fn of<O: Operation>(&self, operation: &O, monitor: &dyn Monitor) -> Result<Arc<Runner>, ApiError> {
        match self {
            Self::Owned(runner) => Ok(Arc::clone(runner)),
            Self::Kept(kept) => kept.of(operation, monitor),
        }
    }
}

impl App {
    /// The application of a server, which owns the store.
    #[must_use]
    pub fn new(engine: Engine) -> Self {
        let state = ServerState::default();
        let runner = Runner::Owned(SharedEngine::new(engine), Box::new(state.clone()));
        Self::of(Runners::Owned(Arc::new(runner)), state, Places::of_a_server())
    }

    /// The application of a process that owns nothing, and finds for each operation who does.
    pub(crate) fn beside_others(config: Config) -> Self {
        let kept = Arc::new(KeptRunner::new(config));
        Self::of(Runners::Kept(kept), ServerState::default(), Places::beside_others())
    }

    fn of(runners: Runners, state: ServerState, places: Places) -> Self {
        Self { runners, state, places: Arc::new(places), stopping: CancellationToken::new() }
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
        let place = self.places.take_in_time(&O::SPEC).await.inspect_err(|error| {
            if let Some(job) = &job {
                job.end::<()>(&Err(error.clone()));
            }
        })?;
        let monitor = RequestMonitor { watcher, ..RequestMonitor::new(self, job) };
        let _gone = monitor.cancelled_by_drop();
        self.on_a_thread(caller, operation, place, monitor).await
    }

    /// As [`App::run`], for what a server does by itself again and again: it is none of the jobs that are listed, and is
    /// cancelled when there is no place left for long work of others, or all of them are wanted.
    pub(crate) async fn run_behind<O: Operation>(&self, operation: O) -> Result<O::Reply, ApiError> {
        let place = self.places.take(&O::SPEC).await?;
        let watcher: Arc<dyn Monitor> = Arc::new(GivesWay(Arc::clone(&self.places)));
        let monitor = RequestMonitor { watcher: Some(watcher), ..RequestMonitor::new(self, None) };
        let _gone = monitor.cancelled_by_drop();
        self.on_a_thread(Caller::Local, operation, place, monitor).await
    }

    /// How fresh each project is whose files this server follows.
    pub(crate) const fn following(&self) -> &Following {
        &self.state.following
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
                place = app.places.take(&O::SPEC) => place,
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
        let runners = self.runners.clone();
        let work = tokio::task::spawn_blocking(move || {
            // Given back when the work ends, not when the client goes away.
            let _place = place;
            monitor.start();
            let runner = runners.of(&operation, &monitor);
            let result = runner.and_then(|runner| runner.run_as(caller, operation, &monitor));
            monitor.end(&result);
            result
        });
        work.await.unwrap_or_else(|_| Err(ApiError::fault()))
    }

    /// Whether vectors are wanted and nobody makes them by itself, as a server does.
    pub(crate) async fn leaves_vectors_to_be_made(&self) -> bool {
        let Runners::Kept(kept) = &self.runners else { return false };
        let kept = Arc::clone(kept);
        tokio::task::spawn_blocking(move || kept.leaves_vectors_to_be_made()).await.unwrap_or_default()
    }

    /// Makes the vectors that are missing where [`App::leaves_vectors_to_be_made`], and lets others write in between, of
    /// this client and of other processes.
    pub(crate) async fn embed(&self, watcher: Arc<dyn Monitor>) -> Result<(), ApiError> {
        let Runners::Kept(kept) = &self.runners else { return Ok(()) };
        loop {
            let place = self.places.take(&Embed::SPEC).await?;
            let (kept, places, watcher) = (Arc::clone(kept), Arc::clone(&self.places), Arc::clone(&watcher));
            let work = tokio::task::spawn_blocking(move || {
                let _place = place;
                kept.embed_a_while(&|| places.are_wanted(), &*watcher)
            });
            if let EmbeddingOutcome::All(_) = work.await.unwrap_or_else(|_| Err(ApiError::fault()))? {
                return Ok(());
            }
        }
    }

    /// Looks through a store that is too large for its owner to look through before the first answer.
    pub(crate) async fn look_for_damage(&self) {
        let Runners::Owned(runner) = &self.runners else { return };
        // Long work, so that a restore waits for it.
        let Ok(place) = Arc::clone(&self.places.long).acquire_owned().await else { return };
        let runner = Arc::clone(runner);
        drop(tokio::task::spawn_blocking(move || {
            let _place = place;
            if let Some(engine) = runner.engine()
                && let Err(error) = engine.read().look_through()
            {
                tracing::warn!(%error, "the store could not be checked for damage");
            }
        }));
    }
}

/// Cancels work that could wait, when there is no other place.
struct GivesWay(Arc<Places>);

impl Monitor for GivesWay {
    fn progress(&self, _: Progress) {}

    fn cancelled(&self) -> bool {
        self.0.long.available_permits() == 0
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
        mpsc::{self, Receiver, Sender},
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
    use crate::{
        config::{Environment, Flags},
        operations::{Context, CreateBackup, Health, RestoreBackup, Spec},
    };

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
            let Runners::Owned(runner) = &app.runners else { unreachable!() };
            assert!(runner.engine().unwrap().write().is_closed());
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
            let mut held =
                Arc::clone(&app.places.long).acquire_many_owned(places::LONG_AT_ONCE).await.unwrap();
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

    struct Channels {
        began: Sender<()>,
        go: Receiver<()>,
    }

    /// Tells that it runs, and runs until it is let go.
    #[derive(serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
    struct Waits {
        #[serde(skip)]
        channels: Option<Channels>,
    }

    impl Operation for Waits {
        type Reply = ();
        const SPEC: Spec = Spec::post("tests", "wait", "/wait");

        fn run(self, _: &mut Context<'_>) -> Result<(), ApiError> {
            let Channels { began, go } = self.channels.unwrap();
            began.send(()).unwrap();
            let _let_go = go.recv();
            Ok(())
        }
    }

    #[test]
    fn a_cancelled_call_keeps_its_permit_until_its_work_has_ended() {
        let home = tempfile::tempdir().unwrap();
        let flags = Flags { data_dir: Some(home.path().to_owned()), ..Flags::default() };
        let app = App::beside_others(Config::load(&flags, &Environment::default()).unwrap());
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let call = || {
            let ((began, has_began), (let_go, go)) = (mpsc::channel(), mpsc::channel::<()>());
            let app = app.clone();
            let call = runtime.spawn(async move {
                app.run(Caller::Local, Waits { channels: Some(Channels { began, go }) }).await
            });
            (call, has_began, let_go)
        };
        let (first, first_began, let_first_go) = call();
        first_began.recv().unwrap();
        first.abort();
        assert!(runtime.block_on(first).unwrap_err().is_cancelled());
        assert_eq!(app.places.long.available_permits(), 0, "its work goes on");
        let (second, second_began, let_second_go) = call();
        assert!(second_began.try_recv().is_err());
        drop(let_first_go);
        second_began.recv().unwrap();
        drop(let_second_go);
        runtime.block_on(second).unwrap().unwrap();
        assert_eq!(app.places.long.available_permits(), 1);
    }
}
