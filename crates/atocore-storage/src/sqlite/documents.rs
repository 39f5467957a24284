//! Documents and their passages as rows.

use std::collections::HashMap;

use atocore_model::{
    digest::Digest,
    document::{
        Chunk, ChunkDraft, Document, FileStamp, HeadingPath, LineSpan, Location, ParsedDocument,
        embedded_text, reading_notices,
    },
    id::{ChunkId, DocumentId, ProjectId},
    path::SourcePath,
    time::Timestamp,
};
use rusqlite::{OptionalExtension, Row, ToSql};

use super::{
    BookkeepingTransaction, ReadTransaction, StorageError, WriteTransaction, front_matter, operations,
};

/// What a refresh compares with the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentRow {
    /// The key of the row; never used again for another document.
    pub key: i64,
    /// Absolute path of the file.
    pub file_path: String,
    /// Path below its root.
    pub source_path: String,
    /// The root that it was found below, as configured; empty in a row of schema 3.
    pub root: String,
    /// Digest of the bytes.
    pub digest: Digest,
    /// What the system said of it when it was read.
    pub stamp: FileStamp,
    /// Whether the same stamp means the same bytes: not when the file had been written just before it was read.
    pub settled: bool,
    /// How it was cut; another value means that it must be cut again.
    pub chunked_by: String,
}

/// A file that was read and cut, ready to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngestedDocument {
    /// Absolute path of the file.
    pub file_path: String,
    /// Path below its root.
    pub source_path: SourcePath,
    /// The root that it was found below, as configured.
    pub root: String,
    /// Digest of the bytes.
    pub digest: Digest,
    /// What the system said of it when it was read.
    pub stamp: FileStamp,
    /// Whether the same stamp will mean the same bytes.
    pub settled: bool,
    /// How it was cut.
    pub chunked_by: String,
    /// The name of the encoding of its bytes in the Encoding Standard.
    pub encoding: String,
    /// What was in it.
    pub parsed: ParsedDocument,
}

impl IngestedDocument {
    /// What a person should know of how it was read, a sentence each.
    #[must_use]
    pub fn notices(&self) -> Vec<String> {
        reading_notices(&self.encoding, &self.parsed.front_matter)
    }
}

/// What storing a document did to its passages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoredChunks {
    /// Passages that are new.
    pub added: u64,
    /// Passages whose text was there before; their ids stay.
    pub kept: u64,
    /// Passages that are gone.
    pub removed: u64,
}

