use atocore_engine::RestoreOutcome;

use super::restored;
use crate::operations::prelude::*;

/// Restores the state before the last restore; doing it again goes forward.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UndoRestore {
    /// As for a snapshot.
    #[serde(default)]
    pub generation: Option<u64>,
}

impl Operation for UndoRestore {
    type Reply = RestoreOutcome;
    const SPEC: Spec = Spec::post(super::TAG, "undo_restore", "/admin/backup/undo")
        .answers("What was done; answers come from that state")
        .access(Needs::Exclusive)
        .body(Body::None)
        .long("restore");

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        restored(context, self.generation, |engine| Ok(engine.undo_point()?))
    }
}
