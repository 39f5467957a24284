//! A worker: a thread with a name of its own that does one kind of work, a round at a time, until it is dropped.
//!
//! A panic ends the round and not the thread. It is caught, whoever waits for the work is told, the status shows it, and
//! the next round is tried after a pause that grows. Nobody ever waits for a thread that is gone.

use std::{
    borrow::Cow,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use atocore_model::{
    error::with_causes,
    monitor::{Monitor, Progress},
    time::{Clock, Timestamp},
    words,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::{Error, PANICKED};

/// The pause after the first panic; it doubles with every further one in a row.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// And the longest one.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What a worker does.
pub(crate) trait Task: Send + Sync {
    /// Does what there is to do now. `stop` asks it to end: the worker is paused, or closes.
    fn round(&self, stop: &dyn Monitor) -> Round;

    /// A round panicked: tells whoever waits for the work. Nothing of what is half done may be counted on.
    fn panicked(&self);
}

/// What came of a round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Round {
    /// Everything there was to do is done; to be looked at again after a while, or when the worker is woken.
    Done(Duration),
    /// Nothing was tried, or what was tried was cancelled; what is known of the last round still holds.
    NotDue(Duration),
    /// It could not be done.
    Failed {
        /// Why, as a sentence without its full stop.
        why: String,
        /// To be tried again after a while, or when the worker is woken.
        again: Duration,
    },
}

words! {
    /// How a worker does.
    WorkerCondition, "a state of a worker", {
        /// It works, or waits for work.
        Running = "running",
        /// It could not do its work last, and tries again by itself.
        Failing = "failing",
        /// It is kept from working for a while, while other work needs it to be still.
        Paused = "paused",
    }
}

/// A thread that does one kind of work behind the requests, and how it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WorkerStatus {
    /// `lexical-index`, `embedding` or `questions`.
    #[schema(example = "lexical-index")]
    pub worker: Cow<'static, str>,
    /// How it does.
    pub state: WorkerCondition,
    /// How many times in a row it has failed.
    pub failures: u32,
    /// How many times it has failed by a fault in AtoCore itself since the process started.
    pub panics: u64,
    /// Why it failed last; null when it did not.
    pub failure: Option<String>,
    /// Since when it fails.
    pub since: Option<Timestamp>,
}

/// What a worker is told, and what is known of it. Lives longer than the thread, so that it can be woken at any time.
#[derive(Debug)]
pub(crate) struct Controls {
    name: &'static str,
    state: Mutex<WorkerState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct WorkerState {
    /// How often it was woken.
    woken: u64,
    closing: bool,
    /// How many want it to pause.
    pauses: usize,
    in_round: bool,
    failures: u32,
    panics: u64,
    failure: Option<String>,
    since: Option<Timestamp>,
}

impl Controls {
    pub(crate) fn new(name: &'static str) -> Arc<Self> {
        Arc::new(Self { name, state: Mutex::default(), changed: Condvar::new() })
    }

    /// Says that there is something to look at.
    pub(crate) fn wake(&self) {
        self.lock().woken += 1;
        self.changed.notify_all();
    }

    pub(crate) fn status(&self) -> WorkerStatus {
        let state = self.lock();
        let how = match (&state.failure, state.pauses) {
            (Some(_), _) => WorkerCondition::Failing,
            (None, 0) => WorkerCondition::Running,
            (None, _) => WorkerCondition::Paused,
        };
        WorkerStatus {
            worker: self.name.into(),
            state: how,
            failures: state.failures,
            panics: state.panics,
            failure: state.failure.clone(),
            since: state.since,
        }
    }

    /// Has the round that runs end at its next safe place, waits until it has, and lets none begin until the guard is
    /// dropped. Not to be called within a round.
    pub(crate) fn pause(self: &Arc<Self>) -> Paused {
        let mut state = self.lock();
        state.pauses += 1;
        drop(self.changed.wait_while(state, |state| state.in_round).unwrap_or_else(PoisonError::into_inner));
        Paused { controls: Arc::clone(self) }
    }

