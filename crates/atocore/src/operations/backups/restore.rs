use atocore_engine::RestoreOutcome;

use super::{restored, stamp};
use crate::operations::prelude::*;

/// Restores a snapshot over the present state, of which a snapshot is taken first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RestoreBackup {
    /// `YYYYMMDDTHHMMSSZ`, or `latest`.
    pub stamp: String,
    /// The generation of the plan that was read; refused when somebody has changed the store since. Without it, as things
    /// are now.
    #[serde(default)]
    pub generation: Option<u64>,
}

impl Operation for RestoreBackup {
    type Reply = RestoreOutcome;
    const SPEC: Spec = Spec::post(super::TAG, "restore_backup", "/admin/backup/{stamp}/restore")
        .answers("What was done; answers come from the restored state")
        .access(Needs::Exclusive)
        .body(Body::None)
        .long("restore");

    fn subject(&self) -> Option<&str> {
        Some(&self.stamp)
    }

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        restored(context, self.generation, |engine| stamp(&self.stamp, || engine.latest_snapshot()))
    }
}
