//! What the worker of a server does that makes vectors behind the commits.

use std::{sync::Arc, time::Duration};

use atocore_model::{monitor::Monitor, time::Clock};
use atocore_storage::sqlite::Store;

use super::{EmbedContext, Embedding, lock};
use crate::{
    error::Error,
    ingest_lock::IngestLock,
    lexical_indexer::LexicalIndexer,
    worker::{Round, Task, Worker},
};

/// The name of the worker.
pub(super) const WORKER: &str = "embedding";

/// How long it waits for word of a commit before it looks by itself.
const LOOK_AGAIN: Duration = Duration::from_secs(600);
/// And while it could not do its work: the model may be fetched, room be made on the disk, or the server of the vectors
/// come back.
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// Makes vectors until the worker is dropped.
pub(crate) struct MakeVectors {
    pub(crate) embedding: Arc<Embedding>,
    pub(crate) store: Arc<Store>,
    pub(crate) lexical_indexer: Arc<LexicalIndexer>,
    pub(crate) ingest_lock: Arc<IngestLock>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) busy_timeout: Duration,
}

impl MakeVectors {
    /// Starts the worker.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn start(self) -> Result<Worker, Error> {
        let (controls, clock) = (Arc::clone(&self.embedding.controls), Arc::clone(&self.clock));
        Worker::start(controls, clock, Arc::new(self))
    }
}

impl Task for MakeVectors {
    fn round(&self, stop: &dyn Monitor) -> Round {
        let at = EmbedContext {
            store: &self.store,
            lexical_indexer: &self.lexical_indexer,
            ingest_lock: &self.ingest_lock,
            clock: &*self.clock,
            busy_timeout: self.busy_timeout,
            polite: true,
        };
        let made = match self.embedding.make(&at, stop) {
            Ok(_) => Ok(if self.embedding.outage().is_some() { TRY_AGAIN } else { LOOK_AGAIN }),
            // Without a model the vectors that are there still follow the documents.
            Err(Error::NoModel(_)) => self.embedding.catch_up(&self.store, stop).map(|()| TRY_AGAIN),
            Err(error) => Err(error),
        };
        if made.is_err() && stop.cancelled() {
            return Round::NotDue(Duration::ZERO);
        }
        match made {
            Ok(again) => Round::Done(again),
            Err(error) => Round::Failed { why: error.to_string(), again: TRY_AGAIN },
        }
    }