impl ReadTransaction<'_> {
    /// Every document of a project, in no certain order. One that was rechunked and waits for its vectors counts as
    /// cut that way already.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn documents_of(&self, project: &ProjectId) -> Result<Vec<DocumentRow>, StorageError> {
        self.documents_where("project_id = ?1", project, |_| true)
    }

    /// The documents of all projects but one whose stamp is wanted, as [`Self::documents_of`] has them.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn documents_of_others(
        &self,
        project: &ProjectId,
        is_wanted: impl Fn(&FileStamp) -> bool,
    ) -> Result<Vec<DocumentRow>, StorageError> {
        self.documents_where("project_id <> ?1", project, is_wanted)
    }

    fn documents_where(
        &self,
        condition: &'static str,
        project: &ProjectId,
        is_wanted: impl Fn(&FileStamp) -> bool,
    ) -> Result<Vec<DocumentRow>, StorageError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT d.id, file_path, source_path, file_hash, size_bytes, modified_ns, changed_ns, inode,
                    settled, coalesce(r.chunked_by, d.chunked_by), root
             FROM source_documents d LEFT JOIN rechunked_documents r ON r.document_id = d.id
             WHERE {condition}",
        ))?;
        let rows = statement.query_map([project.as_str()], |row| {
            Ok(DocumentRow {
                key: row.get(0)?,
                file_path: row.get(1)?,
                source_path: row.get(2)?,
                digest: Digest::from_bytes(row.get(3)?),
                stamp: stamp(row, 4)?,
                settled: row.get(8)?,
                chunked_by: row.get(9)?,
                root: row.get(10)?,
            })
        })?;
        let wanted = rows.filter(|row| row.as_ref().map_or(true, |row: &DocumentRow| is_wanted(&row.stamp)));
        Ok(wanted.collect::<Result<_, _>>()?)
    }

    /// A whole passage with its document; `None` when it is gone.
    ///
    /// # Errors
    /// When the store cannot be read or holds something unreadable.
    pub fn chunk(&self, key: i64) -> Result<Option<Chunk>, StorageError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT c.public_id, c.chunk_index, c.heading_path, c.content, c.first_line, c.last_line, c.location,
                    d.public_id, d.project_id, d.file_path, d.source_path, d.file_hash, d.title, d.tags,
                    coalesce(d.dated, d.committed), d.modified_ns,
                    d.encoding, d.front_matter, d.faults, d.size_bytes, d.modified_ns, d.changed_ns, d.inode
             FROM source_chunks c JOIN source_documents d ON d.id = c.document_id WHERE c.id = ?1",
        )?;
        statement.query_row([key], |row| Ok(chunk(row))).optional()?.transpose()
    }

    /// Documents and passages of each project, by project id.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn counts(&self) -> Result<Vec<(String, u64, u64)>, StorageError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT d.project_id, count(DISTINCT d.id), count(c.id)
             FROM source_documents d LEFT JOIN source_chunks c ON c.document_id = d.id
             GROUP BY d.project_id ORDER BY d.project_id",
        )?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl BookkeepingTransaction<'_> {
    /// Notes that a file with the same bytes looks otherwise now, or belongs to the root by another name, so that it
    /// need not be read again.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn restamp(&self, key: i64, stamp: FileStamp, settled: bool, root: &str) -> Result<(), StorageError> {
        self.connection
            .prepare_cached(
                "UPDATE source_documents SET size_bytes = ?2, modified_ns = ?3, changed_ns = ?4, inode = ?5,
                        settled = ?6, root = ?7
                 WHERE id = ?1",
            )?
            .execute((
                key,
                stamp.size,
                stamp.modified_ns,
                stamp.changed_ns,
                stamp.inode.cast_signed(),
                settled,
                root,
            ))?;
        Ok(())
    }
}

