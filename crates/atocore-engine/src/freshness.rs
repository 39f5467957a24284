//! Keeps the word index abreast of the store, in a thread of its own.
//!
//! A committed write sends word and goes on; whoever needs to see it waits for its generation. Writes that come close
//! together are taken up together.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use atocore_model::{
    id::Generation,
    monitor::{Monitor, Progress},
};
use atocore_storage::{lexical::LexicalError, sqlite::Store};

use crate::{behind::IndexFault, bell::Bell, error::Error, words::Words};

/// While nobody waits, the index is brought up to date at most this often: a commit of the index costs as much as
/// indexing hundreds of passages.
const REST: Duration = Duration::from_secs(2);

/// While the disk does not let the index be written, it is tried again this often: room may have been made.
const TRY_AGAIN: Duration = Duration::from_secs(10);

/// And no more often than that it is at rest this many times as long as the last attempt took: an index that is far
/// behind is tried in vain for long.
const RESTS: u32 = 10;

/// The thread and what it is asked.
#[derive(Debug)]
pub(crate) struct Freshness {
    shared: Arc<Shared>,
    /// Rung with every commit, for whoever else follows the documents.
    bell: Arc<Bell>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The newest generation that was committed.
    wanted: Generation,
    /// The generation that the index shows.
    shown: Generation,
    /// How many callers wait.
    waiting: usize,
    /// How often an attempt failed.
    failures: u64,
    /// Why the last one did, where that says nothing about the disk.
    failure: Option<LexicalError>,
    /// Why the last one did, where it does; `None` once one succeeded.
    fault: Option<IndexFault>,
    closing: bool,
}

impl Freshness {
    /// Starts the thread for an index that shows `shown`.
    pub(crate) fn start(store: Arc<Store>, words: Arc<Words>, shown: Generation, bell: Arc<Bell>) -> Self {
        let shared = Arc::new(Shared::default());
        {
            let mut state = shared.lock();
            (state.wanted, state.shown) = (shown, shown);
            state.fault = words.fault();
        }
        let thread = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || follow(&shared, &store, &words))
        };
        Self { shared, bell, thread: Some(thread) }
    }

    /// Says that a write was committed.
    pub(crate) fn committed(&self, generation: Generation) {
        let mut state = self.shared.lock();
        state.wanted = state.wanted.max(generation);
        drop(state);
        self.shared.changed.notify_all();
        self.bell.ring();
    }

    /// Waits until the index shows `generation`.
    pub(crate) fn wait_for(&self, generation: Generation, limit: Option<Duration>) -> Result<(), Error> {
        let started = Instant::now();
        let mut state = self.shared.lock();
        let failures = state.failures;
        state.wanted = state.wanted.max(generation);
        state.waiting += 1;
        self.shared.changed.notify_all();
        let result = loop {
            if state.shown >= generation {
                break Ok(());
            }
            if state.failures > failures {
                break Err(match &state.fault {
                    Some(fault) => Error::IndexBehind(Box::new(fault.clone())),
                    None => state.failure.take().map_or(Error::IndexNotReady, Error::Lexical),
                });
            }
            let left = match limit.map(|limit| limit.checked_sub(started.elapsed())) {
                None => Duration::from_secs(60),
                Some(Some(left)) => left,
                Some(None) => {
                    let why = state.fault.clone().map(Box::new);
                    break Err(Error::GenerationNotReached { wanted: generation, shown: state.shown, why });
                }
            };
            state = self.shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        };
        state.waiting -= 1;
        result
    }
}

impl Drop for Freshness {
    fn drop(&mut self) {
        self.shared.lock().closing = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been reported by the panic hook; the index is derived and rebuilds.
            drop(thread.join());
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the thread does.
fn follow(shared: &Shared, store: &Store, words: &Words) {
    let mut last = Instant::now();
    let mut took = Duration::ZERO;
    loop {
        let mut state = shared.lock();
        while !state.closing {
            let behind = state.shown < state.wanted;
            let rest = match (behind, &state.fault) {
                (true, _) => REST,
                (false, Some(_)) => TRY_AGAIN.max(took * RESTS),
                (false, None) => Duration::from_secs(3600),
            };
            let pause = rest.saturating_sub(last.elapsed());
            if pause.is_zero() || behind && state.waiting > 0 {
                break;
            }
            state = shared.changed.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner).0;
        }
        if state.closing {
            return;
        }
        drop(state);
        let began = Instant::now();
        let outcome = words.catch_up(store, &Closing { shared });
        (last, took) = (Instant::now(), began.elapsed());
        let mut state = shared.lock();
        state.fault = words.fault();
        match outcome {
            Ok(mark) => state.shown = state.shown.max(mark.generation),
            Err(LexicalError::Cancelled) => {}
            Err(error) => {
                state.failures += 1;
                state.failure = Some(error);
                // Tried again with the next write or the next caller that waits; and after a while, where the disk is at
                // fault.
                state.wanted = state.shown;
            }
        }
        drop(state);
        shared.changed.notify_all();
    }
}

/// Calls off what the thread is doing when the engine closes: the next start takes it up.
struct Closing<'s> {
    shared: &'s Shared,
}

impl Monitor for Closing<'_> {
    fn progress(&self, _: Progress) {}

    fn cancelled(&self) -> bool {
        self.shared.lock().closing
    }
}
