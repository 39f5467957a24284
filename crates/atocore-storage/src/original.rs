//! Reads what the original AtoCore, the program in Python, has stored. Nothing of it is written, opened or locked: it is
//! copied first, and the copy is read.

use std::{collections::BTreeSet, path::Path};

use rusqlite::{Connection, OptionalExtension, Row};

use crate::{
    files,
    sqlite::{APPLICATION_ID, StorageError, harden, refuse_programs},
};

/// A document of the original.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginalDocument {
    /// Its id.
    pub id: String,
    /// The path of its file.
    pub file_path: String,
    /// Its title; may be empty.
    pub title: String,
    /// Its tags, a JSON array as text.
    pub tags: String,
    /// When it was last read; in either of two forms.
    pub updated_at: String,
}

/// A passage of the original.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginalChunk {
    /// The headings above it.
    pub heading_path: String,
    /// Its text.
    pub content: String,
}

/// An entry of project state of the original.
#[derive(Debug, Clone, PartialEq)]
pub struct OriginalState {
    /// The name of its project, else its id.
    pub project: String,
    /// Its category.
    pub category: String,
    /// Its key.
    pub key: String,
    /// What it says.
    pub value: String,
    /// Where it comes from.
    pub source: String,
    /// How sure somebody was.
    pub confidence: f64,
    /// Whether it holds.
    pub status: String,
    /// When it was recorded.
    pub created_at: String,
    /// When it was changed.
    pub updated_at: String,
}

/// A memory of the original.
#[derive(Debug, Clone, PartialEq)]
pub struct OriginalMemory {
    /// Its id.
    pub id: String,
    /// Its type.
    pub memory_type: String,
    /// What it says.
    pub content: String,
    /// The name of its project; empty for none.
    pub project: String,
    /// How sure somebody was.
    pub confidence: f64,
    /// Whether it counts.
    pub status: String,
    /// When it was recorded.
    pub created_at: String,
    /// When it was changed.
    pub updated_at: String,
}

/// An interaction of the original.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginalInteraction {
    /// What was asked.
    pub prompt: String,
    /// What was answered.
    pub response: String,
    /// The answer in short.
    pub summary: String,
    /// The name of its project; empty for none.
    pub project: String,
    /// Who asked.
    pub client: String,
    /// Which conversation.
    pub session: String,
    /// Ids, a JSON array as text.
    pub memories_used: String,
    /// Ids, a JSON array as text.
    pub chunks_used: String,
    /// What the model was given, a JSON object as text.
    pub context_pack: String,
    /// When it was recorded.
    pub created_at: String,
}

/// A copy of a store of the original.
#[derive(Debug)]
pub struct OriginalStore {
    connection: Connection,
}

impl OriginalStore {
    /// Copies the store with its write-ahead log into `scratch`, an empty folder, and opens the copy.
    ///
    /// # Errors
    /// When it is missing or damaged; [`StorageError::NotOriginal`] for a store of this program, and
    /// [`StorageError::Foreign`] for any other database.
    pub fn copy(database: &Path, scratch: &Path) -> Result<Self, StorageError> {
        if !database.is_file() {
            return Err(StorageError::Missing(database.to_owned()));
        }
        let copy = scratch.join("original.db");
        for ending in ["", "-wal"] {
            let [from, to] = [database, &copy].map(|path| files::with_ending(path, ending));
            if from.is_file() {
                let _bytes = files::copy_synced(&from, &to)?;
            }
        }
        let store = Self { connection: Connection::open(&copy)? };
        harden(&store.connection)?;
        let complaint: String = store.connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if complaint != "ok" {
            return Err(StorageError::Value { what: "a damaged page", value: complaint });
        }
        let application: i32 =
            store.connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
        if application == APPLICATION_ID {
            return Err(StorageError::NotOriginal);
        }
        if application != 0 || store.columns("source_documents")?.is_empty() {
            return Err(StorageError::Foreign);
        }
        Ok(store)
    }

    /// Every document, by path.
    ///
    /// # Errors
    /// When the copy cannot be read.
    pub fn documents(&self) -> Result<Vec<OriginalDocument>, StorageError> {
        self.rows(
            "source_documents",
            &["id", "file_path", "title", "tags", "updated_at|ingested_at"],
            "ORDER BY file_path",
            |row| {
                Ok(OriginalDocument {
                    id: row.get(0)?,
                    file_path: row.get(1)?,
                    title: row.get(2)?,
                    tags: row.get(3)?,
                    updated_at: row.get(4)?,
                })
            },
        )
    }