    fn panicked(&self) {
        *lock(&self.embedding.progress) = None;
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicBool, AtomicU64, Ordering},
        thread,
    };

    use atocore_model::{
        digest::Digest,
        id::{Generation, StoreVersion},
        time::Timestamp,
    };
    use atocore_storage::{
        lexical::LexicalError,
        sqlite::{LoggedOperation, NewSpace, StoreOptions},
        vector::{
            Comparison, VectorError, VectorIndex, VectorMatches, VectorQuery, VectorSource, VectorSpace,
        },
    };

    use super::*;
    use crate::{
        SystemClock,
        behind::IndexFault,
        embedding::ModelChoice,
        error::PANICKED,
        lexical_indexer::FollowingIndex,
        worker::{Controls, WorkerCondition, WorkerStatus},
    };

    /// A vector index that panics when it is written, for as long as it is to.
    #[derive(Debug, Default)]
    struct Panicking {
        panics: Arc<AtomicBool>,
        rounds: Arc<AtomicU64>,
    }

    impl VectorIndex for Panicking {
        fn space(&self) -> Option<VectorSpace> {
            None
        }

        fn version(&self) -> Option<StoreVersion> {
            None
        }

        fn vectors(&self) -> u64 {
            0
        }

        fn search(&self, _: &VectorQuery<'_>) -> Result<VectorMatches, VectorError> {
            Err(VectorError::Cancelled)
        }

        fn catch_up(&self, source: &dyn VectorSource, _: &dyn Monitor) -> Result<StoreVersion, VectorError> {
            let _before = self.rounds.fetch_add(1, Ordering::SeqCst);
            assert!(!self.panics.load(Ordering::SeqCst), "on purpose");
            Ok(source.version()?)
        }

        fn rebuild(
            &self,
            source: &dyn VectorSource,
            monitor: &dyn Monitor,
        ) -> Result<StoreVersion, VectorError> {
            self.catch_up(source, monitor)
        }

        fn compare(&self, _: &dyn VectorSource, _: &dyn Monitor) -> Result<Comparison, VectorError> {
            Ok(Comparison::default())
        }

        fn refresh(&self) -> Result<Option<StoreVersion>, VectorError> {
            Ok(None)
        }
    }

    #[derive(Debug)]
    struct NoWords;

    impl FollowingIndex for NoWords {
        fn catch_up(&self, _: &dyn Monitor) -> Result<Generation, LexicalError> {
            Ok(Generation(1))
        }

        fn fault(&self) -> Option<IndexFault> {
            None
        }
    }

    fn until(controls: &Controls, is_so: impl Fn(&WorkerStatus) -> bool) -> WorkerStatus {
        loop {
            let status = controls.status();
            if is_so(&status) {
                return status;
            }
            thread::yield_now();
        }
    }

    #[test]
    fn a_panic_while_vectors_are_made_is_reported_and_they_are_made_after_it() {
        let (dir, clock) = (tempfile::tempdir().unwrap(), Arc::new(SystemClock));
        let options = StoreOptions {
            busy_timeout: Duration::from_secs(5),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
        };
        let store = Arc::new(Store::open(&dir.path().join("atocore.db"), options).unwrap());
        let space = VectorSpace { fingerprint: Digest::from_bytes([7; 32]), dimensions: 2 };
        let at = Timestamp::parse("2026-04-06T18:42:19Z").unwrap().to_string();
        let new = NewSpace { space, model: "of nobody", precision: "f32", at: &at };
        let operation = LoggedOperation { interface: "engine", action: "switch_model", subject: "" };
        store
            .write(&operation, |write| {
                let row = write.add_space(&new)?;
                write.serve_space(row.key)
            })
            .unwrap();
        let index = Panicking::default();
        let (panics, rounds) = (Arc::clone(&index.panics), Arc::clone(&index.rounds));
        panics.store(true, Ordering::SeqCst);
        let index: Arc<dyn VectorIndex> = Arc::new(index);
        let choice = ModelChoice { name: "of nobody".to_owned(), ..ModelChoice::default() };
        let embedding = Arc::new(Embedding { index: index.into(), ..Embedding::without_index(choice) });
        let controls = Arc::clone(&embedding.controls);
        let lexical_indexer = LexicalIndexer::start(
            NoWords,
            Generation(1),
            Arc::clone(&clock) as Arc<dyn Clock>,
            Arc::clone(&controls),
        );
        let worker = MakeVectors {
            embedding: Arc::clone(&embedding),
            store: Arc::clone(&store),
            lexical_indexer: Arc::new(lexical_indexer.unwrap()),
            ingest_lock: Arc::default(),
            clock,
            busy_timeout: Duration::from_secs(5),
        };
        let worker = worker.start().unwrap();

        let status = until(&controls, |status| status.panics >= 2);
        assert_eq!((&*status.worker, status.failure.as_deref()), ("embedding", Some(PANICKED)));
        let shown = embedding.status(Some(&*store), true).unwrap();
        assert_eq!((shown.failure.as_deref(), shown.making), (Some(PANICKED), None));

        panics.store(false, Ordering::SeqCst);
        let status = until(&controls, |status| status.failure.is_none());
        assert_eq!(status.failures, 0);
        assert_eq!(embedding.status(Some(&*store), true).unwrap().failure, None);

        // Whoever needs it to be still has that, and what was committed meanwhile is looked at afterwards.
        let paused = controls.pause();
        let before = rounds.load(Ordering::SeqCst);
        controls.wake();
        assert_eq!(controls.status().state, WorkerCondition::Paused);
        assert_eq!(rounds.load(Ordering::SeqCst), before);
        drop(paused);
        while rounds.load(Ordering::SeqCst) == before {
            thread::yield_now();
        }
        drop(worker);
    }
}
