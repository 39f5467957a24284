use atocore_model::fact::Memory;

use super::{decided, id};
use crate::operations::prelude::*;

/// Says that a memory no longer counts; it stays, with everything it said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct InvalidateMemory {
    /// Its id.
    pub id: String,
}

impl Operation for InvalidateMemory {
    type Reply = Memory;
    const SPEC: Spec =
        Spec::delete(super::TAG, "invalidate_memory", "/memory/{id}").answers("The memory as it is now");

    fn check(&self) -> Result<(), ApiError> {
        id(&self.id).map(drop)
    }

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        Ok(decided(context.engine().invalidate_memory(&id(&self.id)?, context.caller)?))
    }
}
