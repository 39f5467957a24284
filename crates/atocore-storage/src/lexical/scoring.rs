//! BM25 in whole numbers, and the walk over the postings that finds the best passages.
//!
//! The part that a word adds to a score is a whole number of 2^-16. Whole numbers add up to the same sum in any
//! order, so a score does not depend on the segments or on the order of the words, and two scores are equal or not.
//! The upper bounds that let the walk leave out passages hold for certain; the ones that the library keeps per block
//! were made with the mean length at the time of writing and do not.

use std::{cmp::Reverse, collections::BinaryHeap};

use tantivy::{DocId, TERMINATED, fieldnorm::FieldNormReader, postings::BlockSegmentPostings};

use super::{filter::SegmentFilter, segment::LexicalSegment};

const K1: f32 = 1.2;
const B: f32 = 0.75;

/// The unit of scores.
const ONE: f32 = 65_536.0;

/// Passages that are scored together.
const WINDOW: usize = 4096;

/// A score in units of 2^-16. Sums of 1,024 words, said once or more often, and some phrases stay below its
/// limit.
pub(super) type FixedPointScore = u32;

/// The score as a number.
pub(super) fn as_bm25(score: FixedPointScore) -> f32 {
    score as f32 / ONE
}

/// How the lengths of passages count.
pub(super) struct LengthFactors([f32; 256]);

impl LengthFactors {
    pub(super) fn new(mean_length: f32) -> Self {
        let mut factors = [0.0; 256];
        for (id, slot) in (0..=u8::MAX).zip(&mut factors) {
            *slot = length_factor(FieldNormReader::id_to_fieldnorm(id) as f32, mean_length);
        }
        Self(factors)
    }
}

/// How a length counts among texts of a mean length.
pub(super) fn length_factor(length: f32, mean_length: f32) -> f32 {
    K1 * (1.0 - B + B * length / mean_length)
}

/// The weight of a word that stands in `frequency` of `chunks`.
pub(super) fn weight(frequency: u64, chunks: u64) -> f32 {
    let without = chunks.saturating_sub(frequency) as f32 + 0.5;
    let with = frequency as f32 + 0.5;
    (1.0 + without / with).ln() * (1.0 + K1) * ONE
}

/// What a word adds to the score of a text that has it: at least 1, so that a match is never nothing.
pub(super) fn term_score(weight: f32, length_factor: f32, occurrences: u32) -> FixedPointScore {
    let occurrences = occurrences as f32;
    ((weight * (occurrences / (occurrences + length_factor))) as FixedPointScore).max(1)
}

/// What a word adds to the score of a text of average length that has it once.
pub(super) fn once_at_average_length(weight: f32) -> FixedPointScore {
    term_score(weight, K1, 1)
}

/// What scores in one segment.
pub(super) enum Matches {
    /// The postings of a word.
    Word(Box<BlockSegmentPostings>),
    /// Passages in ascending order, each with how often it has a phrase.
    Phrase(Vec<DocId>, Vec<u32>),
}

impl Matches {
    /// The passages of the block.
    fn docs(&self) -> &[DocId] {
        match self {
            Self::Word(postings) => postings.docs(),
            Self::Phrase(documents, _) => documents,
        }
    }

    /// How often each of them has it.
    fn freqs(&self) -> &[u32] {
        match self {
            Self::Word(postings) => postings.freqs(),
            Self::Phrase(_, counts) => counts,
        }
    }

    /// Goes to the block that has the first passage from `document` on, and returns its place in it.
    fn seek(&mut self, document: DocId) -> usize {
        match self {
            Self::Word(postings) => postings.seek(document),
            Self::Phrase(documents, _) => documents.partition_point(|known| *known < document),
        }
    }

    /// Goes to the next block.
    fn advance(&mut self) {
        match self {
            Self::Word(postings) => postings.advance(),
            Self::Phrase(documents, counts) => {
                documents.clear();
                counts.clear();
            }
        }
    }
}

