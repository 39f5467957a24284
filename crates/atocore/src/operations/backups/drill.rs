use super::reply_of;
use crate::operations::prelude::*;

/// Restores the newest snapshot into scratch, lets it answer the questions that were stored with it, and writes the
/// verdict down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct DrillBackup {}

impl Operation for DrillBackup {
    type Reply = wire::DrillResult;
    const SPEC: Spec = Spec::post(super::TAG, "drill_backup", "/admin/backup/drill")
        .answers("What was found, as by a validation to the depth `answers`; null when there is no snapshot")
        .body(Body::None)
        .long("drill");

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        Ok(wire::DrillResult(context.engine().drill(context.monitor)?.map(reply_of)))
    }
}
