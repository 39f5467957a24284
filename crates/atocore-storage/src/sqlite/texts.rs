//! Documents as somebody finds them who wants to read the text itself.

use atocore_model::{
    document::{Document, HeadingPath, LineSpan, Location},
    id::{ChunkId, DocumentId, ProjectId},
    path::SourcePath,
    text::nfc,
};
use rusqlite::{Params, Row};

use super::{ReadTransaction, StorageError, documents};

/// A document with what is needed to read its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDocument {
    /// The key of the row.
    pub key: i64,
    /// Size of the file when it was read, in bytes.
    pub size: u64,
    /// Where the passage stands by which it was found; `None` when it was found in another way.
    pub chunk: Option<LineSpan>,
    /// What is known of it.
    pub document: Document,
}

/// A passage of a document, as far as somebody needs it who reads the whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassageText {
    /// The headings above it.
    pub heading_path: HeadingPath,
    /// Where it stands in the text.
    pub lines: LineSpan,
    /// Where it is found in the file; `None` when the lines of the text are those of the file.
    pub location: Option<Location>,
    /// Its text.
    pub text: String,
}

/// What every look-up reads; the two lines of the passage come first.
macro_rules! select {
    ($first:literal, $last:literal, $rest:literal) => {
        concat!(
            "SELECT ",
            $first,
            ", ",
            $last,
            ", d.id, d.size_bytes, d.public_id, d.project_id, d.file_path, d.source_path, d.file_hash, d.title,
             d.tags, coalesce(d.dated, d.committed), d.modified_ns, d.encoding, d.front_matter, d.faults FROM source_documents d ",
            $rest
        )
    };
}

impl ReadTransaction<'_> {
    /// The document with an id; `None` when there is none.
    ///
    /// # Errors
    /// When the store cannot be read or holds something unreadable.
    pub fn document(&self, id: &DocumentId) -> Result<Option<StoredDocument>, StorageError> {
        // Behind the prefix the id is the key in hexadecimal.
        let found =
            self.found(select!("NULL", "NULL", "WHERE d.public_id = unhex(substr(?1, 5))"), [id.as_str()])?;
        Ok(found.into_iter().next())
    }

    /// The document that has a passage; `None` when there is no such passage.
    ///
    /// # Errors
    /// As [`ReadTransaction::document`].
    pub fn document_of_chunk(&self, id: &ChunkId) -> Result<Option<StoredDocument>, StorageError> {
        let found = self.found(
            select!(
                "c.first_line",
                "c.last_line",
                "JOIN source_chunks c ON c.document_id = d.id WHERE c.public_id = unhex(substr(?1, 5))"
            ),
            [id.as_str()],
        )?;
        Ok(found.into_iter().next())
    }

    /// The documents of a project that lie at a path below one of its roots: usually one, by id. When no file has
    /// exactly this name, those whose name is the same in another normalisation form of Unicode.
    ///
    /// # Errors
    /// As [`ReadTransaction::document`].
    pub fn documents_at(
        &self,
        project: &ProjectId,
        path: &SourcePath,
    ) -> Result<Vec<StoredDocument>, StorageError> {
        let found = self.found(
            select!("NULL", "NULL", "WHERE d.project_id = ?1 AND d.source_path = ?2 ORDER BY d.id"),
            (project.as_str(), path.as_str()),
        )?;
        if !found.is_empty() || path.as_str().is_ascii() {
            return Ok(found);
        }
        let not_ascii = select!(
            "NULL",
            "NULL",
            "WHERE d.project_id = ?1 AND d.source_path GLOB '*[^ -~]*' ORDER BY d.id"
        );
        let mut found = self.found(not_ascii, [project.as_str()])?;
        found.retain(|found| nfc(found.document.source_path.as_str()) == nfc(path.as_str()));
        Ok(found)
    }

    /// Every passage of a document, in their order.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn chunks_of(&self, document: i64) -> Result<Vec<PassageText>, StorageError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT first_line, last_line, content, location, heading_path FROM source_chunks
             WHERE document_id = ?1 ORDER BY chunk_index",
        )?;
        let rows = statement.query_map([document], |row| {
            Ok(PassageText {
                lines: LineSpan { first: row.get(0)?, last: row.get(1)? },
                text: row.get(2)?,
                location: row.get::<_, Option<String>>(3)?.map(Location::from_text),
                heading_path: HeadingPath::from_text(row.get(4)?),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The keys of the passages of a document, in their order.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn chunk_keys_of(&self, document: i64) -> Result<Vec<u64>, StorageError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT id FROM source_chunks WHERE document_id = ?1 ORDER BY chunk_index")?;
        let keys = statement.query_map([document], |row| row.get(0))?;
        Ok(keys.collect::<Result<_, _>>()?)
    }

    fn found(&self, sql: &str, params: impl Params) -> Result<Vec<StoredDocument>, StorageError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map(params, |row| Ok(stored(row)))?;
        rows.map(|row| row?).collect()
    }
}

fn stored(row: &Row<'_>) -> Result<StoredDocument, StorageError> {
    let lines: (Option<u32>, Option<u32>) = (row.get(0)?, row.get(1)?);
    Ok(StoredDocument {
        key: row.get(2)?,
        size: row.get(3)?,
        chunk: lines.0.zip(lines.1).map(|(first, last)| LineSpan { first, last }),
        document: documents::document(row, 4)?,
    })
}