/// Walks along what one word or phrase of the question matches in one segment.
pub(super) struct Cursor {
    matches: Matches,
    /// The place in the block.
    at: usize,
    weight: f32,
    /// The most that the word can add.
    bound: FixedPointScore,
}

impl Cursor {
    pub(super) fn new(matches: Matches, weight: f32) -> Self {
        Self { matches, at: 0, weight, bound: (weight as FixedPointScore).max(1) }
    }

    /// Walks along the passages that have a word.
    pub(super) fn of_word(postings: BlockSegmentPostings, weight: f32) -> Self {
        Self::new(Matches::Word(Box::new(postings)), weight)
    }

    /// The first passage from `document` on, and how often it has the word; `None` when none is left. Passages are asked
    /// for in ascending order.
    pub(super) fn occurrences_from(&mut self, document: DocId) -> Option<(DocId, u32)> {
        self.go_to(document);
        let found = self.document();
        let occurrences = self.matches.freqs().get(self.at).copied().unwrap_or(0);
        (found != TERMINATED).then_some((found, occurrences))
    }

    /// The passage the cursor stands on.
    fn document(&self) -> DocId {
        self.matches.docs().get(self.at).copied().unwrap_or(TERMINATED)
    }

    /// Moves forward to the first passage from `document` on.
    fn go_to(&mut self, document: DocId) {
        if self.document() < document {
            self.at = self.matches.seek(document);
        }
    }

    /// Adds what the word gives to every passage of the window from here on, and leaves the window.
    fn add_to(&mut self, window: &mut Window, lengths: &FieldNormReader, factors: &LengthFactors) {
        let end = window.end();
        loop {
            let documents = self.matches.docs().get(self.at..).unwrap_or_default();
            let count = match documents.last() {
                None => return,
                Some(last) if *last < end => documents.len(),
                Some(_) => documents.partition_point(|document| *document < end),
            };
            let occurrences = self.matches.freqs().get(self.at..).unwrap_or_default();
            for (document, occurrences) in documents.iter().zip(occurrences).take(count) {
                let factor = factors.0[usize::from(lengths.fieldnorm_id(*document))];
                window.add(*document, term_score(self.weight, factor, *occurrences));
            }
            if count < documents.len() {
                self.at += count;
                return;
            }
            self.matches.advance();
            self.at = 0;
        }
    }

    /// What the word adds to one passage. Passages are asked for in ascending order.
    fn score_of(
        &mut self,
        document: DocId,
        lengths: &FieldNormReader,
        factors: &LengthFactors,
    ) -> FixedPointScore {
        self.go_to(document);
        if self.document() != document {
            return 0;
        }
        let factor = factors.0[usize::from(lengths.fieldnorm_id(document))];
        term_score(self.weight, factor, self.matches.freqs().get(self.at).copied().unwrap_or(0))
    }
}

/// The scores of neighbouring passages.
struct Window {
    /// A multiple of 64.
    start: DocId,
    score: Box<[FixedPointScore; WINDOW]>,
    /// One bit for every passage that has points.
    touched: [u64; WINDOW / 64],
}

impl Window {
    fn new() -> Self {
        Self { start: 0, score: Box::new([0; WINDOW]), touched: [0; WINDOW / 64] }
    }

    fn end(&self) -> DocId {
        self.start.saturating_add(WINDOW as DocId)
    }

    fn add(&mut self, document: DocId, score: FixedPointScore) {
        let at = (document - self.start) as usize;
        self.score[at] += score;
        self.touched[at / 64] |= 1 << (at % 64);
    }
}

/// A passage among the best so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ScoredChunk {
    pub(super) score: FixedPointScore,
    /// Of equal scores the lower key is better.
    pub(super) chunk_key: Reverse<u64>,
    pub(super) document_key: u64,
}

/// The best passages of a search, over all segments.
pub(super) struct TopChunks {
    limit: usize,
    /// The worst of them first.
    heap: BinaryHeap<Reverse<ScoredChunk>>,
}

