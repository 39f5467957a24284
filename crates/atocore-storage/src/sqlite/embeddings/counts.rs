//! How many passages have a vector, and how many an index shows.

use atocore_model::id::Generation;

use crate::sqlite::{ReadTransaction, StorageError};

/// How many passages have a vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VectorCounts {
    /// All passages.
    pub chunks: u64,
    /// Those whose text has been embedded.
    pub embedded: u64,
    /// Vectors that are kept, those of texts that no passage has any more among them.
    pub vectors: u64,
}

impl ReadTransaction<'_> {
    /// How far a space is. Looks at every passage.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn vector_counts(&self, space: i64) -> Result<VectorCounts, StorageError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT (SELECT count(*) FROM source_chunks),
                    (SELECT count(*) FROM source_chunks c WHERE EXISTS
                        (SELECT 1 FROM embeddings e WHERE e.space_id = ?1 AND e.text_digest = c.text_digest)),
                    (SELECT count(*) FROM embeddings WHERE space_id = ?1)",
        )?;
        Ok(statement.query_row([space], |row| {
            Ok(VectorCounts { chunks: row.get(0)?, embedded: row.get(1)?, vectors: row.get(2)? })
        })?)
    }

    /// How many passages have a text that was found to have no vector.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn chunks_with_empty_vector(&self, space: i64) -> Result<u64, StorageError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT count(*) FROM embeddings e JOIN source_chunks c ON c.text_digest = e.text_digest
             WHERE e.space_id = ?1 AND e.vector = x''",
        )?;
        Ok(statement.query_row([space], |row| row.get(0))?)
    }

    /// All passages.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn chunks(&self) -> Result<u64, StorageError> {
        let mut statement = self.connection.prepare_cached("SELECT count(*) FROM source_chunks")?;
        Ok(statement.query_row([], |row| row.get(0))?)
    }

    /// How many passages an index of the vectors of a space does not have that shows the state of `shown`, or nothing:
    /// those without a vector, and those whose document or vector came later. Those that were found to have no vector are
    /// not among them. Looks at every passage.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn chunks_not_shown(&self, space: i64, shown: Option<Generation>) -> Result<u64, StorageError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT count(*) FROM source_chunks c WHERE NOT EXISTS
                (SELECT 1 FROM embeddings e WHERE e.space_id = ?1 AND e.text_digest = c.text_digest
                 AND (e.vector = x'' OR e.generation <= ?2 AND NOT EXISTS
                    (SELECT 1 FROM document_changes d WHERE d.document_id = c.document_id AND d.generation > ?2)))",
        )?;
        let shown = shown.map_or(-1, |shown| i64::try_from(shown.0).unwrap_or(i64::MAX));
        Ok(statement.query_row((space, shown), |row| row.get(0))?)
    }
}
