use crate::operations::prelude::*;

/// Lists every configured root of every project and whether it can be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Sources {}

impl Operation for Sources {
    type Reply = wire::SourceList;
    const SPEC: Spec = Spec::get(super::TAG, "sources", "/sources").answers("The roots");

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        Ok(context.engine().sources()?.into())
    }
}
