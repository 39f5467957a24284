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
        let mut status = context.engine().status()?;
        if let Some(server) = context.server {
            server.following.add_to(&mut status);
        }
        Ok(status)
    }
}
