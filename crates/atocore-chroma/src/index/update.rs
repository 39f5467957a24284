//! Brings a collection to a state of the store: writes what is missing, and finds what is to go.
//!
//! For every document the names of the records that are there are compared with those that should be. So it does not
//! matter how an earlier attempt ended.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    mem, thread,
    time::{Duration, Instant},
};

use atocore_model::{
    id::StoreVersion,
    monitor::{Monitor, Progress},
};
use atocore_storage::vector::{ChangedVectors, VectorError, VectorSource, VectorSpace};

use super::{ChromaIndex, CollectionSnapshot};
use crate::{
    client::CallError,
    record::{ChromaRecord, RecordKeys},
    wire::{RecordFilter, RecordMetadata, ServerLimits, UpsertRecords, WireEmbedding},
};

/// Records that are written together: a quarter of a second of work for the server.
const BATCH: usize = 256;
/// Documents that are compared together.
const DOCUMENTS: usize = 256;
/// A write that fails in passing is tried again after these pauses.
pub(super) const PAUSES: [Duration; 3] =
    [Duration::from_millis(100), Duration::from_millis(400), Duration::from_millis(1600)];
/// How often a pause looks whether the work was cancelled.
const LOOK_UP: Duration = Duration::from_millis(20);

/// What has been done to a collection.
#[derive(Debug)]
pub(super) struct UpdateResult {
    pub(super) version: StoreVersion,
    /// Records that were not there.
    pub(super) added: u64,
    /// Records that are there and should go.
    pub(super) obsolete: HashSet<String>,
}

/// The work on a collection.
pub(super) struct CollectionUpdate<'a> {
    pub(super) index: &'a ChromaIndex,
    /// The collection.
    pub(super) id: &'a str,
    /// What searches see of it meanwhile; `None` when it is new.
    pub(super) snapshot: Option<&'a CollectionSnapshot>,
    pub(super) limits: ServerLimits,
    pub(super) space: VectorSpace,
    pub(super) monitor: &'a dyn Monitor,
    /// Called before the first change.
    pub(super) before: &'a dyn Fn() -> Result<(), VectorError>,
    work: UpdateProgress,
}

#[derive(Debug, Default)]
struct UpdateProgress {
    /// Documents that are not compared yet, as they should be.
    waiting: BTreeMap<u64, (String, Vec<ChromaRecord>)>,
    waiting_records: usize,
    /// Documents that were.
    compared: HashSet<u64>,
    has_begun: bool,
    added: u64,
    obsolete: HashSet<String>,
}

impl<'a> CollectionUpdate<'a> {
    pub(super) fn new(
        index: &'a ChromaIndex,
        id: &'a str,
        snapshot: Option<&'a CollectionSnapshot>,
        limits: ServerLimits,
        space: VectorSpace,
        monitor: &'a dyn Monitor,
        before: &'a dyn Fn() -> Result<(), VectorError>,
    ) -> Self {
        Self { index, id, snapshot, limits, space, monitor, before, work: UpdateProgress::default() }
    }

    /// Writes everything that changed after `since`, or everything.
    pub(super) fn fill(
        mut self,
        source: &dyn VectorSource,
        since: Option<StoreVersion>,
    ) -> Result<UpdateResult, VectorError> {
        let mut done = 0;
        let mut stopped = None;
        let read = source.changes(since, &mut |document| {
            let taken =
                if self.monitor.cancelled() { Err(VectorError::Cancelled) } else { self.document(&document) };
            done += 1;
            self.monitor.progress(Progress { phase: "indexing vectors".into(), done, total: None });
            // The source only learns that it should stop.
            taken.map_err(|error| {
                stopped = Some(error);
                VectorError::Cancelled
            })
        });
        if let Some(error) = stopped {
            return Err(error);
        }
        let version = read?;
        self.flush()?;
        if self.monitor.cancelled() {
            return Err(VectorError::Cancelled);
        }
        if !self.work.obsolete.is_empty() {
            self.begin()?;
        }
        Ok(UpdateResult { version, added: self.work.added, obsolete: self.work.obsolete })
    }

