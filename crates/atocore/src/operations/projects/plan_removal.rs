use atocore_engine::RemovalPlan;

use super::project_name;
use crate::operations::prelude::*;

/// Says what removing a project would delete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct PlanRemoval {
    /// Id or alias, in any case.
    pub name: String,
}

impl Operation for PlanRemoval {
    type Reply = RemovalPlan;
    const SPEC: Spec = Spec::get(super::TAG, "plan_removal", "/projects/{name}/removal").answers("The plan");

    fn check(&self) -> Result<(), ApiError> {
        project_name(&self.name).map(drop)
    }

    fn project(&self) -> Option<&str> {
        Some(&self.name)
    }

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        Ok(context.engine().plan_removal(&project_name(&self.name)?)?)
    }
}
