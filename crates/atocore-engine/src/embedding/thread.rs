//! The thread of a server that makes vectors behind the commits.

use std::{
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use atocore_model::{
    monitor::{Monitor, Progress},
    time::Clock,
};
use atocore_storage::sqlite::Store;

use super::{Embedding, Workplace, lock};
use crate::{bell::Bell, error::Error, exclusive::Exclusive, freshness::Freshness};

/// How long the thread waits for word of a commit before it looks by itself.
const LOOK_AGAIN: Duration = Duration::from_secs(600);
/// And while it could not do its work: the model may be fetched, room be made on the disk, or the server of the vectors
/// come back.
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// Runs until it is dropped.
#[derive(Debug)]
pub(crate) struct EmbeddingThread {
    bell: Arc<Bell>,
    thread: Option<JoinHandle<()>>,
}

impl EmbeddingThread {
    /// Starts it.
    pub(crate) fn start(
        embedding: Arc<Embedding>,
        store: Arc<Store>,
        freshness: Arc<Freshness>,
        exclusive: Arc<Exclusive>,
        clock: Arc<dyn Clock>,
        busy_timeout: Duration,
    ) -> Self {
        let bell = Arc::clone(&embedding.bell);
        let thread = thread::spawn(move || {
            let at = Workplace {
                store: &store,
                freshness: &freshness,
                exclusive: &exclusive,
                clock: &*clock,
                busy_timeout,
                polite: true,
            };
            follow(&embedding, &at);
        });
        Self { bell, thread: Some(thread) }
    }
}

impl Drop for EmbeddingThread {
    fn drop(&mut self) {
        self.bell.close();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been reported by the panic hook; what it committed stays.
            drop(thread.join());
        }
    }
}

fn follow(embedding: &Embedding, at: &Workplace<'_>) {
    let bell = &*embedding.bell;
    let monitor = Closing { bell };
    let mut heard = bell.wait(u64::MAX, Duration::ZERO);
    while !bell.is_closing() {
        let pause = match embedding.make(at, &monitor) {
            Ok(_) => {
                *lock(&embedding.failure) = None;
                if embedding.outage().is_some() { TRY_AGAIN } else { LOOK_AGAIN }
            }
            Err(error) => {
                // Without a model the vectors that are there still follow the documents.
                let followed = match error {
                    Error::NoModel(_) => embedding.catch_up(at.store, &monitor),
                    error => Err(error),
                };
                *lock(&embedding.failure) = followed.err().map(|error| error.to_string());
                TRY_AGAIN
            }
        };
        heard = bell.wait(heard, pause);
    }
}

/// Calls off what the thread is doing when the engine closes: the next start takes it up.
struct Closing<'b> {
    bell: &'b Bell,
}

impl Monitor for Closing<'_> {
    fn progress(&self, _: Progress) {}

    fn cancelled(&self) -> bool {
        self.bell.is_closing()
    }
}
