use atocore_engine::RestorePlan;

use super::{check_stamp, stamp};
use crate::operations::prelude::*;

/// Says what restoring a snapshot over the present state would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct PlanRestore {
    /// `YYYYMMDDTHHMMSSZ`, or `latest`.
    pub stamp: String,
}

impl Operation for PlanRestore {
    type Reply = RestorePlan;
    const SPEC: Spec = Spec::get(super::TAG, "plan_restore", "/admin/backup/{stamp}/restore")
        .answers("What it would change; nothing was changed")
        .long("restore_plan");

    fn subject(&self) -> Option<&str> {
        Some(&self.stamp)
    }

    fn check(&self) -> Result<(), ApiError> {
        check_stamp(&self.stamp)
    }

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        let engine = context.engine();
        let stamp = stamp(&self.stamp, || engine.latest_snapshot())?;
        Ok(engine.plan_restore(stamp, context.monitor)?)
    }
}
