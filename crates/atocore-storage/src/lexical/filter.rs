//! Which passages a search may find. Filters decide inside the search and never change a score.

use atocore_model::{id::ProjectId, name::Tag};
use tantivy::{DocId, TERMINATED, Term};

use super::{schema::Fields, segment::LexicalSegment};
use crate::chunk_filter::ChunkFilter;

/// What a passage must fulfil to be found; the default is nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct LexicalFilter<'a> {
    /// Belongs to this project.
    pub project: Option<&'a ProjectId>,
    /// Carries every one of these tags, or one below it, in any case.
    pub tags: &'a [Tag],
    /// Belongs to one of these documents.
    pub documents: Option<&'a [u64]>,
    /// Is one of these.
    pub chunks: Option<&'a ChunkFilter>,
}

/// Up to this many documents are looked up; more are checked passage by passage.
const FEW_DOCUMENTS: usize = 64;

/// A filter in the form in which it is applied.
pub(super) struct Conditions<'a> {
    /// Each of these sets of terms must have a term that the passage has.
    terms: Vec<Vec<Term>>,
    /// The passage must belong to one of these documents; sorted.
    documents: Option<Vec<u64>>,
    /// The passage must be one of these.
    chunks: Option<&'a ChunkFilter>,
}

impl<'a> Conditions<'a> {
    pub(super) fn new(fields: &Fields, filter: &LexicalFilter<'a>) -> Self {
        let project = filter.project.map(|project| vec![fields.project(project.as_str())]);
        let tags = filter.tags.iter().map(|tag| vec![fields.tag(tag.as_str())]);
        let mut terms: Vec<_> = project.into_iter().chain(tags).collect();
        let mut documents = None;
        match filter.documents {
            Some(keys) if keys.len() <= FEW_DOCUMENTS => {
                terms.push(keys.iter().map(|key| fields.document(*key)).collect());
            }
            Some(keys) => {
                let mut keys = keys.to_vec();
                keys.sort_unstable();
                documents = Some(keys);
            }
            None => {}
        }
        Self { terms, documents, chunks: filter.chunks }
    }
}

/// A filter in one segment.
pub(super) struct SegmentFilter<'a> {
    segment: &'a LexicalSegment,
    /// One bit per passage that has the terms; `None` when none are asked for.
    phrase_matches: Option<Vec<u64>>,
    documents: Option<&'a [u64]>,
    chunks: Option<&'a ChunkFilter>,
}

impl<'a> SegmentFilter<'a> {
    pub(super) fn new(segment: &'a LexicalSegment, conditions: &'a Conditions<'_>) -> tantivy::Result<Self> {
        let mut phrase_matches: Option<Vec<u64>> = None;
        for terms in &conditions.terms {
            let mut bits = vec![0_u64; (segment.reader.max_doc() as usize).div_ceil(64)];
            for term in terms {
                let field = segment.reader.inverted_index(term.field())?;
                segment.each_document(&field, term, |document| {
                    bits[document as usize / 64] |= 1 << (document % 64);
                })?;
            }
            phrase_matches = Some(match phrase_matches {
                None => bits,
                Some(before) => before.iter().zip(bits).map(|(before, bits)| before & bits).collect(),
            });
        }
        let Conditions { documents, chunks, .. } = conditions;
        Ok(Self { segment, phrase_matches, documents: documents.as_deref(), chunks: *chunks })
    }

    /// The first passage from `document` on that has the terms; `TERMINATED` when there is none.
    pub(super) fn next_having(&self, document: DocId) -> DocId {
        let Some(bits) = &self.phrase_matches else { return document };
        let mut at = document as usize / 64;
        let mut word = bits.get(at).map_or(0, |word| word & (u64::MAX << (document % 64)));
        while word == 0 {
            at += 1;
            match bits.get(at) {
                Some(next) => word = *next,
                None => return TERMINATED,
            }
        }
        at as DocId * 64 + word.trailing_zeros()
    }

    /// Whether a passage fulfils the filter.
    pub(super) fn accepts(&self, document: DocId) -> bool {
        let has = self.phrase_matches.as_ref().is_none_or(|bits| {
            bits.get(document as usize / 64).is_some_and(|word| word >> (document % 64) & 1 == 1)
        });
        has && self
            .documents
            .is_none_or(|keys| keys.binary_search(&self.segment.document_keys.get_val(document)).is_ok())
            && self.chunks.is_none_or(|chunks| chunks.accepts(self.segment.chunk_keys.get_val(document)))
    }
}
