//! The store as what the lexical index is built from.

use atocore_model::{
    id::{Generation, StoreVersion},
    name::Tag,
};
use rusqlite::{OptionalExtension, Row};

use super::{ReadTransaction, StorageError, Store, front_matter};
use crate::lexical::{ChangedDocument, ChunkSource, IndexedChunk, LexicalError, SourceError};

impl From<StorageError> for SourceError {
    fn from(error: StorageError) -> Self {
        Self::new(error)
    }
}

/// A failure of the store on the way through the index.
impl From<StorageError> for LexicalError {
    fn from(error: StorageError) -> Self {
        Self::Source(error.into())
    }
}

impl ChunkSource for Store {
    fn version(&self) -> Result<StoreVersion, SourceError> {
        Ok(self.read(|read| read.version())?)
    }

    fn has(&self, version: StoreVersion) -> Result<bool, SourceError> {
        Ok(self.read(|read| read.has(version))?)
    }

    fn changes(
        &self,
        since: Option<StoreVersion>,
        each: &mut dyn FnMut(ChangedDocument<'_>) -> Result<(), LexicalError>,
    ) -> Result<StoreVersion, LexicalError> {
        // A process that has lost the store to another one no longer writes its indexes either.
        self.in_place()?;
        self.read(|read| {
            for key in read.changed_documents(since.map(|version| version.generation))? {
                read.hand_over(key, each)?;
            }
            Ok(read.version()?)
        })
    }
}

impl ReadTransaction<'_> {
    /// The last generation in which a document changed; 0 when none ever did. A derived index that shows this one
    /// shows everything.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn last_document_change(&self) -> Result<Generation, StorageError> {
        let mut statement =
            self.connection.prepare_cached("SELECT coalesce(max(generation), 0) FROM document_changes")?;
        Ok(Generation(statement.query_row([], |row| row.get(0))?))
    }

    /// The documents that changed after a generation, gone ones among them; without one, those that are there.
    fn changed_documents(&self, since: Option<Generation>) -> Result<Vec<u64>, StorageError> {
        let (sql, after) = match since {
            Some(since) => (
                "SELECT document_id FROM document_changes WHERE generation > ?1 ORDER BY document_id",
                since.0,
            ),
            None => ("SELECT id FROM source_documents WHERE id > ?1 ORDER BY id", 0),
        };
        let mut statement = self.connection.prepare_cached(sql)?;
        let keys = statement.query_map([after], |row| row.get(0))?;
        Ok(keys.collect::<Result<_, _>>()?)
    }

    /// Hands one document with all its passages to `each`.
    fn hand_over(
        &self,
        key: u64,
        each: &mut dyn FnMut(ChangedDocument<'_>) -> Result<(), LexicalError>,
    ) -> Result<(), LexicalError> {
        let document = self
            .connection
            .prepare_cached(
                "SELECT project_id, title, tags, front_matter FROM source_documents WHERE id = ?1",
            )
            .and_then(|mut statement| {
                let columns = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
                statement.query_row([key], columns).optional()
            })
            .map_err(StorageError::from)?;
        let (project, title, tags, said): (String, String, String, String) = document.unwrap_or_default();
        let tags: Vec<String> =
            front_matter::tags_from_text(&tags).iter().map(Tag::as_str).map(str::to_owned).collect();
        let chunks = self.indexed_chunks(key)?;
        let first = chunks.first().map_or("", |first| &first.text);
        let beside = front_matter::words_beside(&front_matter::from_text(&said, "[]"), first);
        each(ChangedDocument {
            document_key: key,
            project: &project,
            tags: &tags,
            title: &title,
            beside: &beside,
            chunks: &chunks,
        })
    }

    fn indexed_chunks(&self, document: u64) -> Result<Vec<IndexedChunk>, StorageError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, heading_path, content FROM source_chunks WHERE document_id = ?1 ORDER BY chunk_index",
        )?;
        let rows = statement.query_map([document], |row| {
            Ok(IndexedChunk { chunk_key: row.get(0)?, heading_path: row.get(1)?, text: row.get(2)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
