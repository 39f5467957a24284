//! Facts as JSON: project state, memories, interactions, and the journal of their changes.

use std::collections::BTreeSet;

use atocore_engine as engine;
use atocore_model::fact as model;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One thing that is true of a project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StateEntry {
    /// Its id; stays through all its values.
    pub id: String,
    /// The id of the project.
    pub project: String,
    /// What sort of thing, in lower case.
    #[schema(example = "decision")]
    pub category: String,
    /// Which one of its category.
    #[schema(example = "database")]
    pub key: String,
    /// What is true.
    pub value: String,
    /// Where it comes from; may be empty.
    pub source: String,
    /// How sure somebody was: 0 to 1.
    pub confidence: f64,
    /// `active`, or `invalid` when it does not hold any more.
    pub status: String,
    /// When it was first recorded.
    pub created_at: String,
    /// When it was last changed.
    pub updated_at: String,
    /// The generation of its last change.
    pub generation: u64,
}

/// What is recorded of a project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProjectState {
    /// The id of the project.
    pub project: String,
    /// The entries, by category and key.
    pub entries: Vec<StateEntry>,
    /// The categories there are among them.
    pub categories: Vec<String>,
    /// The generation that this shows.
    pub generation: u64,
}

/// Something remembered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Memory {
    /// Its id.
    pub id: String,
    /// `identity`, `preference`, `project`, `episodic`, `knowledge` or `adaptation`.
    #[schema(example = "preference")]
    pub memory_type: String,
    /// What is remembered.
    pub content: String,
    /// The id of the project it is about; empty for every one.
    pub project: String,
    /// Where it comes from; may be empty.
    pub source: String,
    /// How sure somebody was: 0 to 1.
    pub confidence: f64,
    /// `candidate`, `active`, `superseded` or `invalid`.
    pub status: String,
    /// The memory that took its place; null when none did.
    pub superseded_by: Option<String>,
    /// When it was recorded.
    pub created_at: String,
    /// When it was last changed.
    pub updated_at: String,
    /// The generation of its last change.
    pub generation: u64,
}

/// A page of memories, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MemoryList {
    /// The memories.
    pub memories: Vec<Memory>,
    /// The types there are.
    pub types: Vec<String>,
    /// The id to give as `after` for the next page; null when there is none.
    pub next: Option<String>,
    /// The generation that this shows.
    pub generation: u64,
}

/// An exchange with a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Interaction {
    /// Its id.
    pub id: String,
    /// What was asked.
    pub prompt: String,
    /// What was answered.
    pub response: String,
    /// The answer in short; may be empty.
    pub response_summary: String,
    /// The id of the project it was about; may be empty.
    pub project: String,
    /// Who asked; may be empty.
    pub client: String,
    /// Which conversation; may be empty.
    pub session_id: String,
    /// The ids of the memories that the model was given.
    pub memories_used: Vec<String>,
    /// The ids of the passages that the model was given.
    pub chunks_used: Vec<String>,
    /// What the model was given, as the client put it.
    pub context_pack: serde_json::Map<String, serde_json::Value>,
    /// When it was recorded.
    pub created_at: String,
}

/// A page of interactions, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct InteractionList {
    /// How many there are on this page.
    pub count: u64,
    /// The interactions.
    pub interactions: Vec<Interaction>,
    /// The id to give as `after` for the next page; null when there is none.
    pub next: Option<String>,
    /// The generation that this shows.
    pub generation: u64,
}

/// One change of one fact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FactChange {
    /// Its number; later changes have greater ones.
    pub number: u64,
    /// The generation it made.
    pub generation: u64,
    /// When.
    pub at: String,
    /// The interface it came through.
    #[schema(example = "http")]
    #[serde(rename = "door")]
    pub interface: String,
    /// `state`, `memory` or `interaction`.
    pub kind: String,
    /// The id of the fact.
    pub fact: String,
    /// The id of the project of the fact; empty for none.
    pub project: String,
    /// The fact in a few words.
    pub subject: String,
    /// What was done: `set`, `create`, `propose`, `update`, `promote`, `reject`, `supersede`, `invalidate`, `reinstate`,
    /// `reverse` or `import`.
    pub action: String,
    /// What the fact was; null when there was none.
    pub before: Option<FactContent>,
    /// What it has been since.
    pub after: FactContent,
    /// The number of the change that this one took back; null when it took none back.
    pub reverses: Option<u64>,
}

/// What a change of a fact can change; what a kind of fact does not have is null.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FactContent {
    /// Whether it holds or counts.
    pub status: String,
    /// What it says.
    pub text: Option<String>,
    /// Where it comes from.
    pub source: Option<String>,
    /// How sure somebody was.
    pub confidence: Option<f64>,
    /// What sort of memory.
    pub memory_type: Option<String>,
    /// The memory that took its place.
    pub superseded_by: Option<String>,
}

/// A page of the journal, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FactChangeList {
    /// The changes.
    pub changes: Vec<FactChange>,
    /// The number to give as `after` for the next page; null when there is none.
    pub next: Option<u64>,
    /// The generation that this shows.
    pub generation: u64,
}

/// How many facts there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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

impl From<engine::FactCounts> for FactCounts {
    fn from(counts: engine::FactCounts) -> Self {
        Self {
            project_state: counts.state,
            memories: counts.memories,
            candidates: counts.candidates,
            interactions: counts.interactions,
        }
    }
}

