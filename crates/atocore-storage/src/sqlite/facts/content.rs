//! What a change of a fact can change, as the JSON of the journal.

use atocore_model::fact::{Content, Memory, StateEntry};

use super::StorageError;

pub(super) fn of_state(entry: &StateEntry) -> Content {
    Content::State {
        value: entry.value.clone(),
        source: entry.source.clone(),
        confidence: entry.confidence,
        status: entry.status,
    }
}

pub(super) fn of_memory(memory: &Memory) -> Content {
    Content::Memory {
        memory_type: memory.memory_type,
        content: memory.content.clone(),
        source: memory.source.clone(),
        confidence: memory.confidence,
        status: memory.status,
        superseded_by: memory.superseded_by.clone(),
    }
}

/// The content as JSON.
pub(super) fn to_json(content: &Content) -> Result<String, StorageError> {
    serde_json::to_string(content).map_err(|error| unreadable(&error.to_string()))
}

/// Reads it back.
pub(super) fn from_json(text: &str) -> Result<Content, StorageError> {
    serde_json::from_str(text).map_err(|_| unreadable(text))
}

fn unreadable(text: &str) -> StorageError {
    StorageError::Value { what: "a line of the journal of facts", value: text.chars().take(200).collect() }
}
