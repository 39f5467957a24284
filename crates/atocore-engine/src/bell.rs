//! Tells a thread that something was committed, without keeping whoever says so.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Counts how often it was rung; who listens remembers the count.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    state: Mutex<State>,
    rung: Condvar,
}

#[derive(Debug, Default)]
struct State {
    count: u64,
    closing: bool,
}

impl Bell {
    /// Says that there is something to look at.
    pub(crate) fn ring(&self) {
        self.lock().count += 1;
        self.rung.notify_all();
    }

    /// Says that the listener should end.
    pub(crate) fn close(&self) {
        self.lock().closing = true;
        self.rung.notify_all();
    }

    /// Whether the listener should end.
    pub(crate) fn is_closing(&self) -> bool {
        self.lock().closing
    }

    /// Waits until it was rung more than `heard` times, closes, or `limit` has gone by; returns the count.
    pub(crate) fn wait(&self, heard: u64, limit: Duration) -> u64 {
        let state = self.lock();
        let waiting = |state: &mut State| state.count <= heard && !state.closing;
        let waited = self.rung.wait_timeout_while(state, limit, waiting);
        waited.unwrap_or_else(PoisonError::into_inner).0.count
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