    fn document(&mut self, document: &ChangedVectors<'_>) -> Result<(), VectorError> {
        let records = ChromaRecord::of(document, self.space)?;
        self.work.waiting_records += records.len();
        let now = (document.project.to_owned(), records);
        if let Some((_, earlier)) = self.work.waiting.insert(document.document_key, now) {
            self.work.waiting_records -= earlier.len();
        }
        if self.work.waiting_records >= BATCH || self.work.waiting.len() >= DOCUMENTS {
            self.flush()?;
        }
        Ok(())
    }

    /// Compares and writes the documents that wait.
    fn flush(&mut self) -> Result<(), VectorError> {
        let waiting = mem::take(&mut self.work.waiting);
        self.work.waiting_records = 0;
        let mut there = self.there(&waiting)?;
        let mut missing = Vec::new();
        for (document, (project, records)) in &waiting {
            let mut there = there.remove(document).unwrap_or_default();
            for record in records {
                self.work.obsolete.remove(&record.id);
                if !there.remove(&record.id) {
                    missing.push((*document, project.as_str(), record));
                }
            }
            self.work.obsolete.extend(there);
        }
        self.work.compared.extend(waiting.keys());
        for batch in missing.chunks(BATCH.min(self.limits.max_batch_size)) {
            self.write(batch)?;
        }
        Ok(())
    }

    /// The records on the server of each of these documents.
    fn there(
        &self,
        documents: &BTreeMap<u64, (String, Vec<ChromaRecord>)>,
    ) -> Result<HashMap<u64, HashSet<String>>, VectorError> {
        // What is new holds nothing of a document that comes for the first time.
        let is_new = self.snapshot.is_none();
        let keys = documents.keys().copied().filter(|key| !is_new || self.work.compared.contains(key));
        let keys: Vec<u64> = keys.collect();
        let mut there: HashMap<u64, HashSet<String>> = HashMap::new();
        if !keys.is_empty() {
            let filter = RecordFilter { project: None, documents: Some(&keys) };
            for id in self.again_and_again(|limit| self.index.client.ids(self.id, filter, None, limit))? {
                if let Some(named) = RecordKeys::read(&id) {
                    there.entry(named.document_key).or_default().insert(id);
                }
            }
        }
        Ok(there)
    }

    fn write(&mut self, batch: &[(u64, &str, &ChromaRecord)]) -> Result<(), VectorError> {
        if self.monitor.cancelled() {
            return Err(VectorError::Cancelled);
        }
        self.begin()?;
        let mut added = UpsertRecords::default();
        for (document, project, record) in batch {
            added.ids.push(&record.id);
            added.embeddings.push(WireEmbedding::new(&record.vector, self.limits));
            added.metadatas.push(RecordMetadata { project, document: *document });
        }
        if let Some(snapshot) = self.snapshot {
            snapshot.hide(batch.iter().map(|(_, _, record)| record.id.clone()));
        }
        self.again_and_again(|limit| self.index.client.upsert(self.id, &added, limit))?;
        self.work.added += batch.len() as u64;
        Ok(())
    }

    fn begin(&mut self) -> Result<(), VectorError> {
        if !self.work.has_begun {
            (self.before)()?;
            self.work.has_begun = true;
        }
        Ok(())
    }

    fn again_and_again<T>(&self, call: impl Fn(Duration) -> Result<T, CallError>) -> Result<T, VectorError> {
        self.index.again_and_again(self.monitor, call)
    }
}

impl ChromaIndex {
    /// Makes a call behind the answers, which may take longer and is tried again when it fails in passing.
    pub(super) fn again_and_again<T>(
        &self,
        monitor: &dyn Monitor,
        call: impl Fn(Duration) -> Result<T, CallError>,
    ) -> Result<T, VectorError> {
        let limit = self.client.server().timeout * Self::BEHIND;
        let mut pauses = self.pauses.iter();
        loop {
            let outcome = call(limit);
            let passing = matches!(outcome, Err(CallError::Lost(_) | CallError::Passing(_)));
            match pauses.next().filter(|_| passing) {
                Some(pause) => wait(*pause, monitor)?,
                None => return self.breaker.insist(|| outcome),
            }
        }
    }
}

fn wait(pause: Duration, monitor: &dyn Monitor) -> Result<(), VectorError> {
    let began = Instant::now();
    while began.elapsed() < pause {
        if monitor.cancelled() {
            return Err(VectorError::Cancelled);
        }
        thread::sleep(LOOK_UP.min(pause));
    }
    Ok(())
}
