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
use atocore_storage::{
    lexical::{LexicalError, LexicalIndex},
    sqlite::Store,
};

use crate::{bell::Bell, error::Error};

/// While nobody waits, the index is brought up to date at most this often: a commit of the index costs as much as
/// indexing hundreds of passages.
const REST: Duration = Duration::from_secs(2);

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
    /// How often an attempt failed, and why the last one did.
    failures: u64,
    failure: Option<LexicalError>,
    closing: bool,
}

impl Freshness {
    /// Starts the thread for an index that shows `shown`.
    pub(crate) fn start(
        store: Arc<Store>,
        index: Arc<LexicalIndex>,
        shown: Generation,
        bell: Arc<Bell>,
    ) -> Self {
        let shared = Arc::new(Shared::default());
        {
            let mut state = shared.lock();
            (state.wanted, state.shown) = (shown, shown);
        }
        let thread = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || follow(&shared, &store, &index))
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
                break Err(state.failure.take().map_or(Error::IndexNotReady, Error::Lexical));
            }
            let left = match limit.map(|limit| limit.checked_sub(started.elapsed())) {
                None => Duration::from_secs(60),
                Some(Some(left)) => left,
                Some(None) => {
                    break Err(Error::GenerationNotReached { wanted: generation, shown: state.shown });
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
fn follow(shared: &Shared, store: &Store, index: &LexicalIndex) {
    let mut last = Instant::now();
    loop {
        let mut state = shared.lock();
        while !state.closing {
            let behind = state.shown < state.wanted;
            let rested = last.elapsed() >= REST;
            if behind && (rested || state.waiting > 0) {
                break;
            }
            let pause = if behind { REST.saturating_sub(last.elapsed()) } else { Duration::from_secs(3600) };
            state = shared.changed.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner).0;
        }
        if state.closing {
            return;
        }
        drop(state);
        let outcome = index.catch_up(store, &Closing { shared });
        last = Instant::now();
        let mut state = shared.lock();
        match outcome {
            Ok(mark) => state.shown = state.shown.max(mark.generation),
            Err(LexicalError::Cancelled) => {}
            Err(error) => {
                state.failures += 1;
                state.failure = Some(error);
                // Tried again with the next write or the next caller that waits.
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
