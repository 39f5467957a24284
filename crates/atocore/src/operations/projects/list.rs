use atocore_model::project::Project;

use crate::operations::prelude::*;

/// Lists every project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct ListProjects {}

/// Every registered project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProjectList {
    /// The projects, in the order of the registry.
    pub projects: Vec<Project>,
}

impl Operation for ListProjects {
    type Reply = ProjectList;
    const SPEC: Spec = Spec::get(super::TAG, "list_projects", "/projects").answers("The registry");

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        Ok(ProjectList { projects: context.engine().projects()? })
    }
}
