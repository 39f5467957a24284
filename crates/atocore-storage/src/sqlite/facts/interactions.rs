//! Interactions as rows.

use atocore_model::{
    fact::{
        Action, Content, FactId, Interaction, InteractionFilter, Label, NewInteraction,
        interaction::InteractionStatus,
    },
    id::{InteractionId, ProjectId},
};
use rusqlite::{OptionalExtension, Row};
use serde::Serialize;

use super::{
    EnumColumn, ReadTransaction, StorageError, TimeColumn, WriteTransaction, new_id, other_kind, project_of,
};

const COLUMNS: &str = "public_id, prompt, response, summary, project_id, client, session_id, memories_used,
    chunks_used, context_pack, created_at";

impl ReadTransaction<'_> {
    /// The interactions that a filter lets through, newest first; `project` is what its name stands for. None whose
    /// recording was taken back.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn interactions(
        &self,
        filter: &InteractionFilter,
        project: Option<&ProjectId>,
    ) -> Result<Vec<Interaction>, StorageError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM interactions
             WHERE status = 'recorded' AND (?1 IS NULL OR project_id = ?1) AND (?2 IS NULL OR session_id = ?2)
               AND (?3 IS NULL OR client = ?3) AND (?4 IS NULL OR created_at >= ?4)
               AND (?5 IS NULL OR id < (SELECT id FROM interactions WHERE public_id = ?5))
             ORDER BY id DESC LIMIT ?6"
        ))?;
        let rows = statement.query_map(
            (
                project.map(ProjectId::as_str),
                filter.session.as_ref().map(Label::as_str),
                filter.client.as_ref().map(Label::as_str),
                filter.since.map(|since| since.to_string()),
                filter.after.as_ref().map(|id| id.to_bytes().unwrap_or_default()),
                filter.limit.get(),
            ),
            interaction,
        )?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The interaction with that id, unless its recording was taken back.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn interaction(&self, id: &InteractionId) -> Result<Option<Interaction>, StorageError> {
        let Some(id) = id.to_bytes() else { return Ok(None) };
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM interactions WHERE public_id = ?1 AND status = 'recorded'"
        ))?;
        Ok(statement.query_row([id], interaction).optional()?)
    }

    pub(super) fn interaction_status(
        &self,
        id: &InteractionId,
    ) -> Result<Option<(InteractionStatus, Option<ProjectId>)>, StorageError> {
        let Some(id) = id.to_bytes() else { return Ok(None) };
        let mut statement = self
            .connection
            .prepare_cached("SELECT status, project_id FROM interactions WHERE public_id = ?1")?;
        let found = statement.query_row([id], |row| {
            let EnumColumn(status) = row.get(0)?;
            Ok((status, project_of(row.get(1)?)))
        });
        Ok(found.optional()?)
    }
}

impl WriteTransaction<'_> {
    /// Records an interaction, with its line in the journal, and returns its id; `project` is what its name stands for.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn add_interaction(
        &self,
        new: &NewInteraction,
        project: Option<&ProjectId>,
    ) -> Result<InteractionId, StorageError> {
        let bytes = new_id()?;
        self.connection
            .prepare_cached(
                "INSERT INTO interactions (public_id, prompt, response, summary, project_id, client, session_id,
                    memories_used, chunks_used, context_pack, status, created_at, generation)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 'recorded', ?11, ?12)",
            )?
            .execute((
                bytes,
                new.prompt.as_str(),
                new.response.as_str(),
                new.response_summary.as_str(),
                project.map(ProjectId::as_str),
                new.client.as_str(),
                new.session_id.as_str(),
                json(&new.memories_used)?,
                json(&new.chunks_used)?,
                json(&new.context_pack)?,
                self.at.to_string(),
                self.version.generation.0,
            ))?;
        let id = InteractionId::from_bytes(bytes);
        let content = Content::Interaction { status: InteractionStatus::Recorded };
        self.journal(&FactId::Interaction(id.clone()), project, Action::Create, None, &content, None)?;
        Ok(id)
    }

    pub(super) fn write_interaction(
        &self,
        id: &InteractionId,
        content: &Content,
    ) -> Result<(), StorageError> {
        let Content::Interaction { status } = content else {
            return Err(other_kind(id.as_str()));
        };
        self.connection
            .prepare_cached("UPDATE interactions SET status = ?2, generation = ?3 WHERE public_id = ?1")?
            .execute((id.to_bytes(), status.as_str(), self.version.generation.0))?;
        Ok(())
    }
}

fn json(value: &impl Serialize) -> Result<String, StorageError> {
    serde_json::to_string(value)
        .map_err(|error| StorageError::Value { what: "what a model was given", value: error.to_string() })
}

fn interaction(row: &Row<'_>) -> rusqlite::Result<Interaction> {
    let EnumColumn(prompt) = row.get(1)?;
    let EnumColumn(response) = row.get(2)?;
    let EnumColumn(response_summary) = row.get(3)?;
    let EnumColumn(client) = row.get(5)?;
    let EnumColumn(session_id) = row.get(6)?;
    let TimeColumn(created_at) = row.get(10)?;
    let ids = |column: usize| -> rusqlite::Result<Vec<String>> {
        let text: String = row.get(column)?;
        serde_json::from_str(&text).map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
        })
    };
    Ok(Interaction {
        id: InteractionId::from_bytes(row.get(0)?),
        prompt,
        response,
        response_summary,
        project: project_of(row.get(4)?),
        client,
        session_id,
        memories_used: ids(7)?,
        chunks_used: ids(8)?,
        // It was an object when it was recorded.
        context_pack: serde_json::from_str(&row.get::<_, String>(9)?).unwrap_or_default(),
        created_at,
    })
}
