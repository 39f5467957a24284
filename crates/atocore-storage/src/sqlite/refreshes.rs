//! What the last refresh of each project came to.

use atocore_model::id::ProjectId;
use rusqlite::OptionalExtension;

use super::{BookkeepingTransaction, ReadTransaction, StorageError};

/// The last refresh of a project, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshRecord {
    /// The project.
    pub project: String,
    /// When it ended.
    pub at: String,
    /// The contract's word.
    pub status: String,
    /// Counts by state, a JSON object.
    pub counts: String,
    /// Roots that were skipped and files that failed, a JSON array.
    pub problems: String,
    /// What was left out, eight bytes for each, sorted; see [`ReadTransaction::left_out_of`].
    pub left_out: Vec<u8>,
}

impl ReadTransaction<'_> {
    /// The last refresh of every project, without what it left out.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn refreshes(&self) -> Result<Vec<RefreshRecord>, StorageError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT project_id, at, status, counts, problems FROM refreshes ORDER BY project_id",
        )?;
        let rows = statement.query_map([], |row| {
            Ok(RefreshRecord {
                project: row.get(0)?,
                at: row.get(1)?,
                status: row.get(2)?,
                counts: row.get(3)?,
                problems: row.get(4)?,
                left_out: Vec::new(),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl ReadTransaction<'_> {
    /// What the last refresh of a project left out; empty when there was none.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn left_out_of(&self, project: &ProjectId) -> Result<Vec<u8>, StorageError> {
        let sql = "SELECT left_out FROM refreshes WHERE project_id = ?1";
        let row = self.connection.prepare_cached(sql)?.query_row([project.as_str()], |row| row.get(0));
        Ok(row.optional()?.unwrap_or_default())
    }
}

impl BookkeepingTransaction<'_> {
    /// Keeps what a refresh of a project came to, in place of the one before.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn record_refresh(&self, record: &RefreshRecord) -> Result<(), StorageError> {
        self.connection
            .prepare_cached(
                "INSERT INTO refreshes (project_id, at, status, counts, problems, left_out)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (project_id) DO UPDATE SET at = excluded.at, status = excluded.status,
                        counts = excluded.counts, problems = excluded.problems, left_out = excluded.left_out",
            )?
            .execute((
                &record.project,
                &record.at,
                &record.status,
                &record.counts,
                &record.problems,
                &record.left_out,
            ))?;
        Ok(())
    }
}
