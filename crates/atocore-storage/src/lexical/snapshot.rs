//! One committed state of the index as searches see it, with the statistics that BM25 needs.
//!
//! The statistics count only passages that are not deleted, and count them from the index of each passage alone. So
//! they do not depend on how the index came about: an index that was maintained for years says the same as a new one.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use atocore_model::id::StoreVersion;
use tantivy::{Searcher, Term, schema::Field};

use super::{segment::LexicalSegment, whole_documents::WholeDocuments};

/// How many document frequencies are remembered.
const REMEMBERED_TERMS: usize = 20_000;

/// One committed state.
pub(super) struct LexicalSnapshot {
    pub(super) version: Option<StoreVersion>,
    pub(super) segments: Vec<LexicalSegment>,
    /// Passages that are not deleted.
    pub(super) chunks: u64,
    /// The mean of their lengths.
    pub(super) mean_length: f32,
    pub(super) documents: WholeDocuments,
    /// Frequencies of terms that had to be counted because of deleted passages.
    counted: Mutex<HashMap<Term, u64>>,
    /// Keeps the files of the segments alive.
    _searcher: Searcher,
}

impl LexicalSnapshot {
    /// Opens what is needed of every segment and counts.
    pub(super) fn new(
        searcher: Searcher,
        version: Option<StoreVersion>,
        words: Field,
    ) -> tantivy::Result<Self> {
        let segments = searcher
            .segment_readers()
            .iter()
            .map(|reader| LexicalSegment::open(reader, words))
            .collect::<tantivy::Result<Vec<_>>>()?;
        let chunks = segments.iter().map(|segment| u64::from(segment.reader.num_docs())).sum::<u64>();
        let words_in_all = segments.iter().map(LexicalSegment::length).sum::<u64>();
        let mean_length = if chunks == 0 { 0.0 } else { (words_in_all as f64 / chunks as f64) as f32 };
        let documents = WholeDocuments::new(&segments, words_in_all);
        let counted = Mutex::default();
        Ok(Self { version, segments, chunks, mean_length, documents, counted, _searcher: searcher })
    }

    /// In how many passages a word stands that are not deleted.
    pub(super) fn document_frequency(&self, word: &Term) -> tantivy::Result<u64> {
        if let Some(frequency) = self.remembered().get(word) {
            return Ok(*frequency);
        }
        let mut frequency = 0;
        let mut counted = false;
        for segment in &self.segments {
            if segment.reader.has_deletes() {
                counted = true;
                segment.each_document(&segment.words, word, |document| {
                    frequency += u64::from(segment.is_alive(document));
                })?;
            } else {
                frequency += u64::from(segment.words.doc_freq(word)?);
            }
        }
        if counted {
            let mut remembered = self.remembered();
            if remembered.len() >= REMEMBERED_TERMS {
                remembered.clear();
            }
            remembered.insert(word.clone(), frequency);
        }
        Ok(frequency)
    }

    fn remembered(&self) -> MutexGuard<'_, HashMap<Term, u64>> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
