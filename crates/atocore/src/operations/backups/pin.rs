use atocore_model::id::SnapshotId;

use super::{check_note, stamp};
use crate::operations::prelude::*;

/// Pins a snapshot, so that no removal takes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct PinBackup {
    /// `YYYYMMDDTHHMMSSZ`, or `latest`.
    pub stamp: String,
    /// Why: a line for people, at most 500 characters.
    #[serde(default, deserialize_with = "lenient::or_default")]
    #[schema(value_type = Option<String>)]
    #[arg(long, value_name = "TEXT", default_value_t, hide_default_value = true)]
    pub note: String,
}

/// Whether a snapshot is pinned now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PinResult {
    /// Its stamp.
    pub stamp: SnapshotId,
    /// Whether it is pinned.
    pub pinned: bool,
    /// Whether it was before the pin was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was_pinned: Option<bool>,
}

impl Operation for PinBackup {
    type Reply = PinResult;
    const SPEC: Spec = Spec::post(super::TAG, "pin_backup", "/admin/backup/{stamp}/pin")
        .answers("The pin is on disk")
        .access(Needs::Read)
        .body(Body::Optional);

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        let engine = context.engine();
        let stamp = stamp(&self.stamp, || engine.latest_snapshot())?;
        check_note(&self.note)?;
        engine.pin_snapshot(stamp, &self.note)?;
        Ok(PinResult { stamp, pinned: true, was_pinned: None })
    }
}
