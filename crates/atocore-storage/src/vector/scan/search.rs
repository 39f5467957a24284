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
    document::QuantizedDocument,
    index_snapshot::IndexSnapshot,
    quantization::{DotProduct, PortableDotProduct, QuantizedQuery},
};
use crate::{
    chunk_filter::ChunkFilter,
    vector::{VectorError, VectorMatch, VectorMatches, VectorQuery},
};

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
    if query.limit == 0 || snapshot.vectors() == 0 {
        return Ok(VectorMatches { version, matches: Vec::new() });
    }
    let documents = query.filter.documents.map(|documents| {
        let mut documents = documents.to_vec();
        documents.sort_unstable();
        documents
    });
    let scan = Scan {
        snapshot,
        query: QuantizedQuery::new(query.vector),
        project: query.filter.project.map(|project| project.as_str()),
        documents,
        chunks: query.filter.chunks,
        limit: query.limit,
    };
    let best = scan.run(tuning);
    Ok(VectorMatches { version, matches: best.into_sorted() })
}

/// A part of a search.
enum ScanPart<'s> {
    /// Rows of the base.
    Rows(Range<usize>),
    /// A document of the log.
    Changed(QuantizedDocument<'s>),
}

/// One search.
struct Scan<'s> {
    snapshot: &'s IndexSnapshot,
    query: QuantizedQuery,
    /// The only project to look at.
    project: Option<&'s str>,
    /// The only documents to look at; sorted.
    documents: Option<Vec<u64>>,
    /// The only passages to look at.
    chunks: Option<&'s ChunkFilter>,
    limit: usize,
}

impl Scan<'_> {
    /// Looks at everything, with several threads where it is much. The matches are the same, because what is best depends
    /// on nothing but the vectors.
    fn run(&self, tuning: &ScanTuning) -> NearestVectors {
        let IndexSnapshot { base, changed, .. } = self.snapshot;
        let is_asked = |project: &str| self.project.is_none_or(|asked| asked == project);
        let pieces = base.pieces.iter().filter(|piece| is_asked(&base.rows[piece.rows.start].project));
        let vectors: usize = pieces.clone().map(|piece| piece.vectors).sum();
        let changed = changed.values().map(|document| document.stored());
        let changed = changed.filter(|document| is_asked(document.project)).map(ScanPart::Changed);
        let parts: Vec<_> = pieces.map(|piece| ScanPart::Rows(piece.rows.clone())).chain(changed).collect();
        let threads = if vectors > tuning.shared_vectors { tuning.threads } else { 1 };
        let next = AtomicUsize::new(0);
        let work = || {
            let mut best = NearestVectors::new(self.limit);
            while let Some(part) = parts.get(next.fetch_add(1, Relaxed)) {
                self.look_at(part, &mut best);
            }
            best
        };
        thread::scope(|scope| {
            // Where the system gives no thread, the others do its work.
            let helpers = (1..threads.min(parts.len()))
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

    /// Looks at a part, with the best instructions of this CPU.
    fn look_at(&self, part: &ScanPart<'_>, best: &mut NearestVectors) {
        #[cfg(target_arch = "x86_64")]
        if let Some(fast) = pulp::x86::V3::try_new() {
            return fast.vectorize(
                #[inline(always)]
                || self.look_with(fast, part, best),
            );
        }
        self.look_with(PortableDotProduct, part, best);
    }

    #[inline(always)]
    fn look_with(&self, products: impl DotProduct, part: &ScanPart<'_>, best: &mut NearestVectors) {
        let IndexSnapshot { base, counts, .. } = self.snapshot;
        match part {
            ScanPart::Rows(rows) => {
                for (row, counts) in base.rows[rows.clone()].iter().zip(&counts[rows.clone()]) {
                    if let Some(document) = base.document(row).filter(|_| *counts) {
                        self.compare(products, document, best);
                    }
                }
            }
            ScanPart::Changed(document) => self.compare(products, *document, best),
        }
    }

    #[inline(always)]
    fn compare(
        &self,
        products: impl DotProduct,
        QuantizedDocument { document_key, entries, .. }: QuantizedDocument<'_>,
        best: &mut NearestVectors,
    ) {
        if self.documents.as_ref().is_some_and(|asked| asked.binary_search(&document_key).is_err()) {
            return;
        }
        let is_asked = |entry| self.chunks.is_none_or(|chunks| chunks.accepts(entries.chunk_key(entry)));
        for entry in 0..entries.len() {
            let similarity = self.query.similarity(products, entries.codes(entry), entries.step(entry));
            if similarity >= best.floor && is_asked(entry) {
                best.offer(ScoredVector { similarity, chunk_key: entries.chunk_key(entry), document_key });
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
