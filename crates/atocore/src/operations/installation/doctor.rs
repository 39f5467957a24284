use crate::operations::prelude::*;

/// Checks everything that can be checked without changing anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct Doctor {}

impl Operation for Doctor {
    type Reply = wire::Doctor;
    const SPEC: Spec = Spec::get(super::TAG, "doctor", "/doctor").answers("Every check with its hint");

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        Ok(context.engine().doctor().into())
    }
}
