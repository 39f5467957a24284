use atocore_model::{
    error::ErrorCode,
    fact::{FactText, Memory, MemoryEdit, MemoryStatus},
};

use super::{ID_FORM, STATUS_FORM, TEXT_FORM, id};
use crate::operations::prelude::*;

/// Changes a memory; what is left out stays.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct UpdateMemory {
    /// Its id.
    pub id: String,
    /// What is remembered from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "TEXT")]
    pub content: Option<String>,
    /// How sure you are: 0 to 1.
    #[serde(default, deserialize_with = "lenient::fraction", skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1)]
    #[arg(long, value_name = "C")]
    pub confidence: Option<f64>,
    /// `active`, `superseded` or `invalid`: from a candidate to active or invalid, from active to superseded or invalid,
    /// from superseded to active or invalid.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<MemoryStatus>)]
    #[arg(long, value_name = "STATUS")]
    pub status: Option<String>,
    /// The id of the memory that takes its place; makes it superseded.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "ID")]
    pub superseded_by: Option<String>,
}

impl Operation for UpdateMemory {
    type Reply = Memory;
    const SPEC: Spec =
        Spec::put(super::TAG, "update_memory", "/memory/{id}").answers("The memory as it is now");

    fn check(&self) -> Result<(), ApiError> {
        let _edit = self.edit()?;
        id(&self.id).map(drop)
    }

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        let edit = self.edit()?;
        let memory = context.engine().edit_memory(&id(&self.id)?, &edit, context.caller)?;
        tracing::info!(id = memory.id.as_str(), status = memory.status.as_str(), "memory_updated");
        Ok(memory)
    }
}

impl UpdateMemory {
    fn edit(&self) -> Result<MemoryEdit, ApiError> {
        if *self == (Self { id: self.id.clone(), ..Self::default() }) {
            return Err(ApiError::new(ErrorCode::InvalidRequest, "nothing was named that should change")
                .with_hint("give `content`, `confidence`, `status` or `superseded_by`"));
        }
        Ok(MemoryEdit {
            content: self
                .content
                .as_deref()
                .map(|text| fields::read::<FactText>("content", text, TEXT_FORM))
                .transpose()?,
            confidence: fields::confidence(self.confidence)?,
            status: fields::read_any("status", self.status.as_deref(), STATUS_FORM)?,
            superseded_by: fields::read_any("superseded_by", self.superseded_by.as_deref(), ID_FORM)?,
        })
    }
}
