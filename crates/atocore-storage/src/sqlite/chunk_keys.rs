//! Passages by their keys, as a search finds them.

use atocore_model::time::Timestamp;
use rusqlite::OptionalExtension;

use super::{ReadTransaction, StorageError, documents::date};

/// A passage as ranking needs it, without its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkKey {
    /// The key of the row; never used again for another passage.
    pub key: i64,
    /// Its place in the document.
    pub index: u32,
    /// The headings above it.
    pub heading_path: String,
    /// Title of the document.
    pub title: String,
    /// Path of the document below its root.
    pub source_path: String,
    /// The project that owns the document.
    pub project: String,
    /// Date of the document.
    pub date: Timestamp,
}

/// Which document a passage belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkDocument {
    /// The key of the passage.
    pub chunk_key: u64,
    /// The key of its document.
    pub document_key: u64,
    /// The project that owns the document.
    pub project: String,
}

impl ReadTransaction<'_> {
    /// Hands to `each` what ranking needs of every passage that is still there, with its vector in a space: numbers of
    /// 32 bits, lowest byte first. `None` where it has none.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn each_chunk_key(
        &self,
        keys: impl IntoIterator<Item = u64>,
        space: Option<i64>,
        mut each: impl FnMut(ChunkKey, Option<&[[u8; 4]]>),
    ) -> Result<(), StorageError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT c.id, c.chunk_index, c.heading_path, d.title, d.source_path, d.project_id, e.vector,
                    coalesce(d.dated, d.committed), d.modified_ns
             FROM source_chunks c JOIN source_documents d ON d.id = c.document_id
             LEFT JOIN embeddings e ON e.space_id = ?2 AND e.text_digest = c.text_digest
             WHERE c.id = ?1",
        )?;
        for key in keys {
            let row = statement.query_row((key, space), |row| {
                let chunk = ChunkKey {
                    key: row.get(0)?,
                    index: row.get(1)?,
                    heading_path: row.get(2)?,
                    title: row.get(3)?,
                    source_path: row.get(4)?,
                    project: row.get(5)?,
                    date: date(row, 7)?,
                };
                let vector = row.get_ref(6)?.as_blob_or_null()?.map(|bytes| bytes.as_chunks::<4>().0);
                each(chunk, vector.filter(|numbers| !numbers.is_empty()));
                Ok(())
            });
            let _gone: Option<()> = row.optional()?;
        }
        Ok(())
    }

    /// The documents of passages: each passage with its document and its project. Those that are gone are left out.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn documents_of_chunks(&self, keys: &[u64]) -> Result<Vec<ChunkDocument>, StorageError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT c.document_id, d.project_id
             FROM source_chunks c JOIN source_documents d ON d.id = c.document_id WHERE c.id = ?1",
        )?;
        let mut found = Vec::with_capacity(keys.len());
        for key in keys {
            let row = statement.query_row([key], |row| {
                Ok(ChunkDocument { chunk_key: *key, document_key: row.get(0)?, project: row.get(1)? })
            });
            found.extend(row.optional()?);
        }
        Ok(found)
    }
}