impl TopChunks {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, heap: BinaryHeap::new() }
    }

    /// A passage with fewer points is not among the best.
    fn threshold(&self) -> FixedPointScore {
        match self.heap.peek() {
            Some(Reverse(worst)) if self.heap.len() >= self.limit => worst.score,
            _ => 0,
        }
    }

    fn offer(&mut self, candidate: ScoredChunk) {
        if self.heap.len() < self.limit {
            self.heap.push(Reverse(candidate));
        } else if let Some(mut worst) = self.heap.peek_mut()
            && candidate > worst.0
        {
            *worst = Reverse(candidate);
        }
    }

    /// The best first.
    pub(super) fn into_sorted(self) -> Vec<ScoredChunk> {
        self.heap.into_sorted_vec().into_iter().map(|Reverse(candidate)| candidate).collect()
    }
}

/// Finds the best passages of one segment.
///
/// Words that cannot lift a passage over the threshold even together are only looked up for passages that have
/// another word: the walk goes along the others.
pub(super) fn collect(
    segment: &LexicalSegment,
    mut cursors: Vec<Cursor>,
    factors: &LengthFactors,
    filter: &SegmentFilter<'_>,
    best: &mut TopChunks,
) {
    cursors.sort_unstable_by_key(|cursor| cursor.bound);
    // What the words up to this one can add together.
    let bounds: Vec<FixedPointScore> = cursors
        .iter()
        .scan(0_u32, |sum, cursor| {
            *sum = sum.saturating_add(cursor.bound);
            Some(*sum)
        })
        .collect();
    let mut window = Window::new();
    loop {
        let weak = bounds.partition_point(|bound| *bound < best.threshold());
        let (weak, strong) = cursors.split_at_mut(weak);
        let next = strong.iter().map(Cursor::document).min().unwrap_or(TERMINATED);
        let next = if next == TERMINATED { next } else { filter.next_having(next) };
        if next == TERMINATED {
            return;
        }
        window.start = next - next % 64;
        for cursor in strong {
            cursor.go_to(window.start);
            cursor.add_to(&mut window, &segment.lengths, factors);
        }
        for word in 0..window.touched.len() {
            let touched = std::mem::take(&mut window.touched[word]);
            let start = window.start + word as DocId * 64;
            for bit in Bits(touched) {
                let score = std::mem::take(&mut window.score[word * 64 + bit as usize]);
                let document = start + bit;
                if score.saturating_add(bounds_of(&bounds, weak.len())) >= best.threshold()
                    && segment.is_alive(document)
                    && filter.accepts(document)
                {
                    complete(segment, document, score, weak, &bounds, factors, best);
                }
            }
        }
    }
}

/// What the first `count` words can add together.
fn bounds_of(bounds: &[FixedPointScore], count: usize) -> FixedPointScore {
    count.checked_sub(1).and_then(|last| bounds.get(last)).copied().unwrap_or(0)
}

/// Adds the weak words to the score of a passage, as far as it can still be among the best, and offers it.
fn complete(
    segment: &LexicalSegment,
    document: DocId,
    mut score: FixedPointScore,
    weak: &mut [Cursor],
    bounds: &[FixedPointScore],
    factors: &LengthFactors,
    best: &mut TopChunks,
) {
    for (index, cursor) in weak.iter_mut().enumerate().rev() {
        if score.saturating_add(bounds[index]) < best.threshold() {
            return;
        }
        score += cursor.score_of(document, &segment.lengths, factors);
    }
    if score >= best.threshold() {
        best.offer(ScoredChunk {
            score,
            chunk_key: Reverse(segment.chunk_keys.get_val(document)),
            document_key: segment.document_keys.get_val(document),
        });
    }
}

/// The places of the bits that are set, lowest first.
struct Bits(u64);

impl Iterator for Bits {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let place = self.0.trailing_zeros();
        self.0 &= self.0.wrapping_sub(1);
        (place < 64).then_some(place)
    }
}
