use atocore_model::fact::Memory;

use super::{decided, id};
use crate::operations::prelude::*;

/// Makes a candidate count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct PromoteMemory {
    /// Its id.
    pub id: String,
}

impl Operation for PromoteMemory {
    type Reply = Memory;
    const SPEC: Spec = Spec::post(super::TAG, "promote_memory", "/memory/{id}/promote")
        .answers("The memory as it is now")
        .body(Body::None);

    fn check(&self) -> Result<(), ApiError> {
        id(&self.id).map(drop)
    }

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        Ok(decided(context.engine().promote_memory(&id(&self.id)?, context.caller)?))
    }
}
