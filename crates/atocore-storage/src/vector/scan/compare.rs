//! Compares every entry with the vector that it was made from.

use std::collections::HashMap;

use atocore_model::monitor::{Monitor, Progress};

use super::{
    document::{Entries, OwnedDocument, QuantizedDocument},
    index_snapshot::IndexSnapshot,
};
use crate::vector::{ChangedVectors, ChunkVector, Comparison, VectorError, VectorSource, VectorSpace};

/// Where an entry is.
#[derive(Debug, Clone, Copy)]
struct EntryLocation<'s> {
    document_key: u64,
    project: &'s str,
    entries: Entries<'s>,
    entry: usize,
}

/// Compares a state with the newest one of its source.
pub(super) fn compare(
    snapshot: &IndexSnapshot,
    source: &dyn VectorSource,
    monitor: &dyn Monitor,
) -> Result<Comparison, VectorError> {
    let space = source.space();
    let is_comparable = snapshot.space() == Some(space);
    let mut places = HashMap::new();
    let mut comparison = Comparison::default();
    for QuantizedDocument { document_key, project, entries } in snapshot.documents() {
        for entry in 0..entries.len() {
            let place = EntryLocation { document_key, project, entries, entry };
            if places.insert(entries.chunk_key(entry), place).is_some() {
                comparison.extra += 1;
            }
        }
    }
    let mut done = 0;
    let mut stopped = false;
    let read = source.changes(None, &mut |document| {
        if monitor.cancelled() {
            stopped = true;
            return Err(VectorError::Cancelled);
        }
        for chunk in document.vectors {
            comparison.expected += 1;
            match places.remove(&chunk.chunk_key) {
                None => comparison.missing += 1,
                Some(place) if is_comparable && is_that(place, &document, *chunk, space) => {}
                Some(_) => comparison.wrong += 1,
            }
        }
        done += 1;
        monitor.progress(Progress { phase: "comparing vectors".into(), done, total: None });
        Ok(())
    });
    if stopped {
        return Err(VectorError::Cancelled);
    }
    let _version = read?;
    comparison.extra += places.len() as u64;
    Ok(comparison)
}

/// Whether an entry is what the vector of a passage becomes.
fn is_that(
    place: EntryLocation<'_>,
    document: &ChangedVectors<'_>,
    chunk: ChunkVector<'_>,
    space: VectorSpace,
) -> bool {
    let alone = ChangedVectors { vectors: &[chunk], ..*document };
    let Ok(made) = OwnedDocument::quantised(&alone, space) else { return false };
    let made = made.stored().entries;
    let EntryLocation { document_key, project, entries, entry } = place;
    (document_key, project) == (document.document_key, document.project)
        && entries.step(entry).to_bits() == made.step(0).to_bits()
        && entries.codes(entry) == made.codes(0)
}