    /// The passages of a document, in their order.
    ///
    /// # Errors
    /// When the copy cannot be read.
    pub fn chunks(&self, document: &str) -> Result<Vec<OriginalChunk>, StorageError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {}, {} FROM source_chunks t WHERE CAST(document_id AS TEXT) = ?1 ORDER BY chunk_index",
            self.text("source_chunks", "heading_path")?,
            self.text("source_chunks", "content")?,
        ))?;
        let rows = statement.query_map([document], |row| {
            Ok(OriginalChunk { heading_path: row.get(0)?, content: row.get(1)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Every entry of project state.
    ///
    /// # Errors
    /// When the copy cannot be read.
    pub fn state(&self) -> Result<Vec<OriginalState>, StorageError> {
        let names = self.projects()?;
        let mut state = self.rows(
            "project_state",
            &[
                "project_id",
                "category",
                "key",
                "value",
                "source",
                "status",
                "created_at",
                "updated_at",
                "confidence",
            ],
            "ORDER BY 1, 2, 3",
            |row| {
                Ok(OriginalState {
                    project: row.get(0)?,
                    category: row.get(1)?,
                    key: row.get(2)?,
                    value: row.get(3)?,
                    source: row.get(4)?,
                    status: row.get(5)?,
                    created_at: row.get(6)?,
                    updated_at: row.get(7)?,
                    confidence: number(row, 8)?,
                })
            },
        )?;
        for entry in &mut state {
            if let Some((_, name)) = names.iter().find(|(id, _)| *id == entry.project) {
                entry.project.clone_from(name);
            }
        }
        Ok(state)
    }

    /// Every memory, oldest first.
    ///
    /// # Errors
    /// When the copy cannot be read.
    pub fn memories(&self) -> Result<Vec<OriginalMemory>, StorageError> {
        self.rows(
            "memories",
            &["id", "memory_type", "content", "project", "status", "created_at", "updated_at", "confidence"],
            "ORDER BY rowid",
            |row| {
                Ok(OriginalMemory {
                    id: row.get(0)?,
                    memory_type: row.get(1)?,
                    content: row.get(2)?,
                    project: row.get(3)?,
                    status: row.get(4)?,
                    created_at: row.get(5)?,
                    updated_at: row.get(6)?,
                    confidence: number(row, 7)?,
                })
            },
        )
    }

    /// Every interaction, oldest first.
    ///
    /// # Errors
    /// When the copy cannot be read.
    pub fn interactions(&self) -> Result<Vec<OriginalInteraction>, StorageError> {
        self.rows(
            "interactions",
            &[
                "prompt",
                "response",
                "response_summary",
                "project|project_id",
                "client",
                "session_id",
                "memories_used",
                "chunks_used",
                "context_pack",
                "created_at",
            ],
            "ORDER BY rowid",
            |row| {
                Ok(OriginalInteraction {
                    prompt: row.get(0)?,
                    response: row.get(1)?,
                    summary: row.get(2)?,
                    project: row.get(3)?,
                    client: row.get(4)?,
                    session: row.get(5)?,
                    memories_used: row.get(6)?,
                    chunks_used: row.get(7)?,
                    context_pack: row.get(8)?,
                    created_at: row.get(9)?,
                })
            },
        )
    }

    /// Id and name of every project that has rows of its own.
    fn projects(&self) -> Result<Vec<(String, String)>, StorageError> {
        self.rows("projects", &["id", "name"], "", |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// The rows of a table that may not be there, with columns that may not be there: `a|b` is the first there is of both.
    fn rows<T>(
        &self,
        table: &str,
        columns: &[&str],
        order: &str,
        row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StorageError> {
        if self.columns(table)?.is_empty() {
            return Ok(Vec::new());
        }
        let columns = columns.iter().map(|column| self.text(table, column)).collect::<Result<Vec<_>, _>>()?;
        let sql = format!("SELECT {} FROM {table} t {order}", columns.join(", "));
        let mut statement = self.connection.prepare(&sql)?;
        Ok(statement.query_map([], row)?.collect::<Result<_, _>>()?)
    }

    /// A column as text that is never null.
    fn text(&self, table: &str, column: &str) -> Result<String, StorageError> {
        let known = self.columns(table)?;
        let found: Vec<_> = column.split('|').filter(|name| known.contains(*name)).collect();
        let values = found.iter().map(|name| format!("nullif(CAST(t.{name} AS TEXT), '')"));
        let values: Vec<_> = values.chain(["''".to_owned()]).collect();
        Ok(if values.len() == 1 { "''".to_owned() } else { format!("coalesce({})", values.join(", ")) })
    }

    /// The columns of a table; none when there is no such table.
    fn columns(&self, table: &str) -> Result<BTreeSet<String>, StorageError> {
        let mut statement = self.connection.prepare_cached("SELECT name FROM pragma_table_info(?1)")?;
        let names = statement.query_map([table], |row| row.get(0))?;
        Ok(names.collect::<Result<_, _>>()?)
    }
}

/// How many vectors lie in the folder of the original's vector store; `None` when that cannot be told.
#[must_use]
pub fn vectors_in(folder: &Path, scratch: &Path) -> Option<u64> {
    let (database, copy) = (folder.join("chroma.sqlite3"), scratch.join("vectors.db"));
    let _bytes = files::copy_synced(&database, &copy).ok()?;
    let connection = Connection::open(&copy).ok()?;
    harden(&connection).ok()?;
    refuse_programs(&connection).ok()?;
    connection.query_row("SELECT count(*) FROM embeddings", [], |row| row.get(0)).optional().ok()?
}

/// A number that may be text, or missing: then it is 1, as the original meant it.
fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<f64> {
    let text: String = row.get(column)?;
    Ok(text.parse().unwrap_or(1.0))
}
