//! Project state as rows.

use atocore_model::{
    fact::{Action, Category, Confidence, Content, FactId, StateEntry, StateKey, StateStatus},
    id::{Generation, ProjectId, StateId},
};
use rusqlite::{OptionalExtension, Row};

use super::{EnumColumn, ReadTransaction, StorageError, TimeColumn, WriteTransaction, new_id, other_kind};

const COLUMNS: &str = "public_id, project_id, category, key, value, source, confidence, status, created_at,
    updated_at, generation";

impl ReadTransaction<'_> {
    /// The state of a project by category and key; with `all`, also what no longer holds.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn state_of(&self, project: &ProjectId, all: bool) -> Result<Vec<StateEntry>, StorageError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM project_state
             WHERE project_id = ?1 AND (?2 OR status = 'active') ORDER BY category, key"
        ))?;
        let rows = statement.query_map((project.as_str(), all), entry)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// What is recorded under a category and key, whether it still holds or not.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn state_at(
        &self,
        project: &ProjectId,
        category: &Category,
        key: &StateKey,
    ) -> Result<Option<StateEntry>, StorageError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM project_state WHERE project_id = ?1 AND category = ?2 AND key = ?3"
        ))?;
        let found =
            statement.query_row((project.as_str(), category.as_str(), key.as_str()), entry).optional()?;
        if found.is_some() || key.as_str().is_ascii() {
            return Ok(found);
        }
        // Version 0.1.0 wrote keys in the form in which they were given.
        let mut all = self.state_of(project, true)?.into_iter();
        Ok(all.find(|entry| entry.category == *category && entry.key == *key))
    }

    /// The entry with that id.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn state_entry(&self, id: &StateId) -> Result<Option<StateEntry>, StorageError> {
        let Some(id) = id.to_bytes() else { return Ok(None) };
        let mut statement = self
            .connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM project_state WHERE public_id = ?1"))?;
        Ok(statement.query_row([id], entry).optional()?)
    }
}

impl WriteTransaction<'_> {
    /// Records what is true under a category and key, in place of what was there, with its line in the journal, and
    /// returns the id of the entry.
    ///
    /// # Errors
    /// When the store cannot be written, or the content is not of project state.
    pub fn put_state(
        &self,
        project: &ProjectId,
        category: &Category,
        key: &StateKey,
        content: &Content,
        action: Action,
    ) -> Result<StateId, StorageError> {
        if let Some(present) = self.state_at(project, category, key)? {
            let _found = self.put_content(&FactId::State(present.id.clone()), content, action, None)?;
            return Ok(present.id);
        }
        let bytes = new_id()?;
        let id = StateId::from_bytes(bytes);
        self.connection
            .prepare_cached(
                "INSERT INTO project_state (public_id, project_id, category, key, value, source, confidence, status,
                    created_at, updated_at, generation) VALUES (?1, ?2, ?3, ?4, '', '', 0, '', ?5, ?5, ?6)",
            )?
            .execute((
                bytes,
                project.as_str(),
                category.as_str(),
                key.as_str(),
                self.at.to_string(),
                self.version.generation.0,
            ))?;
        self.write_state(&id, content)?;
        self.journal(&FactId::State(id.clone()), Some(project), action, None, content, None)?;
        Ok(id)
    }

    pub(super) fn write_state(&self, id: &StateId, content: &Content) -> Result<(), StorageError> {
        let Content::State { value, source, confidence, status } = content else {
            return Err(other_kind(id.as_str()));
        };
        self.connection
            .prepare_cached(
                "UPDATE project_state SET value = ?2, source = ?3, confidence = ?4, status = ?5, updated_at = ?6,
                    generation = ?7 WHERE public_id = ?1",
            )?
            .execute((
                id.to_bytes(),
                value.as_str(),
                source.as_str(),
                confidence.get(),
                status.as_str(),
                self.at.to_string(),
                self.version.generation.0,
            ))?;
        Ok(())
    }
}

fn entry(row: &Row<'_>) -> rusqlite::Result<StateEntry> {
    let EnumColumn(project) = row.get(1)?;
    let EnumColumn(category) = row.get(2)?;
    let EnumColumn(key) = row.get(3)?;
    let EnumColumn(value) = row.get(4)?;
    let EnumColumn(source) = row.get(5)?;
    let EnumColumn::<StateStatus>(status) = row.get(7)?;
    let (TimeColumn(created_at), TimeColumn(updated_at)) = (row.get(8)?, row.get(9)?);
    Ok(StateEntry {
        id: StateId::from_bytes(row.get(0)?),
        project,
        category,
        key,
        value,
        source,
        confidence: confidence(row.get(6)?)?,
        status,
        created_at,
        updated_at,
        generation: Generation(row.get(10)?),
    })
}

/// A stored confidence.
pub(super) fn confidence(value: f64) -> rusqlite::Result<Confidence> {
    Confidence::new(value).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Real, Box::new(error))
    })
}