    fn lock(&self) -> MutexGuard<'_, WorkerState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the next round; `false` when there is none any more. `heeds_wakes` says whether being woken shortens
    /// the wait until `due`.
    fn wait(&self, seen: &mut u64, due: Instant, heeds_wakes: bool) -> bool {
        let mut state = self.lock();
        loop {
            if state.closing {
                return false;
            }
            let left = due.saturating_duration_since(Instant::now());
            let is_due = left.is_zero() || heeds_wakes && state.woken > *seen;
            if is_due && state.pauses == 0 {
                state.in_round = true;
                *seen = state.woken;
                return true;
            }
            // A pause ends with a notification.
            let left = if is_due { LONGEST_PAUSE } else { left };
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Notes what came of a round, `None` for a panic; returns when the next one is due, and whether being woken makes
    /// it come sooner.
    fn note(&self, round: Option<Round>, clock: &dyn Clock) -> (Duration, bool) {
        let now = clock.now();
        let mut state = self.lock();
        state.in_round = false;
        let next = match round {
            Some(Round::Done(again)) => {
                (state.failures, state.failure, state.since) = (0, None, None);
                (again, true)
            }
            Some(Round::NotDue(again)) => (again, true),
            Some(Round::Failed { why, again }) => {
                state.failed(why, now);
                (again, true)
            }
            None => {
                state.panics += 1;
                state.failed(PANICKED.to_owned(), now);
                // A fault of ours comes again most likely: what is woken by every write must not run into it every time.
                let doubled = 1_u32.checked_shl(state.failures.saturating_sub(1)).unwrap_or(u32::MAX);
                (FIRST_PAUSE.saturating_mul(doubled).min(LONGEST_PAUSE), false)
            }
        };
        drop(state);
        self.changed.notify_all();
        next
    }
}

impl WorkerState {
    fn failed(&mut self, why: String, now: Timestamp) {
        self.failures = self.failures.saturating_add(1);
        self.failure = Some(why);
        let _since = self.since.get_or_insert(now);
    }
}

/// A worker does nothing while this lives.
#[derive(Debug)]
pub(crate) struct Paused {
    controls: Arc<Controls>,
}

impl Drop for Paused {
    fn drop(&mut self) {
        self.controls.lock().pauses -= 1;
        self.controls.changed.notify_all();
    }
}

/// The thread; when it is dropped, the round that runs is asked to end and waited for.
#[derive(Debug)]
pub(crate) struct Worker {
    controls: Arc<Controls>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts a thread with the name of `controls`, which no other worker has at the same time. The first round begins at
    /// once.
    ///
    /// # Errors
    /// [`Error::WorkerNotStarted`], when the system gives no thread; the status says so, too.
    pub(crate) fn start(
        controls: Arc<Controls>,
        clock: Arc<dyn Clock>,
        task: Arc<dyn Task>,
    ) -> Result<Self, Error> {
        controls.lock().closing = false;
        let now = clock.now();
        let shared = Arc::clone(&controls);
        let work = move || {
            let (mut seen, mut due, mut heeds_wakes) = (0, Instant::now(), true);
            while shared.wait(&mut seen, due, heeds_wakes) {
                let round = catch_unwind(AssertUnwindSafe(|| task.round(&StopMonitor { controls: &shared })));
                if round.is_err() {
                    task.panicked();
                }
                let (again, heeds) = shared.note(round.ok(), &*clock);
                (due, heeds_wakes) = (Instant::now() + again, heeds);
            }
        };
        match thread::Builder::new().name(controls.name.to_owned()).spawn(work) {
            Ok(thread) => Ok(Self { controls, thread: Some(thread) }),
            Err(source) => {
                let error = Error::WorkerNotStarted { worker: controls.name, source };
                controls.lock().failed(with_causes(&error), now);
                Err(error)
            }
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.controls.lock().closing = true;
        self.controls.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // It catches the panics of its rounds.
            drop(thread.join());
        }
    }
}

/// Asks a round to end.
struct StopMonitor<'c> {
    controls: &'c Controls,
}

impl Monitor for StopMonitor<'_> {
    fn progress(&self, _: Progress) {}

    fn cancelled(&self) -> bool {
        let state = self.controls.lock();
        state.closing || state.pauses > 0
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        atomic::{AtomicU64, Ordering},
        mpsc::{self, Sender},
    };

    use super::*;
    use crate::SystemClock;

    /// Counts its rounds, panics in some, and tells what they saw.
    #[derive(Debug, Default)]
    struct Counting {
        rounds: AtomicU64,
        panicking: AtomicU64,
        told: AtomicU64,
        names: Mutex<Vec<String>>,
    }

