//! Vectors as rows: kept by the digest of the text they were made from, in the space of the model that made them.
//!
//! A vector belongs to a text, not to a passage, so a passage that moves, is renamed or comes back finds its own.

mod counts;

use atocore_model::{
    digest::Digest,
    document::embedded_text,
    id::{Generation, ProjectId, StoreVersion},
};
use rusqlite::{Connection, OptionalExtension, Row};

use super::{ReadTransaction, StorageError, Store, WriteTransaction, documents};
use crate::{
    lexical::SourceError,
    vector::{ChangedVectors, ChunkVector, VectorError, VectorSource, VectorSpace},
};

pub use counts::VectorCounts;

/// A way of making vectors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpaceRow {
    /// The key of the row.
    pub key: i64,
    /// What makes its vectors comparable.
    pub space: VectorSpace,
    /// The model, as it was named in the settings.
    pub model: String,
    /// How its weights were kept.
    pub precision: String,
}

/// A way of making vectors that the store does not know yet.
#[derive(Debug, Clone, Copy)]
pub struct NewSpace<'a> {
    /// What makes its vectors comparable.
    pub space: VectorSpace,
    /// The model, as it is named in the settings.
    pub model: &'a str,
    /// How its weights are kept.
    pub precision: &'a str,
    /// Now.
    pub at: &'a str,
}

/// A passage whose text has not been embedded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingChunk {
    /// The passage; a new one of a document that was rechunked when `rechunked` says so.
    pub chunk_key: u64,
    /// Whether it waits to take the place of a present one.
    pub rechunked: bool,
    /// Its document.
    pub document_key: u64,
    /// The project that owns it.
    pub project: String,
    /// When its file was last changed, in nanoseconds since 1970.
    pub modified_ns: i64,
}

