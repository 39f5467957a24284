//! Compares every entry with the vector that it was made from.

use std::collections::HashMap;

use atocore_model::monitor::{Monitor, Progress};

use super::{
    index_snapshot::{IndexSnapshot, VectorSegment},
    segment::Buffer,
};
use crate::vector::{ChangedVectors, Comparison, VectorError, VectorSource, VectorSpace};

/// Where an entry is.
#[derive(Debug, Clone, Copy)]
struct EntryLocation<'v> {
    segment: &'v VectorSegment,
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
    for segment in &snapshot.segments {
        let entries = segment.vectors.entries();
        for entry in (0..entries.len())
            .filter(|entry| !segment.tombstones().is_some_and(|tombstones| tombstones.contains(*entry)))
        {
            if places.insert(entries.chunk_key(entry), EntryLocation { segment, entry }).is_some() {
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
                Some(place) if is_comparable && is_that(place, &document, chunk.vector, space) => {}
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
    vector: &[f32],
    space: VectorSpace,
) -> bool {
    let (entries, entry) = (place.segment.vectors.entries(), place.entry);
    let mut made = Buffer::default();
    if vector.len() != space.dimensions || !vector.iter().all(|component| component.is_finite()) {
        return false;
    }
    let _bytes = made.push(document.document_key, 0, vector);
    let made = made.entries(space.dimensions);
    place.segment.project == document.project
        && entries.document_key(entry) == document.document_key
        && entries.step(entry).to_bits() == made.step(0).to_bits()
        && entries.codes(entry) == made.codes(0)
}
