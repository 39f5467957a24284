use super::{PinResult, stamp};
use crate::operations::prelude::*;

/// Removes the pin of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct UnpinBackup {
    /// `YYYYMMDDTHHMMSSZ`, or `latest`.
    pub stamp: String,
}

impl Operation for UnpinBackup {
    type Reply = PinResult;
    const SPEC: Spec = Spec::delete(super::TAG, "unpin_backup", "/admin/backup/{stamp}/pin")
        .answers("There is no pin any more; whether there was one")
        .access(Needs::Read);

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        let engine = context.engine();
        let stamp = stamp(&self.stamp, || engine.latest_snapshot())?;
        let was_pinned = engine.unpin_snapshot(stamp)?;
        Ok(PinResult { stamp, pinned: false, was_pinned: Some(was_pinned) })
    }
}
