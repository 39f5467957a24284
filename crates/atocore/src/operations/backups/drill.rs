use super::{ValidationReport, reply_of};
use crate::operations::prelude::*;

/// Restores the newest snapshot into scratch, lets it answer the questions that were stored with it, and writes the
/// verdict down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct DrillBackup {}

/// What a drill found; null when there is no snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct DrillResult(pub Option<ValidationReport>);

impl Operation for DrillBackup {
    type Reply = DrillResult;
    const SPEC: Spec = Spec::post(super::TAG, "drill_backup", "/admin/backup/drill")
        .answers("What was found, as by a validation to the depth `answers`; null when there is no snapshot")
        .body(Body::None)
        .long("drill");

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        Ok(DrillResult(context.engine().drill(context.monitor)?.map(reply_of)))
    }
}
