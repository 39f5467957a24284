//! Compares every record on the server with the passage that it stands for.

use std::collections::{BTreeMap, HashMap};

use atocore_model::monitor::{Monitor, Progress};
use atocore_storage::vector::{Comparison, VectorError, VectorSource};

use super::ChromaIndex;
use crate::{
    record::{ChromaRecord, RemoteRecord, is_that},
    wire::RecordFilter,
};

/// Passages that are compared together.
const BATCH: usize = 1000;

/// Compares the collection with that id with the newest state of its source.
pub(super) fn compare(
    index: &ChromaIndex,
    id: &str,
    source: &dyn VectorSource,
    monitor: &dyn Monitor,
) -> Result<Comparison, VectorError> {
    let mut comparing = CollectionComparison {
        index,
        id,
        monitor,
        comparison: Comparison::default(),
        waiting: BTreeMap::new(),
        waiting_records: 0,
        seen: 0,
    };
    let (space, mut done, mut stopped) = (source.space(), 0, None);
    let read = source.changes(None, &mut |document| {
        let taken = if monitor.cancelled() {
            Err(VectorError::Cancelled)
        } else {
            ChromaRecord::of(&document, space).and_then(|records| {
                comparing.waiting_records += records.len();
                comparing.waiting.insert(document.document_key, (document.project.to_owned(), records));
                if comparing.waiting_records >= BATCH { comparing.flush() } else { Ok(()) }
            })
        };
        done += 1;
        monitor.progress(Progress { phase: "comparing vectors".into(), done, total: None });
        // The source only learns that it should stop.
        taken.map_err(|error| {
            stopped = Some(error);
            VectorError::Cancelled
        })
    });
    if let Some(error) = stopped {
        return Err(error);
    }
    let _version = read?;
    comparing.flush()?;
    let there = index.again_and_again(monitor, |_| index.client.count(id))?;
    let CollectionComparison { mut comparison, seen, .. } = comparing;
    comparison.extra += there.saturating_sub(seen);
    Ok(comparison)
}

/// Compares nothing at all with a source.
pub(super) fn nothing(source: &dyn VectorSource, monitor: &dyn Monitor) -> Result<Comparison, VectorError> {
    let mut comparison = Comparison::default();
    let _version = source.changes(None, &mut |document| {
        if monitor.cancelled() {
            return Err(VectorError::Cancelled);
        }
        comparison.expected += document.vectors.len() as u64;
        Ok(())
    })?;
    comparison.missing = comparison.expected;
    Ok(comparison)
}

struct CollectionComparison<'a> {
    index: &'a ChromaIndex,
    id: &'a str,
    monitor: &'a dyn Monitor,
    comparison: Comparison,
    waiting: BTreeMap<u64, (String, Vec<ChromaRecord>)>,
    waiting_records: usize,
    /// Records on the server that were looked at.
    seen: u64,
}

impl CollectionComparison<'_> {
    fn flush(&mut self) -> Result<(), VectorError> {
        let waiting = std::mem::take(&mut self.waiting);
        self.waiting_records = 0;
        if waiting.is_empty() {
            return Ok(());
        }
        let keys: Vec<u64> = waiting.keys().copied().collect();
        let filter = RecordFilter { project: None, documents: Some(&keys) };
        let (index, id) = (self.index, self.id);
        let remote = index.again_and_again(self.monitor, |limit| index.client.records(id, filter, limit))?;
        self.seen += remote.len() as u64;
        let mut there: HashMap<String, RemoteRecord> =
            remote.into_iter().map(|remote| (remote.id.clone(), remote)).collect();
        for (document, (project, records)) in waiting {
            for record in records {
                self.comparison.expected += 1;
                match there.remove(&record.id) {
                    None => self.comparison.missing += 1,
                    Some(remote) if is_that(&remote, document, &project, &record.vector) => {}
                    Some(_) => self.comparison.wrong += 1,
                }
            }
        }
        self.comparison.extra += there.len() as u64;
        Ok(())
    }
}