impl ReadTransaction<'_> {
    /// The way of making vectors that answers use; `None` before there was any.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn serving_space(&self) -> Result<Option<SpaceRow>, StorageError> {
        self.space_where("id = (SELECT serving_space FROM store)", [])
    }

    /// The way of making vectors with that fingerprint.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn space(&self, fingerprint: Digest) -> Result<Option<SpaceRow>, StorageError> {
        self.space_where("fingerprint = ?1", [fingerprint.as_bytes()])
    }

    /// Ways that are not used by answers and are not `wanted` either.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn other_spaces(&self, wanted: i64) -> Result<Vec<SpaceRow>, StorageError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, fingerprint, dimensions, model, precision FROM embedding_spaces
             WHERE id <> ?1 AND id IS NOT (SELECT serving_space FROM store) ORDER BY id",
        )?;
        let rows = statement.query_map([wanted], space_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn space_where(
        &self,
        condition: &str,
        values: impl rusqlite::Params,
    ) -> Result<Option<SpaceRow>, StorageError> {
        let sql = format!(
            "SELECT id, fingerprint, dimensions, model, precision FROM embedding_spaces WHERE {condition}"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        Ok(statement.query_row(values, space_row).optional()?)
    }

    /// The last generation in which a vector was kept; 0 when none ever was.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn last_vector_change(&self) -> Result<Generation, StorageError> {
        let mut statement =
            self.connection.prepare_cached("SELECT coalesce(max(generation), 0) FROM embeddings")?;
        Ok(Generation(statement.query_row([], |row| row.get(0))?))
    }

    /// Whether a text has been embedded.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn has_vector(&self, space: i64, text: Digest) -> Result<bool, StorageError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM embeddings WHERE space_id = ?1 AND text_digest = ?2)",
        )?;
        Ok(statement.query_row((space, text.as_bytes()), |row| row.get(0))?)
    }

    /// The passages whose text has not been embedded, in no certain order.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn chunks_without_vector(&self, space: i64) -> Result<Vec<PendingChunk>, StorageError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT c.id, 0, d.id, d.project_id, d.modified_ns
             FROM source_chunks c JOIN source_documents d ON d.id = c.document_id
             WHERE NOT EXISTS
                (SELECT 1 FROM embeddings e WHERE e.space_id = ?1 AND e.text_digest = c.text_digest)
             UNION ALL SELECT r.id, 1, d.id, d.project_id, d.modified_ns
             FROM rechunked_chunks r JOIN source_documents d ON d.id = r.document_id
             WHERE NOT EXISTS
                (SELECT 1 FROM embeddings e WHERE e.space_id = ?1 AND e.text_digest = r.text_digest)",
        )?;
        let rows = statement.query_map([space], |row| {
            Ok(PendingChunk {
                chunk_key: row.get(0)?,
                rechunked: row.get(1)?,
                document_key: row.get(2)?,
                project: row.get(3)?,
                modified_ns: row.get(4)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// What a model sees of a passage, with its digest; `None` when the passage is gone.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn embedded_text(&self, of: &PendingChunk) -> Result<Option<(Digest, String)>, StorageError> {
        if of.rechunked {
            let found = self.rechunked_text(of.chunk_key)?;
            return Ok(found.map(|(digest, text)| (Digest::from_bytes(digest), text)));
        }
        let mut statement = self.connection.prepare_cached(
            "SELECT c.text_digest, d.title, c.heading_path, c.content
             FROM source_chunks c JOIN source_documents d ON d.id = c.document_id WHERE c.id = ?1",
        )?;
        let found = statement.query_row([of.chunk_key], |row| {
            let (title, headings, content): (String, String, String) =
                (row.get(1)?, row.get(2)?, row.get(3)?);
            Ok((Digest::from_bytes(row.get(0)?), embedded_text(&title, &headings, &content)))
        });
        Ok(found.optional()?)
    }

    /// The documents of which a passage or its vector changed after `since`; without it, all that have a passage.
    fn documents_with_new_vectors(
        &self,
        space: i64,
        since: Option<Generation>,
    ) -> Result<Vec<u64>, StorageError> {
        let Some(since) = since else {
            let mut statement =
                self.connection.prepare_cached("SELECT id FROM source_documents ORDER BY project_id, id")?;
            let keys = statement.query_map([], |row| row.get(0))?;
            return Ok(keys.collect::<Result<_, _>>()?);
        };
        let mut statement = self.connection.prepare_cached(
            "SELECT document_id FROM document_changes WHERE generation > ?2
             UNION SELECT c.document_id FROM embeddings e JOIN source_chunks c ON c.text_digest = e.text_digest
             WHERE e.generation > ?2 AND e.space_id = ?1 ORDER BY 1",
        )?;
        let keys = statement.query_map((space, since.0), |row| row.get(0))?;
        Ok(keys.collect::<Result<_, _>>()?)
    }
}

impl WriteTransaction<'_> {
    /// Finds or adds a way of making vectors. The first one of a store answers at once.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn add_space(&self, new: &NewSpace<'_>) -> Result<SpaceRow, StorageError> {
        self.connection
            .prepare_cached(
                "INSERT INTO embedding_spaces (fingerprint, dimensions, model, precision, created_at)
                 VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (fingerprint) DO UPDATE SET model = excluded.model, precision = excluded.precision",
            )?
            .execute((
                new.space.fingerprint.as_bytes(),
                new.space.dimensions,
                new.model,
                new.precision,
                new.at,
            ))?;
        let row = self.space_where("fingerprint = ?1", [new.space.fingerprint.as_bytes()])?;
        let row = row.ok_or(StorageError::Sqlite(rusqlite::Error::QueryReturnedNoRows))?;
        self.connection.execute("UPDATE store SET serving_space = coalesce(serving_space, ?1)", [row.key])?;
        Ok(row)
    }

    /// Lets answers use another way of making vectors from now on.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn serve_space(&self, space: i64) -> Result<(), StorageError> {
        self.connection.execute("UPDATE store SET serving_space = ?1", [space])?;
        Ok(())
    }

    /// Keeps the vectors of texts; an empty one says that the text has none.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn put_vectors(&self, space: i64, vectors: &[(Digest, Vec<f32>)]) -> Result<(), StorageError> {
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO embeddings (space_id, text_digest, vector, generation) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (space_id, text_digest) DO NOTHING",
        )?;
        for (digest, vector) in vectors {
            insert.execute((space, digest.as_bytes(), bytes(vector), self.version.generation.0))?;
        }
        Ok(())
    }

    /// Removes up to `limit` vectors of a way that is not in use any more, and the way itself with the last one;
    /// `true` when all of it is gone.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn remove_space(&self, space: i64, limit: usize) -> Result<bool, StorageError> {
        let removed = self.connection.execute(
            "DELETE FROM embeddings WHERE id IN (SELECT id FROM embeddings WHERE space_id = ?1 LIMIT ?2)",
            (space, limit),
        )?;
        if removed < limit {
            self.connection.execute("DELETE FROM embedding_spaces WHERE id = ?1", [space])?;
        }
        Ok(removed < limit)
    }

    /// Removes up to `limit` vectors of texts that no passage has any more, the oldest first, and returns how many.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn remove_unused_vectors(&self, limit: usize) -> Result<usize, StorageError> {
        Ok(self.connection.execute(
            "DELETE FROM embeddings WHERE id IN (SELECT e.id FROM embeddings e WHERE NOT EXISTS
                (SELECT 1 FROM source_chunks c WHERE c.text_digest = e.text_digest) AND NOT EXISTS
                (SELECT 1 FROM rechunked_chunks r WHERE r.text_digest = e.text_digest) ORDER BY e.id LIMIT ?1)",
            [limit],
        )?)
    }
}

