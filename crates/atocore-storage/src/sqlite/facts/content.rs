//! What a change of a fact can change, as the JSON of the journal.

use atocore_model::fact::{Confidence, Content, Memory, StateEntry};
use serde::{Deserialize, Serialize};

use super::StorageError;

/// A [`Content`] as it is stored. A journal outlives the program that wrote it: names are never changed.
#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum StoredContent {
    State {
        value: String,
        source: String,
        confidence: f64,
        status: String,
    },
    Memory {
        memory_type: String,
        content: String,
        source: String,
        confidence: f64,
        status: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        superseded_by: Option<String>,
    },
    Interaction {
        status: String,
    },
}

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
    let stored = match content {
        Content::State { value, source, confidence, status } => StoredContent::State {
            value: value.to_string(),
            source: source.to_string(),
            confidence: confidence.get(),
            status: status.to_string(),
        },
        Content::Memory { memory_type, content, source, confidence, status, superseded_by } => {
            StoredContent::Memory {
                memory_type: memory_type.to_string(),
                content: content.to_string(),
                source: source.to_string(),
                confidence: confidence.get(),
                status: status.to_string(),
                superseded_by: superseded_by.as_ref().map(ToString::to_string),
            }
        }
        Content::Interaction { status } => StoredContent::Interaction { status: status.to_string() },
    };
    serde_json::to_string(&stored).map_err(|error| unreadable(&error.to_string()))
}

/// Reads it back.
pub(super) fn from_json(text: &str) -> Result<Content, StorageError> {
    let stored: StoredContent = serde_json::from_str(text).map_err(|_| unreadable(text))?;
    read(stored).ok_or_else(|| unreadable(text))
}

fn read(stored: StoredContent) -> Option<Content> {
    Some(match stored {
        StoredContent::State { value, source, confidence, status } => Content::State {
            value: value.parse().ok()?,
            source: source.parse().ok()?,
            confidence: Confidence::new(confidence).ok()?,
            status: status.parse().ok()?,
        },
        StoredContent::Memory { memory_type, content, source, confidence, status, superseded_by } => {
            Content::Memory {
                memory_type: memory_type.parse().ok()?,
                content: content.parse().ok()?,
                source: source.parse().ok()?,
                confidence: Confidence::new(confidence).ok()?,
                status: status.parse().ok()?,
                superseded_by: superseded_by.map(|id| id.parse()).transpose().ok()?,
            }
        }
        StoredContent::Interaction { status } => Content::Interaction { status: status.parse().ok()? },
    })
}

fn unreadable(text: &str) -> StorageError {
    StorageError::Value { what: "a line of the journal of facts", value: text.chars().take(200).collect() }
}
