//! Passages as somebody reads them who looks for a text rather than for an answer.

use atocore_model::{id::ChunkId, name::Tag};
use rusqlite::{OptionalExtension, Row};

use super::{ReadTransaction, StorageError, front_matter};

/// A passage with what is known of its document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredChunk {
    /// The project that owns the document.
    pub project: String,
    /// Path of the document below its root.
    pub source_path: String,
    /// Absolute path of its file.
    pub file_path: String,
    /// Tags of the document.
    pub tags: Vec<Tag>,
    /// The headings above it.
    pub heading_path: String,
    /// Its text.
    pub content: String,
}

impl ReadTransaction<'_> {
    /// Hands every passage to `each`, one after the other; documents without a passage are left out.
    ///
    /// # Errors
    /// When the store cannot be read, or what `each` fails with.
    pub fn each_chunk<E: From<StorageError>>(
        &self,
        mut each: impl FnMut(StoredChunk) -> Result<(), E>,
    ) -> Result<(), E> {
        let failed = |error: rusqlite::Error| E::from(StorageError::from(error));
        let mut statement = self
            .connection
            .prepare_cached(
                "SELECT d.project_id, d.source_path, d.file_path, d.tags, c.heading_path, c.content
                 FROM source_documents d JOIN source_chunks c ON c.document_id = d.id
                 ORDER BY d.id, c.chunk_index",
            )
            .map_err(failed)?;
        let rows = statement.query_map([], stored);
        for row in rows.map_err(failed)? {
            each(row.map_err(failed)?)?;
        }
        Ok(())
    }

    /// Every project that has documents, by id.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn projects_with_documents(&self) -> Result<Vec<String>, StorageError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT DISTINCT project_id FROM source_documents ORDER BY project_id")?;
        Ok(statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
    }

    /// At most `most` passages of a project from documents that lie evenly among all of it, the same ones whenever the
    /// store holds the same. None only when the project has no passage.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn sampled_chunks(&self, project: &str, most: usize) -> Result<Vec<StoredChunk>, StorageError> {
        let mut documents = self
            .connection
            .prepare_cached("SELECT id FROM source_documents WHERE project_id = ?1 ORDER BY id")?;
        let keys: Vec<i64> = documents.query_map([project], |row| row.get(0))?.collect::<Result<_, _>>()?;
        let mut middle = self.connection.prepare_cached(
            "SELECT d.project_id, d.source_path, d.file_path, d.tags, c.heading_path, c.content
             FROM source_chunks c JOIN source_documents d ON d.id = c.document_id
             WHERE c.document_id = ?1 ORDER BY c.chunk_index
             LIMIT 1 OFFSET (SELECT count(*) / 2 FROM source_chunks WHERE document_id = ?1)",
        )?;
        let mut chunk = |key: i64| middle.query_row([key], stored).optional();
        let mut chunks = Vec::new();
        for turn in 0..most.min(keys.len()) {
            chunks.extend(chunk(keys[turn * keys.len() / most.min(keys.len())])?);
        }
        let mut others = keys.iter();
        while let (true, Some(key)) = (chunks.is_empty() && most > 0, others.next()) {
            chunks.extend(chunk(*key)?);
        }
        Ok(chunks)
    }

    /// The text of a passage; `None` when it is gone.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn chunk_text(&self, id: &ChunkId) -> Result<Option<String>, StorageError> {
        // Behind the prefix the id is the key in hexadecimal.
        let mut statement = self
            .connection
            .prepare_cached("SELECT content FROM source_chunks WHERE public_id = unhex(substr(?1, 5))")?;
        Ok(statement.query_row([id.as_str()], |row| row.get(0)).optional()?)
    }
}

fn stored(row: &Row<'_>) -> rusqlite::Result<StoredChunk> {
    Ok(StoredChunk {
        project: row.get(0)?,
        source_path: row.get(1)?,
        file_path: row.get(2)?,
        tags: front_matter::tags_from_text(&row.get::<_, String>(3)?),
        heading_path: row.get(4)?,
        content: row.get(5)?,
    })
}