    impl Task for Counting {
        fn round(&self, stop: &dyn Monitor) -> Round {
            let name = thread::current().name().unwrap_or_default().to_owned();
            self.names.lock().unwrap().push(name);
            assert!(!stop.cancelled(), "no round begins in a pause");
            let round = self.rounds.fetch_add(1, Ordering::SeqCst) + 1;
            assert!(round > self.panicking.load(Ordering::SeqCst), "on purpose");
            Round::Done(Duration::from_secs(3600))
        }

        fn panicked(&self) {
            let _before = self.told.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn start(panicking: u64) -> (Arc<Controls>, Arc<Counting>, Worker) {
        let (controls, task) = (Controls::new("counting"), Arc::new(Counting::default()));
        task.panicking.store(panicking, Ordering::SeqCst);
        let shared: Arc<dyn Task> = Arc::clone(&task) as Arc<dyn Task>;
        let worker = Worker::start(Arc::clone(&controls), Arc::new(SystemClock), shared).unwrap();
        (controls, task, worker)
    }

    fn until(is_so: impl Fn() -> bool) {
        while !is_so() {
            thread::yield_now();
        }
    }

    #[test]
    fn rounds_that_panic_are_counted_reported_and_followed_by_others_in_a_thread_of_that_name() {
        let (controls, task, worker) = start(3);
        until(|| task.rounds.load(Ordering::SeqCst) >= 4 && controls.status().failures == 0);
        assert_eq!((controls.status().panics, task.told.load(Ordering::SeqCst)), (3, 3));
        assert_eq!(controls.status().failure, None);
        drop(worker);
        assert!(task.names.lock().unwrap().iter().all(|name| name == "counting"));
    }

    #[test]
    fn being_woken_does_not_shorten_the_pause_after_a_panic_and_that_pause_grows() {
        let controls = Controls::new("failing");
        let pauses: Vec<_> = (0..12).map(|_| controls.note(None, &SystemClock)).collect();
        assert!(pauses.iter().all(|(_, heeds_wakes)| !heeds_wakes));
        let seconds: Vec<_> = pauses.iter().map(|(pause, _)| pause.as_millis()).collect();
        assert_eq!(seconds[..4], [100, 200, 400, 800]);
        assert_eq!(seconds[11], 60_000);
        let failed = Round::Failed { why: "no room".to_owned(), again: Duration::from_secs(5) };
        assert_eq!(controls.note(Some(failed), &SystemClock), (Duration::from_secs(5), true));
        assert_eq!(controls.status().failure.as_deref(), Some("no room"));
        // Nothing was tried, so nothing is better.
        let _next = controls.note(Some(Round::NotDue(Duration::ZERO)), &SystemClock);
        assert_eq!(controls.status().failures, 13);
        let _next = controls.note(Some(Round::Done(Duration::ZERO)), &SystemClock);
        assert_eq!((controls.status().failures, controls.status().since), (0, None));
    }

    #[test]
    fn a_worker_that_is_paused_does_nothing_and_goes_on_afterwards() {
        let (controls, task, worker) = start(0);
        until(|| task.rounds.load(Ordering::SeqCst) == 1);
        let (one, other) = (controls.pause(), controls.pause());
        controls.wake();
        drop(one);
        controls.wake();
        assert_eq!(controls.status().state, WorkerCondition::Paused);
        assert_eq!(task.rounds.load(Ordering::SeqCst), 1);
        drop(other);
        until(|| task.rounds.load(Ordering::SeqCst) == 2);
        assert_ne!(controls.status().state, WorkerCondition::Paused);
        // It ends in a pause too.
        let _paused = controls.pause();
        drop(worker);
    }

    /// A round that ends when it is told to.
    struct Long(Mutex<Sender<()>>);

    impl Task for Long {
        fn round(&self, stop: &dyn Monitor) -> Round {
            self.0.lock().unwrap().send(()).ok();
            until(|| stop.cancelled());
            Round::NotDue(Duration::ZERO)
        }

        fn panicked(&self) {}
    }

    #[test]
    fn a_pause_and_an_end_cut_the_round_short_that_runs() {
        let (tell, began) = mpsc::channel();
        let controls = Controls::new("long");
        let task: Arc<dyn Task> = Arc::new(Long(Mutex::new(tell)));
        let worker = Worker::start(Arc::clone(&controls), Arc::new(SystemClock), task).unwrap();
        began.recv().unwrap();
        drop(controls.pause());
        began.recv().unwrap();
        drop(worker);
        assert!(began.try_recv().is_err());
    }
}
