//! Exclusive ingestion: refreshes and copies of the vector store take turns, and whoever waits too long is told for
//! whom.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use atocore_model::{
    monitor::{Monitor, Progress},
    time::Timestamp,
};

use crate::error::Error;

/// Work that is going on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// What: `refresh of notes`.
    pub activity: String,
    /// Since when.
    pub since: Timestamp,
    /// Where it stands, once it has said so.
    pub progress: Option<Progress>,
}

/// The turn that everybody takes.
#[derive(Debug, Default)]
pub(crate) struct Exclusive {
    running: Mutex<Option<Running>>,
    free: Condvar,
}

/// One turn; over when dropped.
#[derive(Debug)]
pub(crate) struct Turn<'e> {
    exclusive: &'e Exclusive,
}

impl Exclusive {
    /// Waits up to `wait` for the turn.
    pub(crate) fn begin(&self, activity: &str, now: Timestamp, wait: Duration) -> Result<Turn<'_>, Error> {
        let started = Instant::now();
        let mut running = self.lock();
        while let Some(holder) = running.as_ref() {
            let Some(left) = wait.checked_sub(started.elapsed()) else {
                return Err(Error::IngestionBusy { holder: holder.activity.clone(), since: holder.since });
            };
            running = self.free.wait_timeout(running, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        *running = Some(Running { activity: activity.to_owned(), since: now, progress: None });
        Ok(Turn { exclusive: self })
    }

    /// What is going on now.
    pub(crate) fn running(&self) -> Option<Running> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn<'_> {
    /// A monitor that passes everything on and lets others see where the work stands.
    pub(crate) fn watched<'m>(&'m self, monitor: &'m dyn Monitor) -> impl Monitor + 'm {
        Watched { exclusive: self.exclusive, monitor }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.exclusive.lock() = None;
        self.exclusive.free.notify_one();
    }
}

struct Watched<'m> {
    exclusive: &'m Exclusive,
    monitor: &'m dyn Monitor,
}

impl Monitor for Watched<'_> {
    fn progress(&self, progress: Progress) {
        if let Some(running) = self.exclusive.lock().as_mut() {
            running.progress = Some(progress.clone());
        }
        self.monitor.progress(progress);
    }

    fn cancelled(&self) -> bool {
        self.monitor.cancelled()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_ingest_guard_is_refused_with_the_name_of_the_first() {
        let exclusive = Exclusive::default();
        let now = Timestamp::parse("2026-04-06T18:42:19Z").unwrap();
        let turn = exclusive.begin("refresh of notes", now, Duration::ZERO).unwrap();
        let refused = exclusive.begin("snapshot", now, Duration::from_millis(5)).unwrap_err();
        assert!(refused.to_string().contains("refresh of notes"), "{refused}");
        drop(turn);
        drop(exclusive.begin("snapshot", now, Duration::ZERO).unwrap());
        assert_eq!(exclusive.running(), None);
    }
}
