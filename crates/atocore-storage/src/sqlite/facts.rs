//! Facts as rows, and the journal in which every change of them is kept.
//!
//! A change of a fact is one row of its table and one line of the journal, in one transaction. The journal has the whole
//! of what a change can change, before and after, so that any change can be taken back and the last line of a fact
//! always equals its row.

mod changes;
mod content;
mod interactions;
mod memories;
mod state;

use std::str::FromStr;

use atocore_model::{
    fact::{Action, Content, FactId},
    id::ProjectId,
    time::Timestamp,
};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(super) use changes::complaints;

use super::{ReadTransaction, StorageError, WriteTransaction, operations};

/// How many facts there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct FactCounts {
    /// Entries of project state that hold.
    pub project_state: u64,
    /// Memories that count.
    pub memories: u64,
    /// Memories that wait for a person.
    pub candidates: u64,
    /// Interactions.
    pub interactions: u64,
}

/// A text of the store as the checked value it was when it was stored.
struct EnumColumn<T>(T);

impl<T: FromStr> FromSql for EnumColumn<T>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str()?.parse().map(EnumColumn).map_err(|error: T::Err| FromSqlError::Other(Box::new(error)))
    }
}

/// A point in time of the store.
struct TimeColumn(Timestamp);

impl FromSql for TimeColumn {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Timestamp::parse(value.as_str()?).map(TimeColumn).ok_or(FromSqlError::InvalidType)
    }
}

/// The bytes of a new public id.
fn new_id() -> Result<[u8; 12], StorageError> {
    let mut bytes = [0; 12];
    bytes[..8].copy_from_slice(&operations::random_u64()?.to_le_bytes());
    bytes[8..].copy_from_slice(&operations::random_u64()?.to_le_bytes()[..4]);
    Ok(bytes)
}

/// That the content for a fact is that of another kind.
fn other_kind(fact: &str) -> StorageError {
    StorageError::Value { what: "the content of another kind of fact", value: fact.to_owned() }
}

/// The name of a project as the journal keeps it.
fn project_of(text: Option<EnumColumn<ProjectId>>) -> Option<ProjectId> {
    text.map(|EnumColumn(project)| project)
}

impl ReadTransaction<'_> {
    /// How many facts there are.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn fact_counts(&self) -> Result<FactCounts, StorageError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT (SELECT count(*) FROM project_state WHERE status = 'active'),
                    (SELECT count(*) FROM memories WHERE status = 'active'),
                    (SELECT count(*) FROM memories WHERE status = 'candidate'),
                    (SELECT count(*) FROM interactions WHERE status = 'recorded')",
        )?;
        Ok(statement.query_row([], |row| {
            Ok(FactCounts {
                project_state: row.get(0)?,
                memories: row.get(1)?,
                candidates: row.get(2)?,
                interactions: row.get(3)?,
            })
        })?)
    }

    /// How many facts belong to a project, of all kinds and whether they still hold or not.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn facts_of(&self, project: &ProjectId) -> Result<u64, StorageError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT (SELECT count(*) FROM project_state WHERE project_id = ?1)
                  + (SELECT count(*) FROM memories WHERE project_id = ?1)
                  + (SELECT count(*) FROM interactions WHERE project_id = ?1)",
        )?;
        Ok(statement.query_row([project.as_str()], |row| row.get(0))?)
    }
}

impl WriteTransaction<'_> {
    /// Gives a fact what it can have, whichever it is, with its line in the journal. `None` when there is no such fact.
    ///
    /// # Errors
    /// When the store cannot be written, or the content is not of that kind of fact.
    pub fn put_content(
        &self,
        fact: &FactId,
        content: &Content,
        action: Action,
        reverses: Option<u64>,
    ) -> Result<Option<()>, StorageError> {
        let Some((before, project)) = self.content_of(fact)? else { return Ok(None) };
        match fact {
            FactId::State(id) => self.write_state(id, content)?,
            FactId::Memory(id) => self.write_memory(id, content)?,
            FactId::Interaction(id) => self.write_interaction(id, content)?,
        }
        self.journal(fact, project.as_ref(), action, Some(&before), content, reverses)?;
        Ok(Some(()))
    }
}

impl WriteTransaction<'_> {
    /// Gives a fact that was taken over from elsewhere the times it had there.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn date_fact(
        &self,
        fact: &FactId,
        created: Timestamp,
        updated: Timestamp,
    ) -> Result<(), StorageError> {
        let (created, updated) = (created.to_string(), updated.to_string());
        let sql = match fact {
            FactId::State(_) => {
                "UPDATE project_state SET created_at = ?2, updated_at = ?3 WHERE public_id = ?1"
            }
            FactId::Memory(_) => "UPDATE memories SET created_at = ?2, updated_at = ?3 WHERE public_id = ?1",
            FactId::Interaction(_) => "UPDATE interactions SET created_at = min(?2, ?3) WHERE public_id = ?1",
        };
        let id = fact.to_bytes();
        let _rows = self.connection.prepare_cached(sql)?.execute((id, created, updated))?;
        Ok(())
    }
}

impl ReadTransaction<'_> {
    /// What a fact is now, and its project.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn content_of(&self, fact: &FactId) -> Result<Option<(Content, Option<ProjectId>)>, StorageError> {
        Ok(match fact {
            FactId::State(id) => {
                self.state_entry(id)?.map(|entry| (content::of_state(&entry), Some(entry.project)))
            }
            FactId::Memory(id) => {
                self.memory(id)?.map(|memory| (content::of_memory(&memory), memory.project))
            }
            FactId::Interaction(id) => self
                .interaction_status(id)?
                .map(|(status, project)| (Content::Interaction { status }, project)),
        })
    }
}

#[cfg(test)]
mod tests;
