//! When documents were last changed, by the history of the repositories that they are in.

use std::path::Path;

use atocore_model::{document::FileStamp, id::ProjectId, time::Timestamp};

use super::{BookkeepingTransaction, ReadTransaction, StorageError, documents::stamp};

/// What is known of when a document was committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitDate {
    /// Nobody has looked since it was stored.
    Unknown,
    /// It could not be told with the commit that was checked out.
    Untold,
    /// No commit gave the file the bytes it has.
    Never,
    /// When the commit was written that did.
    At(Timestamp),
}

/// What an undecided [`CommitDate`] is in a row: none that a date could be.
const UNTOLD: &str = "?";

impl CommitDate {
    /// The date, where there is one.
    #[must_use]
    pub const fn date(self) -> Option<Timestamp> {
        match self {
            Self::At(date) => Some(date),
            Self::Unknown | Self::Untold | Self::Never => None,
        }
    }

    fn from_column(column: Option<&str>) -> Self {
        match column {
            None => Self::Unknown,
            Some(UNTOLD) => Self::Untold,
            Some(text) => Timestamp::parse(text).map_or(Self::Never, Self::At),
        }
    }

    fn to_column(self) -> Option<String> {
        match self {
            Self::Unknown => None,
            Self::Untold => Some(UNTOLD.to_owned()),
            Self::Never => Some(String::new()),
            Self::At(date) => Some(date.to_string()),
        }
    }
}

/// A document, and what is known of when it was committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommittedDocument {
    /// The key of its row.
    pub key: i64,
    /// Absolute path of the file.
    pub file_path: String,
    /// What the system said of the file when it was read.
    pub stamp: FileStamp,
    /// When it was committed.
    pub committed: CommitDate,
}

/// A work tree of git, and the commit that was checked out in it when the dates of its documents were told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatedWorkTree {
    /// Absolute path of its folder.
    pub folder: String,
    /// The commit in hexadecimal.
    pub head: String,
}

impl DatedWorkTree {
    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        Path::new(&self.folder)
    }

    /// Whether a file lies below it.
    #[must_use]
    pub fn has(&self, file_path: &str) -> bool {
        Path::new(file_path).starts_with(&self.folder)
    }
}

impl ReadTransaction<'_> {
    /// The work trees that documents of a project were dated by.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn work_trees(&self, project: &ProjectId) -> Result<Vec<DatedWorkTree>, StorageError> {
        let mut statement =
            self.connection.prepare_cached("SELECT folder, head FROM work_trees WHERE project_id = ?1")?;
        let rows = statement.query_map([project.as_str()], |row| {
            Ok(DatedWorkTree { folder: row.get(0)?, head: row.get(1)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Whether a project has documents whose commits nobody has looked for.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn has_undated_documents(&self, project: &ProjectId) -> Result<bool, StorageError> {
        let sql =
            "SELECT EXISTS (SELECT 1 FROM source_documents WHERE project_id = ?1 AND committed IS NULL)";
        Ok(self.connection.prepare_cached(sql)?.query_row([project.as_str()], |row| row.get(0))?)
    }

    /// Every document of a project, in no certain order.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn committed_documents(&self, project: &ProjectId) -> Result<Vec<CommittedDocument>, StorageError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, file_path, committed, size_bytes, modified_ns, changed_ns, inode
             FROM source_documents WHERE project_id = ?1",
        )?;
        let rows = statement.query_map([project.as_str()], |row| {
            Ok(CommittedDocument {
                key: row.get(0)?,
                file_path: row.get(1)?,
                stamp: stamp(row, 3)?,
                committed: CommitDate::from_column(row.get_ref(2)?.as_str_or_null()?),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl BookkeepingTransaction<'_> {
    /// Notes when a document was committed. One that has another date by that changes what is answered, so that belongs into a
    /// [`WriteTransaction`](super::WriteTransaction).
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn date_document(&self, key: i64, committed: CommitDate) -> Result<(), StorageError> {
        let sql = "UPDATE source_documents SET committed = ?2 WHERE id = ?1";
        self.connection.prepare_cached(sql)?.execute((key, committed.to_column()))?;
        Ok(())
    }

    /// Makes the work trees that documents of a project were dated by these.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn put_work_trees(
        &self,
        project: &ProjectId,
        work_trees: &[DatedWorkTree],
    ) -> Result<(), StorageError> {
        self.connection.execute("DELETE FROM work_trees WHERE project_id = ?1", [project.as_str()])?;
        let mut insert = self
            .connection
            .prepare_cached("INSERT INTO work_trees (project_id, folder, head) VALUES (?1, ?2, ?3)")?;
        for tree in work_trees {
            insert.execute((project.as_str(), &tree.folder, &tree.head))?;
        }
        Ok(())
    }
}
