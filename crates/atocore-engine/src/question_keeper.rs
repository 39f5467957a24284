//! Questions that were asked, kept in the store where the owner wants that: what is not answered, and what is never found.
//!
//! An answer waits for nothing: its question is noted in memory, and a worker writes down what was noted some moments later.
//! What a process that is killed has not written yet is lost; nothing is acknowledged to anybody.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use atocore_model::{monitor::Monitor, query::NotedQuestion, time::Clock};
use atocore_storage::sqlite::Store;

use crate::{
    error::Error,
    worker::{Controls, Round, Task, Worker, WorkerStatus},
};

/// The name of the worker.
const WORKER: &str = "questions";
/// How often it writes down what was noted.
const WRITES_EVERY: Duration = Duration::from_secs(2);
/// More is not noted while it cannot be written.
const MOST_NOTED: usize = 1_000;

/// Keeps the questions that an engine answers.
#[derive(Debug)]
pub(crate) struct QuestionKeeper {
    notes: Arc<Notes>,
    controls: Arc<Controls>,
    worker: Option<Worker>,
}

/// What was noted and is not written yet.
struct Notes {
    store: Arc<Store>,
    asked: Mutex<Vec<NotedQuestion>>,
    /// Held by whoever writes them down.
    writing: Mutex<()>,
}

impl QuestionKeeper {
    /// Starts to keep questions in a store.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn start(store: Arc<Store>, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let (notes, controls) = (
            Arc::new(Notes { store, asked: Mutex::default(), writing: Mutex::default() }),
            Controls::new(WORKER),
        );
        let worker = Worker::start(Arc::clone(&controls), clock, Arc::clone(&notes) as Arc<dyn Task>)?;
        Ok(Self { notes, controls, worker: Some(worker) })
    }

    /// Notes a question, to be written down some moments later.
    pub(crate) fn note(&self, question: NotedQuestion) {
        let mut asked = self.notes.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if asked.len() < MOST_NOTED {
            asked.push(question);
        }
    }

    /// What was noted is in the store when this returns.
    ///
    /// # Errors
    /// When it cannot be written; it stays noted.
    pub(crate) fn write_down(&self) -> Result<(), Error> {
        self.notes.write_down()
    }

    pub(crate) fn status(&self) -> WorkerStatus {
        self.controls.status()
    }
}

impl Drop for QuestionKeeper {
    fn drop(&mut self) {
        drop(self.worker.take());
        // Nobody is left to be told.
        drop(self.notes.write_down());
    }
}

impl Notes {
    fn write_down(&self) -> Result<(), Error> {
        // Who finds nothing left to write waits for the one who writes it.
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let take = || std::mem::take(&mut *self.asked.lock().unwrap_or_else(PoisonError::into_inner));
        let asked = take();
        if asked.is_empty() {
            return Ok(());
        }
        let written = self.store.write_bookkeeping(|books| Ok::<_, Error>(books.keep_questions(&asked)?));
        if written.is_err() {
            let mut later = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            let room = MOST_NOTED.saturating_sub(later.len());
            later.splice(..0, asked.into_iter().take(room));
        }
        written
    }
}

impl Task for Notes {
    fn round(&self, _: &dyn Monitor) -> Round {
        match self.write_down() {
            Ok(()) => Round::Done(WRITES_EVERY),
            Err(error) => Round::Failed { why: error.to_string(), again: WRITES_EVERY },
        }
    }

    fn panicked(&self) {}
}

impl std::fmt::Debug for Notes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Nobody's questions in a log.
        f.debug_struct("Notes").finish_non_exhaustive()
    }
}
