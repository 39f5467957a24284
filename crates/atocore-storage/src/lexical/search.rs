//! Questions and their matches.
//!
//! A question is its words joined by OR; nothing in its text is syntax.

use std::collections::BTreeSet;

use atocore_model::id::Mark;
use tantivy::{DocId, Term, tokenizer::TokenStream};

use super::{
    filter::{Conditions, LexicalFilter, SegmentFilter},
    schema::Fields,
    scoring::{self, Best, Cursor, LengthFactors},
    tokenizer,
    view::View,
};

/// How many different words of a question count; the first ones do.
const MOST_WORDS: usize = 1024;

/// A question to the word index.
#[derive(Debug, Clone, Copy)]
pub struct LexicalQuery<'a> {
    /// Its words, in free text.
    pub text: &'a str,
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
}

/// What a search found.
#[derive(Debug, Clone, PartialEq)]
pub struct LexicalMatches {
    /// The state of the store that was searched; `None` when the index has never been filled.
    pub mark: Option<Mark>,
    /// Best first; of equal scores the lower chunk key first.
    pub matches: Vec<LexicalMatch>,
}

/// Answers a question from one view.
pub(super) fn search(
    view: &View,
    fields: &Fields,
    query: &LexicalQuery<'_>,
) -> tantivy::Result<LexicalMatches> {
    let mut best = Best::new(query.limit);
    let words = if query.limit == 0 { Vec::new() } else { weighted_words(view, fields, query.text)? };
    if !words.is_empty() {
        let factors = LengthFactors::new(view.mean_length);
        let conditions = Conditions::new(fields, query.filter);
        for segment in &view.segments {
            let mut cursors = Vec::with_capacity(words.len());
            for (word, weight) in &words {
                if let Some(postings) = segment.postings(word)? {
                    cursors.push(Cursor::new(postings, *weight));
                }
            }
            if !cursors.is_empty() {
                let filter = SegmentFilter::new(segment, &conditions)?;
                scoring::collect(segment, cursors, &factors, &filter, &mut best);
            }
        }
    }
    let matches = best.into_sorted().into_iter().map(|candidate| LexicalMatch {
        chunk_key: candidate.chunk_key.0,
        document_key: candidate.document_key,
        bm25: scoring::as_bm25(candidate.points),
    });
    Ok(LexicalMatches { mark: view.mark, matches: matches.collect() })
}

/// The passages that have every word of `text`, by key, when there are at most `limit`; `None` when there are more, or
/// no word counts.
pub(super) fn passages_with_all(
    view: &View,
    fields: &Fields,
    text: &str,
    limit: usize,
) -> tantivy::Result<Option<Vec<u64>>> {
    let words = words_of(fields, text);
    if words.is_empty() {
        return Ok(None);
    }
    let mut keys = Vec::new();
    for segment in &view.segments {
        let mut having: Option<Vec<DocId>> = None;
        for word in &words {
            let mut documents = Vec::new();
            segment.each_document(&segment.words, word, |document| documents.push(document))?;
            having = Some(match having {
                None => documents.into_iter().filter(|document| segment.is_alive(*document)).collect(),
                Some(before) => {
                    before.into_iter().filter(|known| documents.binary_search(known).is_ok()).collect()
                }
            });
        }
        keys.extend(having.unwrap_or_default().iter().map(|document| segment.chunk_keys.get_val(*document)));
        if keys.len() > limit {
            return Ok(None);
        }
    }
    keys.sort_unstable();
    Ok(Some(keys))
}

/// The different words of a text.
fn words_of(fields: &Fields, text: &str) -> BTreeSet<Term> {
    let mut words = BTreeSet::new();
    let mut analyzer = tokenizer::analyzer();
    let mut stream = analyzer.token_stream(text);
    while words.len() < MOST_WORDS && stream.advance() {
        words.insert(Term::from_field_text(fields.words, &stream.token().text));
    }
    words
}

/// The different words of a question that stand in some passage, with their weights.
fn weighted_words(view: &View, fields: &Fields, text: &str) -> tantivy::Result<Vec<(Term, f32)>> {
    let words = words_of(fields, text);
    let mut weighted = Vec::with_capacity(words.len());
    for word in words {
        let frequency = view.document_frequency(&word)?;
        if frequency > 0 {
            weighted.push((word, scoring::weight(frequency, view.passages)));
        }
    }
    Ok(weighted)
}
