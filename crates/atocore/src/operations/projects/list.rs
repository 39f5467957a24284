use crate::operations::prelude::*;

/// Lists every project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct ListProjects {}

impl Operation for ListProjects {
    type Reply = wire::ProjectList;
    const SPEC: Spec = Spec::get(super::TAG, "list_projects", "/projects").answers("The registry");

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        Ok(context.engine().projects()?.into())
    }
}
