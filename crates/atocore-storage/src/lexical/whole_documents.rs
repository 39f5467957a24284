//! Documents as a whole: what all passages of a document have of a question together.
//!
//! A passage of a document that is about the question everywhere is worth more than one of a document that mentions it
//! once. The words of all its passages are counted as if they were one text; added up, the scores of passages would
//! prefer long documents.

use std::collections::HashMap;

use tantivy::{DocId, Term};

use super::{
    scoring::{self, Cursor, FixedPointScore},
    segment::LexicalSegment,
};

/// Where a passage is that is not deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct ChunkPlace {
    document_key: u64,
    segment: usize,
    chunk: DocId,
}

/// The passages of every document.
#[derive(Debug)]
pub(super) struct WholeDocuments {
    /// By document.
    places: Vec<ChunkPlace>,
    /// The mean of the lengths of all documents.
    mean_length: f32,
}

impl WholeDocuments {
    /// Finds the passages of every document. `length` is that of all together.
    pub(super) fn new(segments: &[LexicalSegment], length: u64) -> Self {
        let in_segment = |(segment, reader): (usize, &LexicalSegment)| {
            let chunks = (0..reader.reader.max_doc()).filter(|chunk| reader.is_alive(*chunk));
            let keys = chunks.map(|chunk| (reader.document_keys.get_val(chunk), chunk));
            keys.map(|(document_key, chunk)| ChunkPlace { document_key, segment, chunk }).collect::<Vec<_>>()
        };
        let mut places: Vec<ChunkPlace> = segments.iter().enumerate().flat_map(in_segment).collect();
        // Nearly in order as it is.
        places.sort();
        let documents = places.chunk_by(|a, b| a.document_key == b.document_key).count();
        let mean_length = if documents == 0 { 0.0 } else { (length as f64 / documents as f64) as f32 };
        Self { places, mean_length }
    }

    /// The passages of one document.
    fn of(&self, document_key: u64) -> &[ChunkPlace] {
        let from = self.places.partition_point(|place| place.document_key < document_key);
        let count = self.places[from..].partition_point(|place| place.document_key == document_key);
        &self.places[from..from + count]
    }

    /// The BM25 score of each of these documents, by words with their weights. `segments` are those of [`Self::new`].
    pub(super) fn scores(
        &self,
        segments: &[LexicalSegment],
        words: &[(Term, f32)],
        documents: impl IntoIterator<Item = u64>,
    ) -> tantivy::Result<HashMap<u64, f32>> {
        let mut keys: Vec<u64> = documents.into_iter().collect();
        keys.sort_unstable();
        keys.dedup();
        let mut factors = Vec::with_capacity(keys.len());
        let mut chunks = vec![Vec::new(); segments.len()];
        for (number, key) in keys.iter().enumerate() {
            let places = self.of(*key);
            let length =
                |place: &ChunkPlace| u64::from(segments[place.segment].lengths.fieldnorm(place.chunk));
            let length = places.iter().map(length).sum::<u64>();
            factors.push(scoring::length_factor(length as f32, self.mean_length));
            places.iter().for_each(|place| chunks[place.segment].push((place.chunk, number)));
        }
        chunks.iter_mut().for_each(|chunks| chunks.sort_unstable());
        let mut scores: Vec<FixedPointScore> = vec![0; keys.len()];
        let mut occurrences = vec![0_u32; keys.len()];
        for (word, weight) in words {
            occurrences.fill(0);
            for (segment, chunks) in segments.iter().zip(&chunks) {
                if let Some(postings) = segment.postings(word)? {
                    count(Cursor::of_word(postings, *weight), chunks, &mut occurrences);
                }
            }
            for ((score, occurrences), factor) in scores.iter_mut().zip(&occurrences).zip(&factors) {
                if *occurrences > 0 {
                    *score = score.saturating_add(scoring::term_score(*weight, *factor, *occurrences));
                }
            }
        }
        Ok(keys.into_iter().zip(scores.into_iter().map(scoring::as_bm25)).collect())
    }
}

/// Adds up how often each document has a word. `chunks` are passages in ascending order, each with the number of its
/// document.
fn count(mut cursor: Cursor, mut chunks: &[(DocId, usize)], occurrences: &mut [u32]) {
    while let Some((chunk, number)) = chunks.first() {
        let found = cursor.occurrences_from(*chunk);
        let Some((at, count)) = found else { return };
        if at == *chunk {
            occurrences[*number] = occurrences[*number].saturating_add(count);
            chunks = &chunks[1..];
        } else {
            chunks = &chunks[chunks.partition_point(|(chunk, _)| *chunk < at)..];
        }
    }
}
