use atocore_model::{error::ErrorCode, id::SnapshotId, snapshot::Depth};

use super::{ValidationReport, access_for, checked_depth, reply_of};
use crate::operations::prelude::*;

/// Checks how much of every snapshot can be proven, one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct ValidateAllBackups {
    /// `structure`, `digests`, `content`, `restore` or `answers`, each of which includes the ones before; `structure` when
    /// left out.
    #[serde(default, deserialize_with = "lenient::text")]
    #[schema(value_type = Option<Depth>)]
    #[arg(long, value_name = "D")]
    pub depth: Option<String>,
}

/// What was found in every snapshot, sorted by stamp.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct ValidationList(pub Vec<ValidationReport>);

impl Operation for ValidateAllBackups {
    type Reply = ValidationList;
    // It writes the verdicts into the ledger.
    const SPEC: Spec = Spec::post(super::TAG, "validate_all_backups", "/admin/backup/validate")
        .answers("What was found in each, sorted by stamp")
        .body(Body::None)
        .long("validate_all");

    fn access(&self) -> Needs {
        access_for(self.depth.as_deref())
    }

    fn check(&self) -> Result<(), ApiError> {
        checked_depth(self.depth.as_deref()).map(drop)
    }

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        let depth = checked_depth(self.depth.as_deref())?;
        let engine = context.engine();
        let entries = engine.snapshots()?;
        // A folder that is named by no stamp is none of ours.
        let stamps = entries.iter().filter_map(|entry| entry.stamp.parse::<SnapshotId>().ok());
        let (mut replies, mut unreadable) = (Vec::new(), None);
        for stamp in stamps {
            match engine.validate_snapshot(stamp, depth, context.monitor) {
                Ok(validation) => replies.push(reply_of(validation)),
                // One that this user may not read keeps nobody from looking at the others.
                Err(error) if error.code() == ErrorCode::Io => unreadable = unreadable.or(Some(error)),
                Err(error) => return Err(error.into()),
            }
        }
        unreadable.map_or(Ok(ValidationList(replies)), |error| Err(error.into()))
    }
}
