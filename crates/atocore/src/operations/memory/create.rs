use atocore_model::{
    error::ErrorCode,
    fact::{Confidence, Memory, MemoryStatus, MemoryType, NewMemory},
};

use super::{STATUS_FORM, TEXT_FORM, TYPE_FORM};
use crate::operations::prelude::*;

/// Records a memory, or with the status `candidate` proposes it. One that says exactly the same already is returned.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct CreateMemory {
    /// `identity`, `preference`, `project`, `episodic`, `knowledge` or `adaptation`.
    #[schema(value_type = MemoryType)]
    pub memory_type: String,
    /// What is to be remembered: at most 20,000 characters.
    pub content: String,
    /// The project it is about, by its id or an alias; left out or empty for every one.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "P")]
    pub project: Option<String>,
    /// Where it comes from: at most 1,000 characters.
    #[serde(default, deserialize_with = "lenient::or_default")]
    #[schema(value_type = Option<String>)]
    #[arg(long, value_name = "WHERE", default_value_t, hide_default_value = true)]
    pub source: String,
    /// How sure you are: 0 to 1, 1 when left out.
    #[serde(default, deserialize_with = "lenient::fraction", skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1)]
    #[arg(long, value_name = "C")]
    pub confidence: Option<f64>,
    /// `active`, which is meant when it is left out, or `candidate`: then it only is proposed, for a person to promote or
    /// reject, and reaches no context before that.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<MemoryStatus>)]
    #[arg(skip)]
    pub status: Option<String>,
}

impl Operation for CreateMemory {
    type Reply = Memory;
    const SPEC: Spec = Spec::post(super::TAG, "create_memory", "/memory").answers("The memory, on disk");

    fn check(&self) -> Result<(), ApiError> {
        self.memory().map(drop)
    }

    fn project(&self) -> Option<&str> {
        self.project.as_deref().filter(|project| !project.is_empty())
    }

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        let memory = context.engine().record_memory(&self.memory()?, context.caller)?;
        tracing::info!(id = memory.id.as_str(), status = memory.status.as_str(), "memory_recorded");
        Ok(memory)
    }
}

impl CreateMemory {
    fn memory(&self) -> Result<NewMemory, ApiError> {
        let status = fields::read_any("status", self.status.as_deref(), STATUS_FORM)?;
        Ok(NewMemory {
            memory_type: fields::read("memory_type", &self.memory_type, TYPE_FORM)?,
            content: fields::read("content", &self.content, TEXT_FORM)?,
            project: fields::project(self.project.as_deref())?,
            source: fields::source(&self.source)?,
            confidence: fields::confidence(self.confidence)?.unwrap_or(Confidence::CERTAIN),
            proposed: proposed(status.unwrap_or(MemoryStatus::Active))?,
        })
    }
}

fn proposed(status: MemoryStatus) -> Result<bool, ApiError> {
    match status {
        MemoryStatus::Active => Ok(false),
        MemoryStatus::Candidate => Ok(true),
        other => {
            let message = format!("`status` cannot be used: a memory is not recorded as {other}");
            Err(ApiError::new(ErrorCode::InvalidRequest, message)
                .with_hint("give `active` or `candidate`, or leave it out"))
        }
    }
}