/// The vectors of one space, as a vector index follows them.
#[derive(Debug, Clone, Copy)]
pub struct StoreVectors<'s> {
    /// The store.
    pub store: &'s Store,
    /// The key of the space.
    pub key: i64,
    /// The space.
    pub space: VectorSpace,
}

impl<'s> StoreVectors<'s> {
    /// The vectors of the space in that row.
    #[must_use]
    pub const fn new(store: &'s Store, row: &SpaceRow) -> Self {
        Self { store, key: row.key, space: row.space }
    }
}

/// A failure of the store on the way through the index.
impl From<StorageError> for VectorError {
    fn from(error: StorageError) -> Self {
        Self::Source(error.into())
    }
}

impl VectorSource for StoreVectors<'_> {
    fn space(&self) -> VectorSpace {
        self.space
    }

    fn version(&self) -> Result<StoreVersion, SourceError> {
        Ok(self.store.read(|read| read.version())?)
    }

    fn has(&self, version: StoreVersion) -> Result<bool, SourceError> {
        Ok(self.store.read(|read| read.has(version))?)
    }

    fn changes(
        &self,
        since: Option<StoreVersion>,
        each: &mut dyn FnMut(ChangedVectors<'_>) -> Result<(), VectorError>,
    ) -> Result<StoreVersion, VectorError> {
        self.store.in_place()?;
        self.store.read(|read| {
            for key in read.documents_with_new_vectors(self.key, since.map(|version| version.generation))? {
                read.hand_over_vectors(self, key, each)?;
            }
            Ok(read.version()?)
        })
    }
}

