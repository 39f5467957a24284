//! One segment of the index as searches read it.

use std::sync::Arc;

use tantivy::{
    DocId, SegmentReader, TERMINATED, Term,
    columnar::ColumnValues,
    fieldnorm::FieldNormReader,
    index::InvertedIndexReader,
    postings::BlockSegmentPostings,
    schema::{Field, IndexRecordOption},
};

use super::schema::{CHUNK_KEY, DOCUMENT_KEY};

/// One segment with the parts of it that searches read.
pub(super) struct LexicalSegment {
    pub(super) reader: SegmentReader,
    pub(super) words: Arc<InvertedIndexReader>,
    /// The rounded length of each passage.
    pub(super) lengths: FieldNormReader,
    pub(super) chunk_keys: Arc<dyn ColumnValues<u64>>,
    pub(super) document_keys: Arc<dyn ColumnValues<u64>>,
}

impl LexicalSegment {
    pub(super) fn open(reader: &SegmentReader, words: Field) -> tantivy::Result<Self> {
        let keys =
            |name| Ok::<_, tantivy::TantivyError>(reader.fast_fields().u64(name)?.first_or_default_col(0));
        Ok(Self {
            words: reader.inverted_index(words)?,
            lengths: reader.get_fieldnorms_reader(words)?,
            chunk_keys: keys(CHUNK_KEY)?,
            document_keys: keys(DOCUMENT_KEY)?,
            reader: reader.clone(),
        })
    }

    /// Whether a passage is not deleted.
    pub(super) fn is_alive(&self, document: DocId) -> bool {
        !self.reader.is_deleted(document)
    }

    /// The postings of a word with its frequencies.
    pub(super) fn postings(&self, word: &Term) -> tantivy::Result<Option<BlockSegmentPostings>> {
        Ok(self.words.read_block_postings(word, IndexRecordOption::WithFreqs)?)
    }

    /// Calls `each` for everything that has `term`, deleted or not, in ascending order.
    pub(super) fn each_document(
        &self,
        field: &InvertedIndexReader,
        term: &Term,
        mut each: impl FnMut(DocId),
    ) -> tantivy::Result<()> {
        let Some(mut postings) = field.read_block_postings(term, IndexRecordOption::Basic)? else {
            return Ok(());
        };
        while postings.docs().first().is_some_and(|first| *first != TERMINATED) {
            postings.docs().iter().copied().for_each(&mut each);
            postings.advance();
        }
        Ok(())
    }

    /// The sum of the rounded lengths of all passages that are not deleted.
    pub(super) fn length(&self) -> u64 {
        (0..self.reader.max_doc())
            .filter(|document| self.is_alive(*document))
            .map(|document| u64::from(self.lengths.fieldnorm(document)))
            .sum()
    }
}
