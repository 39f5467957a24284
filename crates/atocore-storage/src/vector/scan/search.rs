//! The scan: every vector that the filter lets through is compared with the question.

use std::{
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
    ops::Range,
    panic,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    thread,
};

use super::{
    ScanTuning,
    index_snapshot::{IndexSnapshot, VectorSegment},
    quantization::{DotProduct, PortableDotProduct, QuantizedQuery},
};
use crate::vector::{VectorError, VectorMatch, VectorMatches, VectorQuery};

/// How many entries a thread takes at a time when a search is shared: small enough that all end together.
const PIECE_ENTRIES: usize = 16_384;

/// Answers a query from one snapshot.
pub(super) fn search(
    snapshot: &IndexSnapshot,
    query: &VectorQuery<'_>,
    tuning: &ScanTuning,
) -> Result<VectorMatches, VectorError> {
    let version = snapshot.version();
    if let Some(space) = snapshot.space()
        && space.dimensions != query.vector.len()
    {
        return Err(VectorError::QueryLength { expected: space.dimensions, found: query.vector.len() });
    }
    if !query.vector.iter().all(|component| component.is_finite()) {
        return Err(VectorError::QueryNotFinite);
    }
    if query.limit == 0 || snapshot.segments.is_empty() {
        return Ok(VectorMatches { version, matches: Vec::new() });
    }
    let documents = query.filter.documents.map(|documents| {
        let mut documents = documents.to_vec();
        documents.sort_unstable();
        documents
    });
    let scan = Scan { query: QuantizedQuery::new(query.vector), documents, limit: query.limit };
    let project = query.filter.project.map(|project| project.as_str());
    let is_asked = |segment: &&VectorSegment| project.is_none_or(|project| segment.project == project);
    let segments: Vec<_> = snapshot.segments.iter().filter(is_asked).collect();
    let entries: usize = segments.iter().map(|segment| segment.vectors.len()).sum();
    let best = if entries > tuning.shared_entries {
        scan.shared(&segments, tuning.threads)
    } else {
        let mut best = NearestVectors::new(query.limit);
        segments.iter().for_each(|segment| scan.run(segment, 0..segment.vectors.len(), &mut best));
        best
    };
    Ok(VectorMatches { version, matches: best.into_sorted() })
}

/// One search.
struct Scan {
    query: QuantizedQuery,
    /// The only documents to look at; sorted.
    documents: Option<Vec<u64>>,
    limit: usize,
}

impl Scan {
    /// Looks at some segments with several threads. The matches are the same, because what is best depends on nothing
    /// but the vectors.
    fn shared(&self, segments: &[&VectorSegment], threads: usize) -> NearestVectors {
        let pieces = segments.iter().flat_map(|segment| {
            let count = segment.vectors.len();
            (0..count)
                .step_by(PIECE_ENTRIES)
                .map(move |start| (segment, start..count.min(start + PIECE_ENTRIES)))
        });
        let pieces: Vec<_> = pieces.collect();
        let next = AtomicUsize::new(0);
        let work = || {
            let mut best = NearestVectors::new(self.limit);
            while let Some((segment, entries)) = pieces.get(next.fetch_add(1, Relaxed)) {
                self.run(segment, entries.clone(), &mut best);
            }
            best
        };
        thread::scope(|scope| {
            // Where the system gives no thread, the others do its work.
            let helpers = (1..threads.min(pieces.len()))
                .filter_map(|_| thread::Builder::new().spawn_scoped(scope, work).ok())
                .collect::<Vec<_>>();
            let mut best = work();
            for helper in helpers {
                match helper.join() {
                    Ok(other) => other.heap.into_iter().for_each(|Reverse(candidate)| best.offer(candidate)),
                    Err(cause) => panic::resume_unwind(cause),
                }
            }
            best
        })
    }

    /// Looks at some entries of a segment, with the best instructions of this CPU.
    fn run(&self, segment: &VectorSegment, entries: Range<usize>, best: &mut NearestVectors) {
        #[cfg(target_arch = "x86_64")]
        if let Some(fast) = pulp::x86::V3::try_new() {
            return fast.vectorize(
                #[inline(always)]
                || self.look_at(fast, segment, entries, best),
            );
        }
        self.look_at(PortableDotProduct, segment, entries, best);
    }

    #[inline(always)]
    fn look_at(
        &self,
        products: impl DotProduct,
        segment: &VectorSegment,
        entries: Range<usize>,
        best: &mut NearestVectors,
    ) {
        let (stored, tombstones) = (segment.vectors.entries(), segment.tombstones());
        // The entries of a document are neighbours: what was found for one holds for the next.
        let mut last = None;
        for entry in entries {
            if tombstones.is_some_and(|tombstones| tombstones.contains(entry)) {
                continue;
            }
            if let Some(documents) = &self.documents {
                let document = stored.document_key(entry);
                let is_asked = match last {
                    Some((same, is_asked)) if same == document => is_asked,
                    _ => documents.binary_search(&document).is_ok(),
                };
                last = Some((document, is_asked));
                if !is_asked {
                    continue;
                }
            }
            let similarity = self.query.similarity(products, stored.codes(entry), stored.step(entry));
            if similarity >= best.floor {
                best.offer(ScoredVector {
                    similarity,
                    chunk_key: stored.chunk_key(entry),
                    document_key: stored.document_key(entry),
                });
            }
        }
    }
}

/// A vector with its similarity to the query.
#[derive(Debug, Clone, Copy)]
struct ScoredVector {
    similarity: f32,
    chunk_key: u64,
    document_key: u64,
}

/// Higher similarity is greater; of equal similarity, the lower key.
impl Ord for ScoredVector {
    fn cmp(&self, other: &Self) -> Ordering {
        self.similarity
            .total_cmp(&other.similarity)
            .then_with(|| other.chunk_key.cmp(&self.chunk_key))
            .then_with(|| other.document_key.cmp(&self.document_key))
    }
}

impl PartialOrd for ScoredVector {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for ScoredVector {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for ScoredVector {}

/// The nearest vectors so far.
struct NearestVectors {
    limit: usize,
    /// What is below is not among the best.
    floor: f32,
    /// The worst of them first.
    heap: BinaryHeap<Reverse<ScoredVector>>,
}

impl NearestVectors {
    const fn new(limit: usize) -> Self {
        Self { limit, floor: f32::NEG_INFINITY, heap: BinaryHeap::new() }
    }

    fn offer(&mut self, candidate: ScoredVector) {
        if self.heap.len() < self.limit {
            self.heap.push(Reverse(candidate));
        } else if let Some(mut worst) = self.heap.peek_mut()
            && candidate > worst.0
        {
            *worst = Reverse(candidate);
        }
        if self.heap.len() >= self.limit
            && let Some(Reverse(worst)) = self.heap.peek()
        {
            self.floor = worst.similarity;
        }
    }

    fn into_sorted(self) -> Vec<VectorMatch> {
        let sorted = self.heap.into_sorted_vec().into_iter();
        sorted
            .map(|Reverse(ScoredVector { similarity, chunk_key, document_key })| VectorMatch {
                chunk_key,
                document_key,
                similarity,
            })
            .collect()
    }
}
