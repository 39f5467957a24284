use atocore_model::id::{Generation, ProjectId};

use super::project_name;
use crate::operations::prelude::*;

/// Removes a project and what the store holds of it; the files stay where they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveProject {
    /// Id or alias, in any case.
    pub name: String,
    /// The generation of the plan that was read; refused when the store has moved on. Without it, as things are now.
    #[serde(default)]
    pub generation: Option<u64>,
}

/// A removal that was carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Removal {
    /// The id of the project that is gone.
    pub removed: ProjectId,
    /// Documents that the store forgot.
    pub documents: u64,
    /// Passages that went with them.
    pub chunks: u64,
}

impl Operation for RemoveProject {
    type Reply = Removal;
    const SPEC: Spec =
        Spec::delete(super::TAG, "remove_project", "/projects/{name}").answers("What was removed");

    fn check(&self) -> Result<(), ApiError> {
        project_name(&self.name).map(drop)
    }

    fn project(&self) -> Option<&str> {
        Some(&self.name)
    }

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        let engine = context.engine();
        let mut plan = engine.plan_removal(&project_name(&self.name)?)?;
        if let Some(generation) = self.generation {
            // What was read before; the engine refuses it when it no longer holds.
            plan.generation = Generation(generation);
        }
        engine.remove_project(&plan, context.caller)?;
        let (documents, chunks) = (plan.documents, plan.chunks);
        tracing::info!(project = plan.project.id.as_str(), documents, chunks, "project_removed");
        Ok(Removal { removed: plan.project.id, documents: plan.documents, chunks: plan.chunks })
    }
}
