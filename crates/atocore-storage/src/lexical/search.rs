//! Questions and their matches.
//!
//! A question is its words joined by OR, each as often as it is said; nothing in its text is syntax. A phrase of it counts
//! like one more word.

use std::collections::BTreeMap;

use atocore_model::id::StoreVersion;
use tantivy::{Term, tokenizer::TokenStream};

use super::{
    filter::{Conditions, LexicalFilter, SegmentFilter},
    function_words, misspelled,
    phrase::{self, PhraseMatches},
    schema::Fields,
    scoring::{self, Cursor, LengthFactors, Matches, TopChunks},
    snapshot::LexicalSnapshot,
    tokenizer,
};

/// How many words of a question count; the first ones do.
const MOST_WORDS: usize = 1024;
/// How many words of a question that no passage has are taken for others; the first ones by the alphabet are.
const MOST_MISSPELLED: usize = 8;
/// What a word counts that was probably meant, of what it would count had it been said.
const MEANT: f32 = 0.7;

/// A question to the lexical index.
#[derive(Debug, Clone, Copy)]
pub struct LexicalQuery<'a> {
    /// Its words, in free text.
    pub text: &'a str,
    /// What of it has to be found in its order: a passage that has the words of one so is found before one that has them
    /// as often, but apart. One word alone is no phrase.
    pub phrases: &'a [String],
    /// Which passages may be found.
    pub filter: &'a LexicalFilter<'a>,
    /// How many matches at most.
    pub limit: usize,
}

/// A passage that has at least one word of the question.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LexicalMatch {
    /// The passage.
    pub chunk_key: u64,
    /// Its document.
    pub document_key: u64,
    /// Its BM25 score: above 0, a multiple of 2^-16.
    pub bm25: f32,
    /// The BM25 score of its document as a whole, by the words of the question, phrases left out: above 0.
    pub document_bm25: f32,
}

/// The passages that have every word of a text, by key in ascending order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WordMatches {
    /// Those that have them in the order of the text. Where no passage has them as joined as the text has them, spaces
    /// make no difference.
    pub in_order: Vec<u64>,
    /// Those that have them, but not so.
    pub apart: Vec<u64>,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq)]
pub struct LexicalMatches {
    /// The state of the store that was searched; `None` when the index has never been filled.
    pub version: Option<StoreVersion>,
    /// Best first; of equal scores the lower chunk key first.
    pub matches: Vec<LexicalMatch>,
}

/// Answers a query from one snapshot.
pub(super) fn search(
    snapshot: &LexicalSnapshot,
    fields: &Fields,
    query: &LexicalQuery<'_>,
) -> tantivy::Result<LexicalMatches> {
    if query.limit == 0 {
        return Ok(LexicalMatches { version: snapshot.version, matches: Vec::new() });
    }
    let mut best = TopChunks::new(query.limit);
    let said = known_words(snapshot, fields, query.text)?;
    // Who says a word twice means it.
    let words: Vec<(Term, f32)> =
        said.into_iter().map(|(word, weight, times)| (word, weight * f32::from(times))).collect();
    let mut phrases = weighted_phrases(snapshot, fields, query.phrases)?;
    if !words.is_empty() || !phrases.is_empty() {
        let factors = LengthFactors::new(snapshot.mean_length);
        let conditions = Conditions::new(fields, query.filter);
        for (at, segment) in snapshot.segments.iter().enumerate() {
            let mut cursors = Vec::with_capacity(words.len() + phrases.len());
            for (word, weight) in &words {
                if let Some(postings) = segment.postings(word)? {
                    cursors.push(Cursor::of_word(postings, *weight));
                }
            }
            for (phrase_matches, weight) in &mut phrases {
                let PhraseMatches { in_order, counts, .. } = std::mem::take(&mut phrase_matches[at]);
                cursors.push(Cursor::new(Matches::Phrase(in_order, counts), *weight));
            }
            if !cursors.is_empty() {
                let filter = SegmentFilter::new(segment, &conditions)?;
                scoring::collect(segment, cursors, &factors, &filter, &mut best);
            }
        }
    }
    let best = best.into_sorted();
    let of = best.iter().map(|candidate| candidate.document_key);
    let documents = snapshot.documents.scores(&snapshot.segments, &words, of)?;
    let matches = best.into_iter().map(|candidate| LexicalMatch {
        chunk_key: candidate.chunk_key.0,
        document_key: candidate.document_key,
        bm25: scoring::as_bm25(candidate.score),
        document_bm25: documents.get(&candidate.document_key).copied().unwrap_or_default(),
    });
    Ok(LexicalMatches { version: snapshot.version, matches: matches.collect() })
}

/// The passages that have every word of `text`; `None` when no word counts, or it is one that more than `limit` passages
/// have.
pub(super) fn chunks_with(
    snapshot: &LexicalSnapshot,
    fields: &Fields,
    text: &str,
    limit: usize,
) -> tantivy::Result<Option<WordMatches>> {
    let mut found = WordMatches::default();
    if let Some(phrase_matches) = phrase::find(snapshot, fields.words, text)? {
        for (segment, phrase_matches) in snapshot.segments.iter().zip(phrase_matches) {
            let key = |document| segment.chunk_keys.get_val(document);
            found.in_order.extend(phrase_matches.in_order.into_iter().map(key));
            found.apart.extend(phrase_matches.apart.into_iter().map(key));
        }
    } else {
        let Some((word, _)) = words_of(fields, text).pop_first() else { return Ok(None) };
        if snapshot.document_frequency(&word)? > limit as u64 {
            return Ok(None);
        }
        found.in_order = chunks_having(snapshot, &word)?;
    }
    found.in_order.sort_unstable();
    found.apart.sort_unstable();
    Ok(Some(found))
}

