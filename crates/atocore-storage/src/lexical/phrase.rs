//! Words in their order: which passages have those of an address, a version or a quotation as it has them.

use tantivy::{
    DocId, DocSet, TERMINATED, Term,
    postings::{Postings, SegmentPostings},
    schema::{Field, IndexRecordOption},
};

use super::{
    segment::LexicalSegment,
    snapshot::LexicalSnapshot,
    tokenizer::{self, PhraseWord},
};

/// How many words of a phrase count; the first ones do.
pub(super) const MOST_WORDS: usize = 64;

/// How closely the words must follow one another.
#[derive(Debug, Clone, Copy)]
enum Adjacency {
    /// What is joined in the phrase is joined in the passage; where the phrase has a space, there may be none.
    AsWritten,
    /// Joined or with spaces between, but nothing else.
    Any,
}

/// The passages of one segment that have every word of a phrase. Deleted ones are left out.
#[derive(Debug, Default)]
pub(super) struct PhraseMatches {
    /// Those that have them in order.
    pub(super) in_order: Vec<DocId>,
    /// How often each of them has the phrase.
    pub(super) counts: Vec<u32>,
    /// Those that do not.
    pub(super) apart: Vec<DocId>,
}

/// The passages of every segment of a view that have the words of a phrase; `None` for fewer than two words.
///
/// Where no passage has the phrase as it is written, those have it that have nothing but other spaces.
pub(super) fn find(
    snapshot: &LexicalSnapshot,
    words: Field,
    text: &str,
) -> tantivy::Result<Option<Vec<PhraseMatches>>> {
    let Some(phrase) = IndexedPhrase::new(words, text) else { return Ok(None) };
    let found = phrase.find(snapshot, Adjacency::AsWritten)?;
    if found.iter().all(|phrase_matches| phrase_matches.in_order.is_empty()) {
        return phrase.find(snapshot, Adjacency::Any).map(Some);
    }
    Ok(Some(found))
}

/// The same, where spaces make no difference.
pub(super) fn find_joined_or_spaced(
    snapshot: &LexicalSnapshot,
    words: Field,
    text: &str,
) -> tantivy::Result<Option<Vec<PhraseMatches>>> {
    IndexedPhrase::new(words, text).map(|phrase| phrase.find(snapshot, Adjacency::Any)).transpose()
}

/// The words of a phrase that the index has, and their terms.
struct IndexedPhrase {
    words: Vec<PhraseWord>,
    terms: Vec<Term>,
}

impl IndexedPhrase {
    /// `None` for fewer than two words.
    fn new(field: Field, text: &str) -> Option<Self> {
        let mut words = tokenizer::phrase(text);
        words.truncate(MOST_WORDS);
        let terms = words.iter().map(|word| Term::from_field_text(field, &word.term)).collect();
        (words.len() >= 2).then_some(Self { words, terms })
    }

    fn find(&self, snapshot: &LexicalSnapshot, adjacency: Adjacency) -> tantivy::Result<Vec<PhraseMatches>> {
        let in_segment = |segment| find_in_segment(segment, &self.terms, &self.words, adjacency);
        snapshot.segments.iter().map(in_segment).collect()
    }
}

fn find_in_segment(
    segment: &LexicalSegment,
    terms: &[Term],
    phrase: &[PhraseWord],
    adjacency: Adjacency,
) -> tantivy::Result<PhraseMatches> {
    let mut phrase_matches = PhraseMatches::default();
    let mut postings = Vec::with_capacity(terms.len());
    for term in terms {
        match segment.words.read_postings(term, IndexRecordOption::WithFreqsAndPositions)? {
            Some(found) => postings.push(found),
            None => return Ok(phrase_matches),
        }
    }
    let Some(rarest) = (0..postings.len()).min_by_key(|at| postings[*at].doc_freq()) else {
        return Ok(phrase_matches);
    };
    let mut positions = vec![Vec::new(); postings.len()];
    let mut document = postings[rarest].doc();
    while document != TERMINATED {
        let next = postings.iter_mut().map(|postings| go_to(postings, document)).max().unwrap_or(TERMINATED);
        if next > document {
            document = go_to(&mut postings[rarest], next);
            continue;
        }
        if segment.is_alive(document) {
            for (postings, positions) in postings.iter_mut().zip(&mut positions) {
                postings.positions(positions);
            }
            match count(&positions, phrase, adjacency) {
                0 => phrase_matches.apart.push(document),
                count => {
                    phrase_matches.in_order.push(document);
                    phrase_matches.counts.push(count);
                }
            }
        }
        document = postings[rarest].advance();
    }
    Ok(phrase_matches)
}

/// The first passage from `document` on that has the word.
fn go_to(postings: &mut SegmentPostings, document: DocId) -> DocId {
    if postings.doc() < document { postings.seek(document) } else { postings.doc() }
}

/// How often the words follow one another, given where each of them stands, in ascending order.
fn count(positions: &[Vec<u32>], phrase: &[PhraseWord], adjacency: Adjacency) -> u32 {
    let mut ends: Option<Vec<u32>> = None;
    for (positions, word) in positions.iter().zip(phrase) {
        ends = Some(match ends {
            None => positions.clone(),
            Some(before) => {
                let loose = match adjacency {
                    Adjacency::AsWritten => word.spaces,
                    Adjacency::Any => word.steps,
                };
                let follows = |at: &u32| {
                    let earliest = at.saturating_sub(word.steps + loose);
                    let first = before.partition_point(|end| *end < earliest);
                    before.get(first).is_some_and(|end| end + word.steps <= *at)
                };
                positions.iter().copied().filter(follows).collect()
            }
        });
    }
    u32::try_from(ends.unwrap_or_default().len()).unwrap_or(u32::MAX)
}