impl ReadTransaction<'_> {
    /// Hands the vectors of one document to `each`.
    fn hand_over_vectors(
        &self,
        of: &StoreVectors<'_>,
        document: u64,
        each: &mut dyn FnMut(ChangedVectors<'_>) -> Result<(), VectorError>,
    ) -> Result<(), VectorError> {
        let (project, vectors) = self.document_vectors(of.key, document)?;
        // A row of another length would be damage; it is left out here, and a snapshot's validation names it.
        let fitting = vectors.iter().filter(|(_, vector)| vector.len() == of.space.dimensions);
        let vectors: Vec<ChunkVector<'_>> =
            fitting.map(|(key, vector)| ChunkVector { chunk_key: *key, vector }).collect();
        each(ChangedVectors {
            document_key: document,
            project: project.as_ref().map_or("", ProjectId::as_str),
            vectors: &vectors,
        })
    }

    #[expect(clippy::type_complexity, reason = "a project and its rows, used in one place")]
    fn document_vectors(
        &self,
        space: i64,
        document: u64,
    ) -> Result<(Option<ProjectId>, Vec<(u64, Vec<f32>)>), StorageError> {
        let project: Option<String> = self
            .connection
            .prepare_cached("SELECT project_id FROM source_documents WHERE id = ?1")?
            .query_row([document], |row| row.get(0))
            .optional()?;
        let Some(project) = project else { return Ok((None, Vec::new())) };
        let unreadable = |_| StorageError::Value { what: "a project id", value: project.clone() };
        let mut statement = self.connection.prepare_cached(
            "SELECT c.id, e.vector FROM source_chunks c
             JOIN embeddings e ON e.space_id = ?1 AND e.text_digest = c.text_digest
             WHERE c.document_id = ?2 ORDER BY c.chunk_index",
        )?;
        let rows = statement
            .query_map((space, document), |row| Ok((row.get(0)?, numbers(row.get_ref(1)?.as_blob()?))))?;
        Ok((Some(project.parse().map_err(unreadable)?), rows.collect::<Result<_, _>>()?))
    }
}

/// What is wrong with the vectors and with the digests that lead to them, one line each.
pub(super) fn complaints(connection: &Connection) -> Result<Vec<String>, StorageError> {
    let mut complaints = Vec::new();
    let mut vectors = connection.prepare(
        "SELECT e.id, e.vector, s.dimensions FROM embeddings e JOIN embedding_spaces s ON s.id = e.space_id",
    )?;
    let mut rows = vectors.query([])?;
    while let Some(row) = rows.next()? {
        let (key, dimensions): (i64, usize) = (row.get(0)?, row.get(2)?);
        let stored = row.get_ref(1)?.as_blob().unwrap_or_default();
        if !stored.is_empty() && stored.len() != dimensions * size_of::<f32>() {
            complaints.push(format!("vector {key} has {} bytes for {dimensions} dimensions", stored.len()));
        } else if numbers(stored).iter().any(|number| !number.is_finite()) {
            complaints.push(format!("vector {key} holds a value that is not a number"));
        }
    }
    let mut chunks = connection.prepare(
        "SELECT c.id, c.text_digest, d.title, c.heading_path, c.content
         FROM source_chunks c JOIN source_documents d ON d.id = c.document_id",
    )?;
    let mut rows = chunks.query([])?;
    while let Some(row) = rows.next()? {
        let (key, digest): (i64, Vec<u8>) = (row.get(0)?, row.get(1)?);
        let (title, headings, content): (String, String, String) = (row.get(2)?, row.get(3)?, row.get(4)?);
        if digest != documents::text_digest(&title, &headings, &content) {
            complaints.push(format!("passage {key} is not the text that its vector is kept by"));
        }
    }
    Ok(complaints)
}

fn space_row(row: &Row<'_>) -> rusqlite::Result<SpaceRow> {
    Ok(SpaceRow {
        key: row.get(0)?,
        space: VectorSpace { fingerprint: Digest::from_bytes(row.get(1)?), dimensions: row.get(2)? },
        model: row.get(3)?,
        precision: row.get(4)?,
    })
}

/// A vector as it is stored.
fn bytes(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// A vector from what is stored.
fn numbers(bytes: &[u8]) -> Vec<f32> {
    let (numbers, _rest) = bytes.as_chunks::<4>();
    numbers.iter().map(|number| f32::from_le_bytes(*number)).collect()
}

#[cfg(test)]
mod tests;
