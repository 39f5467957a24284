use atocore_engine::RestorePlan;

use crate::operations::prelude::*;

/// Says what restoring the state before the last restore would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct PlanUndo {}

impl Operation for PlanUndo {
    type Reply = RestorePlan;
    const SPEC: Spec = Spec::get(super::TAG, "plan_undo", "/admin/backup/undo")
        .answers("What it would change; nothing was changed")
        .long("restore_plan");

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        let engine = context.engine();
        Ok(engine.plan_restore(engine.undo_point()?, context.monitor)?)
    }
}