impl WriteTransaction<'_> {
    /// Stores a document: over the row `existing` when given and there, else over the row that has its path, else as a
    /// new one. Passages whose text is still there keep their ids. Another row that has the path of the file, of
    /// whatever project, is removed: the file is this document now.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn put_document(
        &self,
        existing: Option<i64>,
        project: &ProjectId,
        document: &IngestedDocument,
    ) -> Result<StoredChunks, StorageError> {
        let key_of = |sql, value: &dyn ToSql| -> Result<Option<i64>, StorageError> {
            Ok(self.connection.prepare_cached(sql)?.query_row([value], |row| row.get(0)).optional()?)
        };
        let existing = match existing {
            Some(key) => key_of("SELECT id FROM source_documents WHERE id = ?1", &key)?,
            None => None,
        };
        let in_place = key_of("SELECT id FROM source_documents WHERE file_path = ?1", &document.file_path)?;
        let key = match (existing, in_place) {
            (Some(key), Some(other)) if key != other => {
                self.remove_document(other)?;
                key
            }
            (Some(key), _) | (None, Some(key)) => key,
            (None, None) => self.insert_blank(&document.file_path)?,
        };
        let public_id: [u8; 12] = self
            .connection
            .prepare_cached(
                "UPDATE source_documents SET project_id = ?2, file_path = ?3, source_path = ?4, file_hash = ?5,
                        title = ?6, doc_type = ?7, tags = ?8, dated = ?9, size_bytes = ?10, modified_ns = ?11,
                        settled = ?12, chunked_by = ?13, encoding = ?14, front_matter = ?15, faults = ?16,
                        changed_ns = ?17, inode = ?18, root = ?19, committed = NULL
                 WHERE id = ?1 RETURNING public_id",
            )?
            .query_row(
                rusqlite::params![
                    key,
                    project.as_str(),
                    &document.file_path,
                    document.source_path.as_str(),
                    document.digest.as_bytes(),
                    &document.parsed.title,
                    document.parsed.format,
                    front_matter::tags_to_text(&document.parsed.tags),
                    document.parsed.date.map(|date| date.to_string()),
                    document.stamp.size,
                    document.stamp.modified_ns,
                    document.settled,
                    &document.chunked_by,
                    &document.encoding,
                    front_matter::fields_to_text(&document.parsed.front_matter),
                    front_matter::faults_to_text(&document.parsed.front_matter),
                    document.stamp.changed_ns,
                    document.stamp.inode.cast_signed(),
                    &document.root,
                ],
                |row| row.get(0),
            )?;
        self.touch(key)?;
        self.forget_rechunked(key)?;
        self.put_links(key, &document.parsed.links)?;
        self.put_chunks(key, public_id, &document.parsed.title, &document.parsed.chunks)
    }

    fn insert_blank(&self, file_path: &str) -> Result<i64, StorageError> {
        let mut public_id = [0; 12];
        public_id[..8].copy_from_slice(&operations::random_u64()?.to_le_bytes());
        public_id[8..].copy_from_slice(&operations::random_u64()?.to_le_bytes()[..4]);
        self.connection
            .prepare_cached(
                "INSERT INTO source_documents (public_id, project_id, file_path, source_path, file_hash, title,
                        doc_type, tags, size_bytes, modified_ns, settled, chunked_by)
                 VALUES (?1, '', ?2, '', x'', '', '', '', 0, 0, 0, '')",
            )?
            .execute((public_id, file_path))?;
        Ok(self.connection.last_insert_rowid())
    }

    /// Makes the passages of a document those of `chunks`.
    pub(super) fn put_chunks(
        &self,
        key: i64,
        document: [u8; 12],
        title: &str,
        chunks: &[ChunkDraft],
    ) -> Result<StoredChunks, StorageError> {
        let mut present: HashMap<[u8; 12], i64> = self
            .connection
            .prepare_cached("SELECT public_id, id FROM source_chunks WHERE document_id = ?1")?
            .query_map([key], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO source_chunks (public_id, document_id, chunk_index, heading_path, content, char_count,
                    first_line, last_line, text_digest, location)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?;
        let mut keep = self.connection.prepare_cached(
            "UPDATE source_chunks SET chunk_index = ?2, heading_path = ?3, first_line = ?4, last_line = ?5,
                    text_digest = ?6, location = ?7 WHERE id = ?1",
        )?;
        let mut stored = StoredChunks::default();
        let mut occurrences: HashMap<&str, u32> = HashMap::new();
        for (index, chunk) in chunks.iter().enumerate() {
            let occurrence = occurrences.entry(&chunk.text).or_default();
            let public_id = chunk_id(document, &chunk.text, *occurrence);
            *occurrence += 1;
            let LineSpan { first, last } = chunk.lines;
            let heading = chunk.heading_path.as_str();
            let text = text_digest(title, heading, &chunk.text);
            let location = chunk.location.as_ref().map(Location::as_str);
            if let Some(row) = present.remove(&public_id) {
                keep.execute((row, index, heading, first, last, text, location))?;
                stored.kept += 1;
            } else {
                let characters = chunk.text.chars().count();
                insert.execute((
                    public_id,
                    key,
                    index,
                    heading,
                    &chunk.text,
                    characters,
                    first,
                    last,
                    text,
                    location,
                ))?;
                stored.added += 1;
            }
        }
        let mut remove = self.connection.prepare_cached("DELETE FROM source_chunks WHERE id = ?1")?;
        for row in present.into_values() {
            remove.execute([row])?;
            stored.removed += 1;
        }
        Ok(stored)
    }

    /// Removes a document and its passages.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn remove_document(&self, key: i64) -> Result<(), StorageError> {
        self.touch(key)?;
        self.connection.prepare_cached("DELETE FROM source_documents WHERE id = ?1")?.execute([key])?;
        Ok(())
    }

    /// Removes everything that belongs to a project.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn remove_project(&self, project: &ProjectId) -> Result<u64, StorageError> {
        let rows = self.documents_of(project)?;
        for row in &rows {
            self.remove_document(row.key)?;
        }
        for table in ["refreshes", "questions", "work_trees"] {
            let sql = format!("DELETE FROM {table} WHERE project_id = ?1");
            self.connection.execute(&sql, [project.as_str()])?;
        }
        Ok(rows.len() as u64)
    }

    /// Leaves word for derived indexes that a document changed in this generation.
    pub(super) fn touch(&self, key: i64) -> Result<(), StorageError> {
        self.connection
            .prepare_cached(
                "INSERT INTO document_changes (document_id, generation) VALUES (?1, ?2)
                 ON CONFLICT (document_id) DO UPDATE SET generation = excluded.generation",
            )?
            .execute((key, self.version.generation.0))?;
        Ok(())
    }
}

