use atocore_model::project::Project;

use super::project_name;
use crate::operations::prelude::*;

/// Shows a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct ShowProject {
    /// Id or alias, in any case.
    pub name: String,
}

impl Operation for ShowProject {
    type Reply = Project;
    const SPEC: Spec = Spec::get(super::TAG, "show_project", "/projects/{name}").answers("The project");

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        Ok(context.engine().project(&project_name(&self.name)?)?)
    }
}