/// The passages that have the words of `text`, one behind the other, whatever signs are between them, by key in ascending
/// order. Words that the index leaves out are passed over; `None` when it has none.
pub(super) fn containing(
    snapshot: &LexicalSnapshot,
    fields: &Fields,
    text: &str,
) -> tantivy::Result<Option<Vec<u64>>> {
    let mut keys = Vec::new();
    if let Some(phrase_matches) = phrase::find_joined_or_spaced(snapshot, fields.words, text)? {
        for (segment, phrase_matches) in snapshot.segments.iter().zip(phrase_matches) {
            keys.extend(phrase_matches.in_order.into_iter().map(|at| segment.chunk_keys.get_val(at)));
        }
    } else {
        let Some((word, _)) = words_of(fields, text).pop_first() else { return Ok(None) };
        keys = chunks_having(snapshot, &word)?;
    }
    keys.sort_unstable();
    Ok(Some(keys))
}

/// The passages that have a word, in no certain order.
fn chunks_having(snapshot: &LexicalSnapshot, word: &Term) -> tantivy::Result<Vec<u64>> {
    let mut keys = Vec::new();
    for segment in &snapshot.segments {
        segment.each_document(&segment.words, word, |document| {
            if segment.is_alive(document) {
                keys.push(segment.chunk_keys.get_val(document));
            }
        })?;
    }
    Ok(keys)
}

/// The sum of the weights of the different words of a text, as a search weighs them. What no passage has, nor a word that was
/// probably meant by it, tells none from another: it has no weight.
pub(super) fn information(snapshot: &LexicalSnapshot, fields: &Fields, text: &str) -> tantivy::Result<f64> {
    Ok(known_words(snapshot, fields, text)?.into_iter().map(|(_, weight, _)| f64::from(weight)).sum())
}

/// The BM25 of a passage of average length that has every word of a text once, but those that say nothing of what it is about.
pub(super) fn attainable(snapshot: &LexicalSnapshot, fields: &Fields, text: &str) -> tantivy::Result<f64> {
    let mut sum = 0.0;
    for (word, times) in words_of(fields, &function_words::without(text, MOST_WORDS)) {
        let frequency = snapshot.document_frequency(&word)?.clamp(1, snapshot.chunks.max(1));
        let weight = scoring::weight(frequency, snapshot.chunks) * f32::from(times);
        sum += f64::from(scoring::as_bm25(scoring::once_at_average_length(weight)));
    }
    Ok(sum)
}

/// How rare the rarest part of a word is: 1 when at most one passage has it, 0 when it is left out of the index.
pub(super) fn rarity(snapshot: &LexicalSnapshot, fields: &Fields, word: &str) -> tantivy::Result<f64> {
    let most = scoring::weight(1, snapshot.chunks);
    let mut rarity = 0.0_f32;
    for (part, _) in words_of(fields, word) {
        let frequency = snapshot.document_frequency(&part)?.clamp(1, snapshot.chunks.max(1));
        rarity = rarity.max(scoring::weight(frequency, snapshot.chunks) / most);
    }
    Ok(f64::from(rarity).min(1.0))
}

/// The phrases that stand in some passage, with where they stand in each segment and their weights.
fn weighted_phrases(
    snapshot: &LexicalSnapshot,
    fields: &Fields,
    phrases: &[String],
) -> tantivy::Result<Vec<(Vec<PhraseMatches>, f32)>> {
    let mut weighted = Vec::with_capacity(phrases.len());
    for text in phrases {
        let Some(phrase_matches) = phrase::find(snapshot, fields.words, text)? else { continue };
        let frequency =
            phrase_matches.iter().map(|phrase_matches| phrase_matches.in_order.len() as u64).sum();
        if frequency > 0 {
            weighted.push((phrase_matches, scoring::weight(frequency, snapshot.chunks)));
        }
    }
    Ok(weighted)
}

/// The words of a text, each with how often it is said.
fn words_of(fields: &Fields, text: &str) -> BTreeMap<Term, u16> {
    let mut words = BTreeMap::new();
    let mut analyzer = tokenizer::analyzer();
    let mut stream = analyzer.token_stream(text);
    for _ in 0..MOST_WORDS {
        if !stream.advance() {
            break;
        }
        *words.entry(Term::from_field_text(fields.words, &stream.token().text)).or_default() += 1;
    }
    words
}

/// The different words of a text that stand in some passage, each with its weight and how often it is said; for one that
/// stands in none the word that was probably meant.
fn known_words(
    snapshot: &LexicalSnapshot,
    fields: &Fields,
    text: &str,
) -> tantivy::Result<Vec<(Term, f32, u16)>> {
    let words = words_of(fields, text);
    let mut known = Vec::with_capacity(words.len());
    let mut unknown = Vec::new();
    for (word, times) in words {
        match snapshot.document_frequency(&word)? {
            0 => unknown.push((word, times)),
            frequency => known.push((word, scoring::weight(frequency, snapshot.chunks), times)),
        }
    }
    for (word, times) in unknown.into_iter().take(MOST_MISSPELLED) {
        let Some((meant, frequency)) = misspelled::meant(snapshot, &word)? else { continue };
        if known.iter().all(|(word, ..)| *word != meant) {
            known.push((meant, scoring::weight(frequency, snapshot.chunks) * MEANT, times));
        }
    }
    Ok(known)
}
