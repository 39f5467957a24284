use atocore_model::project::Project;

use super::AddProject;
use crate::operations::{SourceFolder, prelude::*};

/// Checks a project as registering it would, and registers nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct ProposeProject(pub AddProject);

/// A project that could be registered as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProjectProposal {
    /// The project as it would be registered.
    pub project: Project,
    /// The folders that its roots stand for.
    pub sources: Vec<SourceFolder>,
}

impl Operation for ProposeProject {
    type Reply = ProjectProposal;
    const SPEC: Spec = Spec::post(super::TAG, "propose_project", "/projects/proposal")
        .answers("It can be registered")
        .access(Needs::Read);

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        let project = self.0.checked()?;
        let sources = context.engine().propose_project(&project, context.caller)?;
        let sources = sources.into_iter().map(SourceFolder::from).collect();
        Ok(ProjectProposal { project, sources })
    }
}
