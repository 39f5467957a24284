use crate::operations::prelude::*;

/// Says whether the server answers, and which program it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Health {}

impl Operation for Health {
    type Reply = wire::Health;
    const SPEC: Spec = Spec::get(super::TAG, "health", "/health")
        .immediate()
        .answers("The server answers, and nothing is known to be wrong with the store")
        .or(503, "The store cannot be used: `store_problem` says why");

    fn status(reply: &Self::Reply) -> u16 {
        if reply.store_problem.is_none() { 200 } else { 503 }
    }

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        Ok(context.engine().health()?.into())
    }
}
