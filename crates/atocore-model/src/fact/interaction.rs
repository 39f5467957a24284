//! Interactions: what was asked of a model, what it answered, and what it had been given.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{Label, PageSize, Transcript};
use crate::{
    id::{InteractionId, ProjectId},
    json::words,
    name::ProjectName,
    time::Timestamp,
};

/// One exchange with a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Interaction {
    /// Its id.
    pub id: InteractionId,
    /// What was asked.
    pub prompt: Transcript,
    /// What was answered.
    pub response: Transcript,
    /// The answer in short; may be empty.
    pub response_summary: Transcript,
    /// The id of the project it was about; may be empty.
    #[serde(with = "crate::json::or_empty")]
    #[schema(value_type = String)]
    pub project: Option<ProjectId>,
    /// Who asked: the name of a program; may be empty.
    pub client: Label,
    /// Which conversation; may be empty.
    pub session_id: Label,
    /// The ids of the memories that the model was given.
    pub memories_used: Vec<String>,
    /// The ids of the passages that the model was given.
    pub chunks_used: Vec<String>,
    /// What the model was given, as the client put it.
    pub context_pack: Map<String, Value>,
    /// When it was recorded.
    pub created_at: Timestamp,
}

/// An exchange to record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewInteraction {
    /// What was asked.
    pub prompt: Transcript,
    /// What was answered.
    pub response: Transcript,
    /// The answer in short.
    pub response_summary: Transcript,
    /// The project it was about, by any of its names.
    pub project: Option<ProjectName>,
    /// Who asked.
    pub client: Label,
    /// Which conversation.
    pub session_id: Label,
    /// The ids of the memories that the model was given.
    pub memories_used: Vec<String>,
    /// The ids of the passages that the model was given.
    pub chunks_used: Vec<String>,
    /// What the model was given.
    pub context_pack: Map<String, Value>,
}

/// Which interactions are wanted; newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InteractionFilter {
    /// Only about this project.
    pub project: Option<ProjectName>,
    /// Only of this conversation.
    pub session: Option<Label>,
    /// Only of this program.
    pub client: Option<Label>,
    /// Only recorded at this time or later.
    pub since: Option<Timestamp>,
    /// How many at most.
    pub limit: PageSize,
    /// Only those before this one in the list: the last of the page before.
    pub after: Option<InteractionId>,
}

words! {
    /// Whether an interaction counts.
    InteractionStatus, "a state of an interaction", {
        /// It does.
        Recorded = "recorded",
        /// Recording it was taken back: no list has it.
        Withdrawn = "withdrawn",
    }
}
