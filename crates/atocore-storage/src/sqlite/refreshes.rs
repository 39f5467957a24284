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
    /// The folders below its roots that a disk of their own is mounted at; see [`ReadTransaction::mounts_of`].
    pub mounts: Vec<String>,
}

impl ReadTransaction<'_> {
    /// The last refresh of every project, without what only the next one needs to know.
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
                mounts: Vec::new(),
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

    /// The folders, by absolute path, that a disk of their own was mounted at when a project was last refreshed, or
    /// before and whose documents were kept when it was gone; none when there was no refresh.
    ///
    /// # Errors
    /// When the store cannot be read, or that is no list.
    pub fn mounts_of(&self, project: &ProjectId) -> Result<Vec<String>, StorageError> {
        let sql = "SELECT mounts FROM refreshes WHERE project_id = ?1";
        let row = self.connection.prepare_cached(sql)?.query_row([project.as_str()], |row| row.get(0));
        let Some(value): Option<String> = row.optional()? else { return Ok(Vec::new()) };
        serde_json::from_str(&value).map_err(|_| StorageError::Value { what: "mounts", value })
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
                "INSERT INTO refreshes (project_id, at, status, counts, problems, left_out, mounts)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                 ON CONFLICT (project_id) DO UPDATE SET at = excluded.at, status = excluded.status,
                        counts = excluded.counts, problems = excluded.problems, left_out = excluded.left_out,
                        mounts = excluded.mounts",
            )?
            .execute((
                &record.project,
                &record.at,
                &record.status,
                &record.counts,
                &record.problems,
                &record.left_out,
                serde_json::Value::from(record.mounts.as_slice()).to_string(),
            ))?;
        Ok(())
    }
}
