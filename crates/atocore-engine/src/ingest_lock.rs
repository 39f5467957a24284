//! The lock that refreshes, removals, rechunking and copies of the vector store hold, one at a time. Whoever waits too long for
//! it learns who holds it.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use atocore_model::{
    monitor::{Monitor, Progress},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::Error;

/// Work that is going on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunningTask {
    /// What.
    #[schema(example = "refresh of field-notes")]
    pub activity: String,
    /// Since when.
    pub since: Timestamp,
    /// Where it stands, once it has said so.
    pub progress: Option<Progress>,
}

/// The lock, and what its holder is doing.
#[derive(Debug, Default)]
pub(crate) struct IngestLock {
    state: Mutex<LockState>,
    free: Condvar,
}

#[derive(Debug, Default)]
struct LockState {
    running: Option<RunningTask>,
    /// How many wait until it is free.
    waiting: usize,
}

/// The held lock; released when dropped.
#[derive(Debug)]
pub(crate) struct IngestGuard<'e> {
    ingest_lock: &'e IngestLock,
}

impl IngestLock {
    /// Takes the lock, waiting for it up to `wait`.
    ///
    /// # Errors
    /// [`Error::IngestionBusy`] with the holder, when the wait ends.
    pub(crate) fn begin(
        &self,
        activity: &str,
        now: Timestamp,
        wait: Duration,
    ) -> Result<IngestGuard<'_>, Error> {
        let started = Instant::now();
        let mut state = self.lock();
        state.waiting += 1;
        let taken = loop {
            let Some(holder) = state.running.as_ref() else { break Ok(()) };
            let Some(left) = wait.checked_sub(started.elapsed()) else {
                break Err(Error::IngestionBusy { holder: holder.activity.clone(), since: holder.since });
            };
            state = self.free.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        };
        state.waiting -= 1;
        taken?;
        state.running = Some(RunningTask { activity: activity.to_owned(), since: now, progress: None });
        Ok(IngestGuard { ingest_lock: self })
    }

    /// What is going on now.
    pub(crate) fn running(&self) -> Option<RunningTask> {
        self.lock().running.clone()
    }

    fn lock(&self) -> MutexGuard<'_, LockState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl IngestGuard<'_> {
    /// A monitor that passes everything on and lets others see where the work stands. Work that `gives_way` is cancelled
    /// while others wait for the lock.
    pub(crate) fn watched<'m>(&'m self, monitor: &'m dyn Monitor, gives_way: bool) -> impl Monitor + 'm {
        WatchedMonitor { ingest_lock: self.ingest_lock, monitor, gives_way }
    }
}

impl Drop for IngestGuard<'_> {
    fn drop(&mut self) {
        self.ingest_lock.lock().running = None;
        self.ingest_lock.free.notify_one();
    }
}

struct WatchedMonitor<'m> {
    ingest_lock: &'m IngestLock,
    monitor: &'m dyn Monitor,
    gives_way: bool,
}

impl Monitor for WatchedMonitor<'_> {
    fn progress(&self, progress: Progress) {
        if let Some(running) = self.ingest_lock.lock().running.as_mut() {
            running.progress = Some(progress.clone());
        }
        self.monitor.progress(progress);
    }

    fn cancelled(&self) -> bool {
        self.monitor.cancelled() || self.gives_way && self.ingest_lock.lock().waiting > 0
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use atocore_model::monitor::Silent;

    use super::*;

    #[test]
    fn work_that_gives_way_is_cancelled_while_another_waits_for_its_turn() {
        let ingest_lock = IngestLock::default();
        let now = Timestamp::parse("2026-04-06T18:42:19Z").unwrap();
        let guard = ingest_lock.begin("refresh of notes", now, Duration::ZERO).unwrap();
        let (gives_way, insists) = (guard.watched(&Silent, true), guard.watched(&Silent, false));
        assert!(!gives_way.cancelled());
        thread::scope(|scope| {
            let _other =
                scope.spawn(|| ingest_lock.begin("snapshot", now, Duration::from_secs(60)).map(drop));
            while !gives_way.cancelled() {
                thread::yield_now();
            }
            assert!(!insists.cancelled());
            ingest_lock.lock().running = None;
            ingest_lock.free.notify_one();
        });
        assert!(!gives_way.cancelled());
        drop((gives_way, insists));
        drop(guard);
        drop(ingest_lock.begin("refresh of notes", now, Duration::ZERO).unwrap());
    }

    #[test]
    fn a_second_ingest_guard_is_refused_with_the_name_of_the_first() {
        let ingest_lock = IngestLock::default();
        let now = Timestamp::parse("2026-04-06T18:42:19Z").unwrap();
        let guard = ingest_lock.begin("refresh of notes", now, Duration::ZERO).unwrap();
        let refused = ingest_lock.begin("snapshot", now, Duration::from_millis(5)).unwrap_err();
        assert!(refused.to_string().contains("refresh of notes"), "{refused}");
        drop(guard);
        drop(ingest_lock.begin("snapshot", now, Duration::ZERO).unwrap());
        assert_eq!(ingest_lock.running(), None);
    }
}
