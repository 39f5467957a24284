//! What is seen of the work of a call while it runs.

use std::sync::{Mutex, PoisonError};

use atocore_model::monitor::{Monitor, Progress};
use tokio_util::sync::{CancellationToken, DropGuard};

/// The last progress of some work, and whether it is to stop.
#[derive(Debug, Default)]
pub(super) struct Watch {
    news: Mutex<Option<Progress>>,
    stop: CancellationToken,
}

impl Watch {
    /// Of work that stops when its call is cancelled.
    pub(super) fn until(cancelled: &CancellationToken) -> Self {
        Self { stop: cancelled.child_token(), ..Self::default() }
    }

    /// Stops the work once nobody waits for it any more.
    pub(super) fn stop_when_dropped(&self) -> DropGuard {
        self.stop.clone().drop_guard()
    }

    /// The progress that was made since this was asked last.
    pub(super) fn take(&self) -> Option<Progress> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Monitor for Watch {
    fn progress(&self, progress: Progress) {
        *self.news.lock().unwrap_or_else(PoisonError::into_inner) = Some(progress);
    }

    fn cancelled(&self) -> bool {
        self.stop.is_cancelled()
    }
}
