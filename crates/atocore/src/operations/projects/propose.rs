use super::AddProject;
use crate::operations::prelude::*;

/// Checks a project as registering it would, and registers nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct ProposeProject(pub AddProject);

impl Operation for ProposeProject {
    type Reply = wire::ProjectProposal;
    const SPEC: Spec = Spec::post(super::TAG, "propose_project", "/projects/proposal")
        .answers("It can be registered")
        .access(Access::Read);

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        let project = self.0.checked()?;
        let sources = context.engine().propose_project(&project, context.caller)?;
        let sources = sources.into_iter().map(wire::Source::from).collect();
        Ok(wire::ProjectProposal { project: project.into(), sources })
    }
}
