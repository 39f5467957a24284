//! The journal of the facts: what each change made of what was there before, so that it can be taken back.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Confidence, FactText, MemoryStatus, MemoryType, PageSize, Source, StateStatus,
    interaction::InteractionStatus,
};
use crate::{
    id::{Generation, InteractionId, InvalidId, MemoryId, ProjectId, StateId},
    json::{read_from_text, words, written_as_text},
    name::ProjectName,
    time::Timestamp,
};

/// One change of one fact.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Its number; later changes have greater ones.
    pub number: u64,
    /// The generation it made.
    pub generation: Generation,
    /// When.
    pub at: Timestamp,
    /// The interface it came through.
    pub interface: String,
    /// Which fact.
    pub fact: FactId,
    /// The project of the fact.
    pub project: Option<ProjectId>,
    /// The fact in a few words, for a person.
    pub subject: String,
    /// What was done.
    pub action: Action,
    /// What the fact was; `None` when there was none.
    pub before: Option<Content>,
    /// What it has been since.
    pub after: Content,
    /// The change that this one took back.
    pub reverses: Option<u64>,
}

/// The part of a fact that changes can change. Its JSON is what the journal keeps, which outlives the program that wrote
/// it: names are never changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Content {
    /// Of an entry of project state.
    State {
        /// What is true.
        value: FactText,
        /// Where it comes from.
        source: Source,
        /// How sure somebody was.
        confidence: Confidence,
        /// Whether it holds.
        status: StateStatus,
    },
    /// Of a memory.
    Memory {
        /// What sort of memory.
        memory_type: MemoryType,
        /// What is remembered.
        content: FactText,
        /// Where it comes from.
        source: Source,
        /// How sure somebody was.
        confidence: Confidence,
        /// Whether it counts.
        status: MemoryStatus,
        /// The memory that took its place.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        superseded_by: Option<MemoryId>,
    },
    /// Of an interaction.
    Interaction {
        /// Whether it counts.
        status: InteractionStatus,
    },
}

/// One change of one fact, for people and programs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FactChange {
    /// Its number; later changes have greater ones.
    pub number: u64,
    /// The generation it made.
    pub generation: Generation,
    /// When.
    pub at: Timestamp,
    /// The interface it came through.
    #[schema(example = "http")]
    #[serde(rename = "door")]
    pub interface: String,
    /// Of what kind it is.
    pub kind: FactKind,
    /// The id of the fact.
    #[schema(value_type = String)]
    pub fact: FactId,
    /// The id of the project of the fact; empty for none.
    #[serde(with = "crate::json::or_empty")]
    #[schema(value_type = String)]
    pub project: Option<ProjectId>,
    /// The fact in a few words.
    pub subject: String,
    /// What was done.
    pub action: Action,
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

impl From<Content> for FactContent {
    fn from(content: Content) -> Self {
        match content {
            Content::State { value, source, confidence, status } => Self {
                status: status.to_string(),
                text: Some(value.to_string()),
                source: Some(source.to_string()),
                confidence: Some(confidence.get()),
                ..Self::default()
            },
            Content::Memory { memory_type, content, source, confidence, status, superseded_by } => Self {
                status: status.to_string(),
                text: Some(content.to_string()),
                source: Some(source.to_string()),
                confidence: Some(confidence.get()),
                memory_type: Some(memory_type.to_string()),
                superseded_by: superseded_by.map(|id| id.to_string()),
            },
            Content::Interaction { status } => Self { status: status.to_string(), ..Self::default() },
        }
    }
}

impl From<Change> for FactChange {
    fn from(change: Change) -> Self {
        Self {
            number: change.number,
            generation: change.generation,
            at: change.at,
            interface: change.interface,
            kind: change.fact.kind(),
            fact: change.fact,
            project: change.project,
            subject: change.subject,
            action: change.action,
            before: change.before.map(FactContent::from),
            after: change.after.into(),
            reverses: change.reverses,
        }
    }
}

/// The id of a fact of any kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FactId {
    /// Of an entry of project state.
    State(StateId),
    /// Of a memory.
    Memory(MemoryId),
    /// Of an interaction.
    Interaction(InteractionId),
}

impl FactId {
    /// What kind of fact it names.
    #[must_use]
    pub const fn kind(&self) -> FactKind {
        match self {
            Self::State(_) => FactKind::State,
            Self::Memory(_) => FactKind::Memory,
            Self::Interaction(_) => FactKind::Interaction,
        }
    }

    /// The id of a fact of that kind, from the bytes that it is made from.
    #[must_use]
    pub fn from_bytes(kind: FactKind, bytes: [u8; 12]) -> Self {
        match kind {
            FactKind::State => Self::State(StateId::from_bytes(bytes)),
            FactKind::Memory => Self::Memory(MemoryId::from_bytes(bytes)),
            FactKind::Interaction => Self::Interaction(InteractionId::from_bytes(bytes)),
        }
    }

    /// The bytes it was made from; `None` for an id that was not made from twelve.
    #[must_use]
    pub fn to_bytes(&self) -> Option<[u8; 12]> {
        match self {
            Self::State(id) => id.to_bytes(),
            Self::Memory(id) => id.to_bytes(),
            Self::Interaction(id) => id.to_bytes(),
        }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::State(id) => id.as_str(),
            Self::Memory(id) => id.as_str(),
            Self::Interaction(id) => id.as_str(),
        }
    }
}

impl FromStr for FactId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.get(..4) {
            Some("sta_") => text.parse().map(Self::State),
            Some("mem_") => text.parse().map(Self::Memory),
            Some("int_") => text.parse().map(Self::Interaction),
            _ => Err(InvalidId::fact(text)),
        }
    }
}

read_from_text!(FactId);
written_as_text!(FactId);

impl fmt::Display for FactId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which changes are wanted; newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeFilter {
    /// Only of facts of this project.
    pub project: Option<ProjectName>,
    /// Only of this kind of fact.
    pub kind: Option<FactKind>,
    /// Only of this fact.
    pub fact: Option<FactId>,
    /// Only at this time or later.
    pub since: Option<Timestamp>,
    /// How many at most.
    pub limit: PageSize,
    /// Only those with a lower number: the last of the page before.
    pub after: Option<u64>,
}

words! {
    /// The kinds of facts.
    FactKind, "a kind of fact", {
        /// Project state.
        State = "state",
        /// Memories.
        Memory = "memory",
        /// Interactions.
        Interaction = "interaction",
    }
}

words! {
    /// What a change did.
    Action, "an action", {
        /// Recorded a value of project state.
        Set = "set",
        /// Recorded a memory or an interaction.
        Create = "create",
        /// Proposed a memory.
        Propose = "propose",
        /// Changed what a memory says.
        Update = "update",
        /// Made a candidate count.
        Promote = "promote",
        /// Refused a candidate.
        Reject = "reject",
        /// Put another memory in its place.
        Supersede = "supersede",
        /// Said that it no longer holds.
        Invalidate = "invalidate",
        /// Made it count again.
        Reinstate = "reinstate",
        /// Took an earlier change back.
        Reverse = "reverse",
        /// Took it over from another installation.
        Import = "import",
    }
}
