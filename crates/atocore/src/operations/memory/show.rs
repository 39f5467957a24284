use atocore_model::fact::Memory;

use super::id;
use crate::operations::prelude::*;

/// Shows a memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct ShowMemory {
    /// Its id.
    pub id: String,
}

impl Operation for ShowMemory {
    type Reply = Memory;
    const SPEC: Spec = Spec::get(super::TAG, "show_memory", "/memory/{id}").answers("The memory");

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        Ok(context.engine().memory(&id(&self.id)?)?)
    }
}