impl From<model::StateEntry> for StateEntry {
    fn from(entry: model::StateEntry) -> Self {
        Self {
            id: entry.id.to_string(),
            project: entry.project.to_string(),
            category: entry.category.to_string(),
            key: entry.key.to_string(),
            value: entry.value.to_string(),
            source: entry.source.to_string(),
            confidence: entry.confidence.get(),
            status: entry.status.to_string(),
            created_at: entry.created_at.to_string(),
            updated_at: entry.updated_at.to_string(),
            generation: entry.generation.0,
        }
    }
}

impl From<engine::ProjectState> for ProjectState {
    fn from(state: engine::ProjectState) -> Self {
        let categories: BTreeSet<String> =
            state.entries.iter().map(|entry| entry.category.to_string()).collect();
        Self {
            project: state.project.to_string(),
            categories: categories.into_iter().collect(),
            entries: state.entries.into_iter().map(StateEntry::from).collect(),
            generation: state.generation.0,
        }
    }
}

impl From<model::Memory> for Memory {
    fn from(memory: model::Memory) -> Self {
        Self {
            id: memory.id.to_string(),
            memory_type: memory.memory_type.to_string(),
            content: memory.content.to_string(),
            project: memory.project.map_or_else(String::new, |project| project.to_string()),
            source: memory.source.to_string(),
            confidence: memory.confidence.get(),
            status: memory.status.to_string(),
            superseded_by: memory.superseded_by.map(|id| id.to_string()),
            created_at: memory.created_at.to_string(),
            updated_at: memory.updated_at.to_string(),
            generation: memory.generation.0,
        }
    }
}

impl MemoryList {
    /// A page that was asked for with `limit`.
    #[must_use]
    pub fn new(page: engine::FactPage<model::Memory>, limit: model::PageSize) -> Self {
        let next = page.rows.last().filter(|_| page.rows.len() == limit.get());
        Self {
            next: next.map(|memory| memory.id.to_string()),
            memories: page.rows.into_iter().map(Memory::from).collect(),
            types: model::MemoryType::ALL.iter().map(ToString::to_string).collect(),
            generation: page.generation.0,
        }
    }
}

impl From<model::Interaction> for Interaction {
    fn from(interaction: model::Interaction) -> Self {
        Self {
            id: interaction.id.to_string(),
            prompt: interaction.prompt.to_string(),
            response: interaction.response.to_string(),
            response_summary: interaction.summary.to_string(),
            project: interaction.project.map_or_else(String::new, |project| project.to_string()),
            client: interaction.client.to_string(),
            session_id: interaction.session.to_string(),
            memories_used: interaction.memories_used,
            chunks_used: interaction.chunks_used,
            // It was an object when it was recorded.
            context_pack: serde_json::from_str(&interaction.context_pack).unwrap_or_default(),
            created_at: interaction.created_at.to_string(),
        }
    }
}

impl InteractionList {
    /// A page that was asked for with `limit`.
    #[must_use]
    pub fn new(page: engine::FactPage<model::Interaction>, limit: model::PageSize) -> Self {
        let next = page.rows.last().filter(|_| page.rows.len() == limit.get());
        Self {
            next: next.map(|interaction| interaction.id.to_string()),
            count: page.rows.len() as u64,
            interactions: page.rows.into_iter().map(Interaction::from).collect(),
            generation: page.generation.0,
        }
    }
}

impl From<model::Content> for FactContent {
    fn from(content: model::Content) -> Self {
        match content {
            model::Content::State { value, source, confidence, status } => Self {
                status: status.to_string(),
                text: Some(value.to_string()),
                source: Some(source.to_string()),
                confidence: Some(confidence.get()),
                ..Self::default()
            },
            model::Content::Memory { memory_type, content, source, confidence, status, superseded_by } => {
                Self {
                    status: status.to_string(),
                    text: Some(content.to_string()),
                    source: Some(source.to_string()),
                    confidence: Some(confidence.get()),
                    memory_type: Some(memory_type.to_string()),
                    superseded_by: superseded_by.map(|id| id.to_string()),
                }
            }
            model::Content::Interaction { status } => Self { status: status.to_string(), ..Self::default() },
        }
    }
}

impl From<model::Change> for FactChange {
    fn from(change: model::Change) -> Self {
        Self {
            number: change.number,
            generation: change.generation.0,
            at: change.at.to_string(),
            interface: change.interface,
            kind: change.fact.kind().to_string(),
            fact: change.fact.to_string(),
            project: change.project.map_or_else(String::new, |project| project.to_string()),
            subject: change.subject,
            action: change.action.to_string(),
            before: change.before.map(FactContent::from),
            after: change.after.into(),
            reverses: change.reverses,
        }
    }
}

impl FactChangeList {
    /// A page that was asked for with `limit`.
    #[must_use]
    pub fn new(page: engine::FactPage<model::Change>, limit: model::PageSize) -> Self {
        let next = page.rows.last().filter(|_| page.rows.len() == limit.get());
        Self {
            next: next.map(|change| change.number),
            changes: page.rows.into_iter().map(FactChange::from).collect(),
            generation: page.generation.0,
        }
    }
}
