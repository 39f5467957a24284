//! Keeps the lexical index up to date with the store, in a worker of its own.
//!
//! A committed write notifies it and goes on; whoever needs to see the write waits for its generation. Writes that come close
//! together are taken up together. Nobody waits for an attempt that failed, or for a worker that is at fault: they are told
//! why, and the index is tried again all the same.

use std::{
    fmt,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use atocore_model::{id::Generation, monitor::Monitor, time::Clock};
use atocore_storage::{lexical::LexicalError, sqlite::Store};

use crate::{
    behind::IndexFault,
    error::Error,
    lexical_index::LexicalIndexHandle,
    worker::{Controls, Round, Task, Worker, WorkerStatus},
};

/// The name of the worker.
const WORKER: &str = "lexical-index";

/// While nobody waits, the index is brought up to date at most this often: a commit of the index costs as much as
/// indexing hundreds of passages.
const REST: Duration = Duration::from_secs(2);

/// While the index cannot be written, it is tried again this often: room may have been made on the disk.
const TRY_AGAIN: Duration = Duration::from_secs(10);

/// And no more often than that it is at rest this many times as long as the last attempt took: an index that is far
/// behind is tried in vain for long.
const RESTS: u32 = 10;

/// While there is nothing to do.
const IDLE: Duration = Duration::from_secs(3600);

/// An index that follows a store.
pub(crate) trait FollowingIndex: fmt::Debug + Send + Sync {
    /// Brings it to the newest state of the store, and returns the generation of that.
    fn catch_up(&self, monitor: &dyn Monitor) -> Result<Generation, LexicalError>;

    /// Why it could not be brought up to date last, where that says something about the disk.
    fn fault(&self) -> Option<IndexFault>;
}

/// The lexical index and the store that it follows.
#[derive(Debug)]
pub(crate) struct StoreLexicalIndex {
    pub(crate) store: Arc<Store>,
    pub(crate) lexical_index: Arc<LexicalIndexHandle>,
}

impl FollowingIndex for StoreLexicalIndex {
    fn catch_up(&self, monitor: &dyn Monitor) -> Result<Generation, LexicalError> {
        Ok(self.lexical_index.catch_up(&self.store, monitor)?.generation)
    }

    fn fault(&self) -> Option<IndexFault> {
        self.lexical_index.fault()
    }
}

/// The worker and what it is asked.
#[derive(Debug)]
pub(crate) struct LexicalIndexer {
    indexing: Arc<Indexing>,
    controls: Arc<Controls>,
    /// Woken with every commit as well: whoever else follows the documents.
    also: Arc<Controls>,
    _worker: Worker,
}

#[derive(Debug)]
struct Indexing {
    index: Box<dyn FollowingIndex>,
    state: Mutex<IndexerState>,
    changed: Condvar,
}

#[derive(Debug)]
struct IndexerState {
    /// The newest generation that was committed.
    wanted: Generation,
    /// What was wanted when the last attempt began.
    tried: Generation,
    /// The generation that the index shows.
    shown: Generation,
    /// Whether somebody waits who has come since the last attempt began.
    asked: bool,
    /// How often an attempt failed.
    failures: u64,
    /// Why the last one did; `None` once one succeeded.
    failure: Option<IndexerFailure>,
    /// When the last attempt ended, and how long it took.
    last: Instant,
    took: Duration,
}

/// Why an attempt failed.
#[derive(Debug, Clone)]
enum IndexerFailure {
    /// The disk does not let the index be written.
    Disk(Box<IndexFault>),
    /// The index or the store is at fault.
    Index(Arc<LexicalError>),
    /// This program is.
    Panic,
}

impl IndexerFailure {
    fn to_error(&self) -> Error {
        match self {
            Self::Disk(fault) => Error::IndexBehind(fault.clone()),
            Self::Index(error) => Error::IndexFailed(Arc::clone(error)),
            Self::Panic => Error::WorkerFailed(WORKER),
        }
    }
}

impl LexicalIndexer {
    /// Starts the worker for an index that shows `shown`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn start(
        index: impl FollowingIndex + 'static,
        shown: Generation,
        clock: Arc<dyn Clock>,
        also: Arc<Controls>,
    ) -> Result<Self, Error> {
        let state = IndexerState {
            wanted: shown,
            tried: shown,
            shown,
            asked: false,
            failures: 0,
            failure: index.fault().map(|fault| IndexerFailure::Disk(Box::new(fault))),
            last: Instant::now(),
            took: Duration::ZERO,
        };
        let indexing =
            Arc::new(Indexing { index: Box::new(index), state: Mutex::new(state), changed: Condvar::new() });
        let controls = Controls::new(WORKER);
        let worker = Worker::start(Arc::clone(&controls), clock, Arc::clone(&indexing) as Arc<dyn Task>)?;
        Ok(Self { indexing, controls, also, _worker: worker })
    }

    /// How the worker does.
    pub(crate) fn status(&self) -> WorkerStatus {
        self.controls.status()
    }

    /// Notifies the worker of a committed write.
    pub(crate) fn notify(&self, generation: Generation) {
        let mut state = self.indexing.lock();
        state.wanted = state.wanted.max(generation);
        drop(state);
        self.controls.wake();
        self.also.wake();
    }

    /// Waits until the index shows `generation`; without a limit, until an attempt has succeeded or failed.
    ///
    /// # Errors
    /// Why the index does not get there: at once while the worker is at fault, when the next attempt fails, or when the
    /// limit ends. What is wanted stays wanted, and is tried again.
    pub(crate) fn wait_for(&self, generation: Generation, limit: Option<Duration>) -> Result<(), Error> {
        let started = Instant::now();
        let mut state = self.indexing.lock();
        let failures = state.failures;
        state.wanted = state.wanted.max(generation);
        if state.shown < generation {
            if let Some(failure @ IndexerFailure::Panic) = &state.failure {
                return Err(failure.to_error());
            }
            state.asked = true;
            self.controls.wake();
        }
        while state.shown < generation {
            if let (true, Some(failure)) = (state.failures > failures, &state.failure) {
                return Err(failure.to_error());
            }
            let left = match limit.map(|limit| limit.checked_sub(started.elapsed())) {
                None => Duration::from_secs(60),
                Some(Some(left)) => left,
                Some(None) => {
                    let why = match &state.failure {
                        Some(IndexerFailure::Disk(fault)) => Some(fault.clone()),
                        _ => None,
                    };
                    return Err(Error::GenerationNotReached { wanted: generation, shown: state.shown, why });
                }
            };
            state = self.indexing.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(())
    }
}

impl IndexerState {
    /// How long after the last attempt the next one is made.
    fn rest(&self) -> Duration {
        match (self.asked, self.shown < self.wanted, &self.failure) {
            // The worker has made its pause.
            (true, ..) | (_, true, Some(IndexerFailure::Panic)) => Duration::ZERO,
            // Something was committed since the last attempt.
            (_, true, None) => REST,
            (_, true, Some(_)) if self.tried < self.wanted => REST,
            (_, _, Some(_)) => TRY_AGAIN.max(self.took * RESTS),
            (_, false, None) => IDLE,
        }
    }
}

impl Indexing {
    fn lock(&self) -> MutexGuard<'_, IndexerState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Task for Indexing {
    fn round(&self, stop: &dyn Monitor) -> Round {
        let mut state = self.lock();
        let left = state.rest().saturating_sub(state.last.elapsed());
        if !left.is_zero() {
            return Round::NotDue(left);
        }
        (state.asked, state.tried) = (false, state.wanted);
        drop(state);
        let began = Instant::now();
        let outcome = self.index.catch_up(stop);
        let mut state = self.lock();
        (state.last, state.took) = (Instant::now(), began.elapsed());
        let round = match outcome {
            Ok(generation) => {
                state.shown = state.shown.max(generation);
                state.failure = None;
                // Somebody may have asked, or committed, meanwhile.
                Round::Done(state.rest())
            }
            Err(LexicalError::Cancelled) => {
                state.asked = true;
                Round::NotDue(Duration::ZERO)
            }
            Err(error) => {
                state.failures += 1;
                let failure = match self.index.fault() {
                    Some(fault) if error.os_error().is_some() => IndexerFailure::Disk(Box::new(fault)),
                    _ => IndexerFailure::Index(Arc::new(error)),
                };
                let why = atocore_model::error::with_causes(&failure.to_error());
                state.failure = Some(failure);
                Round::Failed { why, again: state.rest() }
            }
        };
        drop(state);
        self.changed.notify_all();
        round
    }

    fn panicked(&self) {
        let mut state = self.lock();
        state.failures += 1;
        state.failure = Some(IndexerFailure::Panic);
        state.last = Instant::now();
        drop(state);
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, Receiver, Sender};

    use super::*;
    use crate::{SystemClock, error::PANICKED, worker::WorkerCondition};

    /// What an attempt does.
    #[derive(Debug, Clone, Copy)]
    enum Attempt {
        Shows(u64),
        Fails,
        Panics,
        /// Waits until it is to do something else, or is cancelled.
        Waits,
    }

    /// An index that does at every attempt what it is told.
    #[derive(Debug, Clone)]
    struct ScriptedIndex {
        attempt: Arc<Mutex<Attempt>>,
        began: Sender<()>,
    }

    impl FollowingIndex for ScriptedIndex {
        fn catch_up(&self, monitor: &dyn Monitor) -> Result<Generation, LexicalError> {
            let _sent = self.began.send(());
            loop {
                let attempt = *self.attempt.lock().unwrap();
                match attempt {
                    Attempt::Shows(generation) => return Ok(Generation(generation)),
                    Attempt::Fails => return Err(LexicalError::ReadOnly { dir: "index".into() }),
                    Attempt::Panics => panic!("on purpose"),
                    Attempt::Waits if monitor.cancelled() => return Err(LexicalError::Cancelled),
                    Attempt::Waits => std::thread::yield_now(),
                }
            }
        }

        fn fault(&self) -> Option<IndexFault> {
            None
        }
    }

    struct Fixture {
        lexical_indexer: Arc<LexicalIndexer>,
        attempt: Arc<Mutex<Attempt>>,
        began: Receiver<()>,
    }

    impl Fixture {
        fn tell(&self, attempt: Attempt) {
            *self.attempt.lock().unwrap() = attempt;
        }

        /// Waits for generation 5 in vain, with a limit and without one; returns why.
        fn refused(&self, attempt: Attempt) -> [Error; 2] {
            self.tell(Attempt::Waits);
            let waits = [None, Some(Duration::from_secs(600))].map(|limit| {
                let lexical_indexer = Arc::clone(&self.lexical_indexer);
                std::thread::spawn(move || lexical_indexer.wait_for(Generation(5), limit).unwrap_err())
            });
            self.began.recv().unwrap();
            self.tell(attempt);
            waits.map(|wait| wait.join().unwrap())
        }
    }

    fn fixture() -> Fixture {
        let (tell, began) = mpsc::channel();
        let attempt = Arc::new(Mutex::new(Attempt::Waits));
        let index = ScriptedIndex { attempt: Arc::clone(&attempt), began: tell };
        let also = Controls::new("also");
        let lexical_indexer =
            LexicalIndexer::start(index, Generation(1), Arc::new(SystemClock), also).unwrap();
        Fixture { lexical_indexer: Arc::new(lexical_indexer), attempt, began }
    }

    fn until(fixture: &Fixture, is_so: impl Fn(&WorkerStatus) -> bool) -> WorkerStatus {
        loop {
            let status = fixture.lexical_indexer.status();
            if is_so(&status) {
                return status;
            }
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_panic_while_the_index_is_written_reaches_all_who_wait_and_the_worker_goes_on() {
        let fixture = fixture();
        for error in fixture.refused(Attempt::Panics) {
            assert!(matches!(error, Error::WorkerFailed("lexical-index")), "{error}");
        }
        let status = until(&fixture, |status| status.panics > 1);
        assert_eq!((&*status.worker, status.failure.as_deref()), ("lexical-index", Some(PANICKED)));
        assert!(status.failures > 1 && status.since.is_some());
        // While it is at fault nobody waits, with or without a limit.
        let refused = fixture.lexical_indexer.wait_for(Generation(5), None).unwrap_err();
        assert!(matches!(refused, Error::WorkerFailed(_)), "{refused}");
        assert_eq!(refused.code(), atocore_model::error::ErrorCode::IndexUnavailable);
        assert!(fixture.lexical_indexer.wait_for(Generation(1), None).is_ok(), "what is shown is shown");
        // What was wanted is tried again without being asked for.
        fixture.tell(Attempt::Shows(5));
        let status = until(&fixture, |status| status.failures == 0);
        assert_eq!((status.failure, status.since), (None, None));
        assert!(fixture.lexical_indexer.wait_for(Generation(5), None).is_ok());
    }

    #[test]
    fn all_who_wait_get_the_same_reason_and_their_request_is_not_forgotten() {
        let fixture = fixture();
        for error in fixture.refused(Attempt::Fails) {
            assert!(error.to_string().contains("open for reading only"), "{error}");
        }
        let state = || {
            let state = fixture.lexical_indexer.indexing.lock();
            (state.wanted, state.shown)
        };
        assert_eq!(state(), (Generation(5), Generation(1)));
        assert_eq!(fixture.lexical_indexer.status().panics, 0);
        // Whoever asks next gets an attempt of its own, at once.
        fixture.tell(Attempt::Shows(6));
        fixture.lexical_indexer.wait_for(Generation(5), Some(Duration::from_secs(600))).unwrap();
        assert_eq!(state(), (Generation(5), Generation(6)));
    }

    #[test]
    fn an_attempt_that_failed_is_made_again_by_itself() {
        let failed = |wanted: u64, asked| IndexerState {
            wanted: Generation(wanted),
            tried: Generation(5),
            shown: Generation(1),
            asked,
            failures: 1,
            failure: Some(IndexerFailure::Index(Arc::new(LexicalError::Cancelled))),
            last: Instant::now(),
            took: Duration::from_secs(2),
        };
        assert_eq!(failed(5, false).rest(), Duration::from_secs(20), "rarely, when it takes long");
        assert_eq!(failed(6, false).rest(), REST, "sooner, with the next write");
        assert_eq!(failed(5, true).rest(), Duration::ZERO);
        assert_eq!(
            IndexerState { failure: Some(IndexerFailure::Panic), ..failed(5, false) }.rest(),
            Duration::ZERO
        );
        assert_eq!(IndexerState { failure: None, shown: Generation(6), ..failed(6, false) }.rest(), IDLE);
    }

    #[test]
    fn a_pause_cuts_an_attempt_short_and_what_was_wanted_is_shown_after_it() {
        let fixture = fixture();
        let lexical_indexer = Arc::clone(&fixture.lexical_indexer);
        let waits = std::thread::spawn(move || lexical_indexer.wait_for(Generation(5), None));
        fixture.began.recv().unwrap();
        let paused = fixture.lexical_indexer.controls.pause();
        assert_eq!(fixture.lexical_indexer.status().state, WorkerCondition::Paused);
        fixture.tell(Attempt::Shows(5));
        fixture.lexical_indexer.notify(Generation(5));
        assert!(fixture.began.try_recv().is_err(), "nothing is tried in a pause");
        drop(paused);
        waits.join().unwrap().unwrap();
        assert_eq!(fixture.lexical_indexer.status().state, WorkerCondition::Running);
    }

    #[test]
    fn closing_cuts_an_attempt_short_and_waits_for_no_pause() {
        let busy = fixture();
        busy.lexical_indexer.notify(Generation(5));
        let refused = busy.lexical_indexer.wait_for(Generation(5), Some(Duration::ZERO)).unwrap_err();
        assert!(matches!(refused, Error::GenerationNotReached { .. }), "the limit ends: {refused}");
        busy.began.recv().unwrap();
        drop(busy);

        let failing = fixture();
        failing.tell(Attempt::Panics);
        failing.lexical_indexer.notify(Generation(5));
        drop(failing.lexical_indexer.wait_for(Generation(5), Some(Duration::ZERO)));
        until(&failing, |status| status.failures >= 4);
        drop(failing);
    }
}
