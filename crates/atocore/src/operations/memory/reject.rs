use atocore_model::fact::Memory;

use super::{decided, id};
use crate::operations::prelude::*;

/// Refuses a candidate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct RejectMemory {
    /// Its id.
    pub id: String,
}

impl Operation for RejectMemory {
    type Reply = Memory;
    const SPEC: Spec = Spec::post(super::TAG, "reject_memory", "/memory/{id}/reject")
        .answers("The memory as it is now")
        .body(Body::None);

    fn check(&self) -> Result<(), ApiError> {
        id(&self.id).map(drop)
    }

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        Ok(decided(context.engine().reject_memory(&id(&self.id)?, context.caller)?))
    }
}
