//! Documents that were rechunked after the settings changed: the new chunks are kept beside the present ones until all
//! of them have vectors, then replace them.

use atocore_model::document::{ChunkDraft, HeadingPath, LineSpan, Location};
use rusqlite::OptionalExtension;

use super::{IngestedDocument, ReadTransaction, StorageError, WriteTransaction, documents};

impl ReadTransaction<'_> {
    /// How many rechunked documents wait for their vectors.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn rechunked_documents(&self) -> Result<u64, StorageError> {
        let mut statement = self.connection.prepare_cached("SELECT count(*) FROM rechunked_documents")?;
        Ok(statement.query_row([], |row| row.get(0))?)
    }

    /// Whether one of them can take its place: all its new passages have a vector of that space.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn has_embedded_rechunk(&self, space: i64) -> Result<bool, StorageError> {
        let sql = format!("SELECT EXISTS (SELECT 1 FROM rechunked_documents r WHERE {EMBEDDED})");
        Ok(self.connection.prepare_cached(&sql)?.query_row([space], |row| row.get(0))?)
    }
}

/// Whether every new passage of the document `r` has a vector of the space `?1`; without a space, whatever they have.
const EMBEDDED: &str = "(?1 IS NULL OR NOT EXISTS (SELECT 1 FROM rechunked_chunks c
    WHERE c.document_id = r.document_id AND NOT EXISTS
        (SELECT 1 FROM embeddings e WHERE e.space_id = ?1 AND e.text_digest = c.text_digest)))";

impl WriteTransaction<'_> {
    /// Keeps the new passages of a document whose bytes have not changed; the present ones stay as they are.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn put_rechunked(&self, key: i64, document: &IngestedDocument) -> Result<(), StorageError> {
        self.forget_rechunked(key)?;
        self.connection
            .prepare_cached("INSERT INTO rechunked_documents (document_id, chunked_by) VALUES (?1, ?2)")?
            .execute((key, &document.chunked_by))?;
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO rechunked_chunks (document_id, chunk_index, heading_path, content, first_line, last_line,
                    text_digest, location) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?;
        for (index, chunk) in document.parsed.chunks.iter().enumerate() {
            let heading = chunk.heading_path.as_str();
            let digest = documents::text_digest(&document.parsed.title, heading, &chunk.text);
            let LineSpan { first, last } = chunk.lines;
            let location = chunk.location.as_ref().map(Location::as_str);
            insert.execute((key, index, heading, &chunk.text, first, last, digest, location))?;
        }
        self.restamp(key, document.stamp, document.settled, &document.root)
    }

    /// Forgets the new passages of a document, because it is stored anew.
    pub(super) fn forget_rechunked(&self, key: i64) -> Result<(), StorageError> {
        self.connection
            .prepare_cached("DELETE FROM rechunked_documents WHERE document_id = ?1")?
            .execute([key])?;
        Ok(())
    }

    /// Puts the new passages of up to `limit` documents in the place of the present ones, each document whole, and
    /// returns how many documents that were. Passages whose text stays keep their ids. With a space, documents whose
    /// new passages do not all have a vector of it go on waiting.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn apply_rechunked(&self, space: Option<i64>, limit: usize) -> Result<usize, StorageError> {
        let sql = format!(
            "SELECT r.document_id, r.chunked_by, d.public_id, d.title
             FROM rechunked_documents r JOIN source_documents d ON d.id = r.document_id
             WHERE {EMBEDDED} ORDER BY r.document_id LIMIT ?2"
        );
        let mut waiting = self.connection.prepare_cached(&sql)?;
        let waiting: Vec<(i64, String, [u8; 12], String)> = waiting
            .query_map((space, limit), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
            .collect::<Result<_, _>>()?;
        for (key, chunked_by, public_id, title) in &waiting {
            let _stored = self.put_chunks(*key, *public_id, title, &self.rechunked_chunks(*key)?)?;
            self.connection
                .prepare_cached("UPDATE source_documents SET chunked_by = ?2 WHERE id = ?1")?
                .execute((key, chunked_by))?;
            self.touch(*key)?;
            self.forget_rechunked(*key)?;
        }
        Ok(waiting.len())
    }

    fn rechunked_chunks(&self, key: i64) -> Result<Vec<ChunkDraft>, StorageError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT heading_path, content, first_line, last_line, location FROM rechunked_chunks
             WHERE document_id = ?1 ORDER BY chunk_index",
        )?;
        let rows = statement.query_map([key], |row| {
            Ok(ChunkDraft {
                heading_path: HeadingPath::from_text(row.get(0)?),
                text: row.get(1)?,
                lines: LineSpan { first: row.get(2)?, last: row.get(3)? },
                location: row.get::<_, Option<String>>(4)?.map(Location::from_text),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl ReadTransaction<'_> {
    /// What a model sees of a new passage, with its digest.
    pub(super) fn rechunked_text(&self, key: u64) -> Result<Option<([u8; 32], String)>, StorageError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT r.text_digest, d.title, r.heading_path, r.content
             FROM rechunked_chunks r JOIN source_documents d ON d.id = r.document_id WHERE r.id = ?1",
        )?;
        let found = statement.query_row([key], |row| {
            let (title, headings, content): (String, String, String) =
                (row.get(1)?, row.get(2)?, row.get(3)?);
            Ok((row.get(0)?, atocore_model::document::embedded_text(&title, &headings, &content)))
        });
        Ok(found.optional()?)
    }
}