/// The id of a passage: made from its document, its text, and how often the same text came before it in that
/// document, so that it stays for as long as those stay.
fn chunk_id(document: [u8; 12], text: &str, occurrence: u32) -> [u8; 12] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&document).update(&occurrence.to_le_bytes()).update(text.as_bytes());
    let mut id = [0; 12];
    id.copy_from_slice(&hasher.finalize().as_bytes()[..12]);
    id
}

/// The digest of what a model sees of a passage.
pub(super) fn text_digest(title: &str, heading_path: &str, content: &str) -> [u8; 32] {
    *blake3::hash(embedded_text(title, heading_path, content).as_bytes()).as_bytes()
}

fn chunk(row: &Row<'_>) -> Result<Chunk, StorageError> {
    Ok(Chunk {
        id: ChunkId::from_bytes(row.get(0)?),
        index: row.get(1)?,
        heading_path: HeadingPath::from_text(row.get(2)?),
        content: row.get(3)?,
        lines: LineSpan { first: row.get(4)?, last: row.get(5)? },
        location: row.get::<_, Option<String>>(6)?.map(Location::from_text),
        document: document(row, 7)?,
        stamp: stamp(row, 19)?,
    })
}

/// The columns of a stamp from number `at` on: size, both times, number.
pub(super) fn stamp(row: &Row<'_>, at: usize) -> rusqlite::Result<FileStamp> {
    Ok(FileStamp {
        size: row.get(at)?,
        modified_ns: row.get(at + 1)?,
        changed_ns: row.get(at + 2)?,
        inode: row.get::<_, i64>(at + 3)?.cast_unsigned(),
    })
}

/// The date of a document, of the columns from number `at` on: its own date or that of its commit, and when the file was
/// changed.
pub(super) fn date(row: &Row<'_>, at: usize) -> rusqlite::Result<Timestamp> {
    let dated = row.get_ref(at)?.as_str_or_null()?.and_then(Timestamp::parse);
    let modified = jiff::Timestamp::from_nanosecond(row.get::<_, i64>(at + 1)?.into()).unwrap_or_default();
    Ok(dated.unwrap_or_else(|| Timestamp::new(modified)))
}

/// The columns of a document from number `at` on: id, project, both paths, digest, title, tags, its own date, when the
/// file was changed, its encoding, front matter and the faults of that.
pub(super) fn document(row: &Row<'_>, at: usize) -> Result<Document, StorageError> {
    let (project, source_path): (String, String) = (row.get(at + 1)?, row.get(at + 3)?);
    let unreadable = |what, value: &str| StorageError::Value { what, value: value.to_owned() };
    Ok(Document {
        id: DocumentId::from_bytes(row.get(at)?),
        project: project.parse().map_err(|_| unreadable("a project id", &project))?,
        file_path: row.get(at + 2)?,
        source_path: source_path.parse().map_err(|_| unreadable("a path", &source_path))?,
        digest: Digest::from_bytes(row.get(at + 4)?),
        title: row.get(at + 5)?,
        tags: front_matter::tags_from_text(&row.get::<_, String>(at + 6)?),
        date: date(row, at + 7)?,
        encoding: row.get(at + 9)?,
        front_matter: front_matter::from_text(
            &row.get::<_, String>(at + 10)?,
            &row.get::<_, String>(at + 11)?,
        ),
    })
}
