use atocore_engine as engine;

use crate::operations::prelude::*;

/// Says what is stored, what is running, and how old the newest snapshot is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct Status {}

impl Operation for Status {
    type Reply = engine::InstallationStatus;
    const SPEC: Spec = Spec::get(super::TAG, "status", "/status").answers("The state of the installation");

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        Ok(context.engine().status()?)
    }
}
