//! Memories as rows.

use atocore_model::{
    fact::{Action, Content, FactId, FactText, Memory, MemoryFilter, MemoryStatus, MemoryType},
    id::{Generation, MemoryId, ProjectId},
};
use rusqlite::{OptionalExtension, Row};

use super::{
    EnumColumn, ReadTransaction, StorageError, TimeColumn, WriteTransaction, new_id, other_kind, project_of,
    state,
};

const COLUMNS: &str =
    "public_id, memory_type, content, project_id, source, confidence, status, superseded_by,
    created_at, updated_at, generation";

impl ReadTransaction<'_> {
    /// The memories that a filter lets through, newest first; `project` is what its name stands for.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn memories(
        &self,
        filter: &MemoryFilter,
        project: Option<&ProjectId>,
    ) -> Result<Vec<Memory>, StorageError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM memories
             WHERE (?1 IS NULL OR memory_type = ?1) AND (?2 IS NULL OR project_id = ?2)
               AND (?3 IS NULL OR status = ?3) AND (?4 IS NULL OR confidence >= ?4)
               AND (?5 IS NULL OR id < (SELECT id FROM memories WHERE public_id = ?5))
             ORDER BY id DESC LIMIT ?6"
        ))?;
        let rows = statement.query_map(
            (
                filter.memory_type.map(MemoryType::as_str),
                project.map(ProjectId::as_str),
                filter.status.map(MemoryStatus::as_str),
                filter.min_confidence.map(atocore_model::fact::Confidence::get),
                filter.after.as_ref().map(|id| id.to_bytes().unwrap_or_default()),
                filter.limit.get(),
            ),
            memory,
        )?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The memories that count for a project: those about it and those about every one, oldest first. Without a project
    /// only the latter.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn active_memories(&self, project: Option<&ProjectId>) -> Result<Vec<Memory>, StorageError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM memories
             WHERE status = 'active' AND (project_id IS NULL OR project_id = ?1) ORDER BY id"
        ))?;
        let rows = statement.query_map([project.map(ProjectId::as_str)], memory)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The memory with that id.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn memory(&self, id: &MemoryId) -> Result<Option<Memory>, StorageError> {
        let Some(id) = id.to_bytes() else { return Ok(None) };
        let mut statement = self
            .connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM memories WHERE public_id = ?1"))?;
        Ok(statement.query_row([id], memory).optional()?)
    }

    /// The memory that says exactly that already, as a candidate or as one that counts.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn same_memory(
        &self,
        memory_type: MemoryType,
        content: &FactText,
        project: Option<&ProjectId>,
    ) -> Result<Option<Memory>, StorageError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM memories
             WHERE status IN ('active', 'candidate') AND memory_type = ?1 AND project_id IS ?2 AND content = ?3
             ORDER BY status, id LIMIT 1"
        ))?;
        let key = (memory_type.as_str(), project.map(ProjectId::as_str), content.as_str());
        Ok(statement.query_row(key, memory).optional()?)
    }
}

impl WriteTransaction<'_> {
    /// Records a memory, with its line in the journal, and returns its id. `id` is for one that has an identity already.
    ///
    /// # Errors
    /// When the store cannot be written, or the content is not of a memory.
    pub fn add_memory(
        &self,
        id: Option<MemoryId>,
        project: Option<&ProjectId>,
        content: &Content,
        action: Action,
    ) -> Result<MemoryId, StorageError> {
        let id = id.map_or_else(|| new_id().map(MemoryId::from_bytes), Ok)?;
        self.connection
            .prepare_cached(
                "INSERT INTO memories (public_id, memory_type, content, project_id, source, confidence, status,
                    created_at, updated_at, generation) VALUES (?1, '', '', ?2, '', 0, '', ?3, ?3, ?4)",
            )?
            .execute((
                id.to_bytes(),
                project.map(ProjectId::as_str),
                self.at.to_string(),
                self.version.generation.0,
            ))?;
        self.write_memory(&id, content)?;
        self.journal(&FactId::Memory(id.clone()), project, action, None, content, None)?;
        Ok(id)
    }

    pub(super) fn write_memory(&self, id: &MemoryId, content: &Content) -> Result<(), StorageError> {
        let Content::Memory { memory_type, content, source, confidence, status, superseded_by } = content
        else {
            return Err(other_kind(id.as_str()));
        };
        self.connection
            .prepare_cached(
                "UPDATE memories SET memory_type = ?2, content = ?3, source = ?4, confidence = ?5, status = ?6,
                    superseded_by = ?7, updated_at = ?8, generation = ?9 WHERE public_id = ?1",
            )?
            .execute((
                id.to_bytes(),
                memory_type.as_str(),
                content.as_str(),
                source.as_str(),
                confidence.get(),
                status.as_str(),
                superseded_by.as_ref().and_then(MemoryId::to_bytes),
                self.at.to_string(),
                self.version.generation.0,
            ))?;
        Ok(())
    }
}

fn memory(row: &Row<'_>) -> rusqlite::Result<Memory> {
    let EnumColumn(memory_type) = row.get(1)?;
    let EnumColumn(content) = row.get(2)?;
    let EnumColumn(source) = row.get(4)?;
    let EnumColumn(status) = row.get(6)?;
    let (TimeColumn(created_at), TimeColumn(updated_at)) = (row.get(8)?, row.get(9)?);
    Ok(Memory {
        id: MemoryId::from_bytes(row.get(0)?),
        memory_type,
        content,
        project: project_of(row.get(3)?),
        source,
        confidence: state::confidence(row.get(5)?)?,
        status,
        superseded_by: row.get::<_, Option<[u8; 12]>>(7)?.map(MemoryId::from_bytes),
        created_at,
        updated_at,
        generation: Generation(row.get(10)?),
    })
}
