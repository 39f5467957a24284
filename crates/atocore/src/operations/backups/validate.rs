use super::{access_for, check_stamp, checked_depth, reply_of, stamp};
use crate::operations::prelude::*;

/// Checks how much of a snapshot can be proven.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ValidateBackup {
    /// `YYYYMMDDTHHMMSSZ`, or `latest`.
    pub stamp: String,
    /// `structure`, `digests`, `content`, `restore` or `answers`, each of which includes the ones before; `structure` when
    /// left out.
    #[serde(default, deserialize_with = "lenient::text")]
    pub depth: Option<String>,
}

impl Operation for ValidateBackup {
    type Reply = wire::Validation;
    // It writes the verdict into the ledger.
    const SPEC: Spec = Spec::get(super::TAG, "validate_backup", "/admin/backup/{stamp}/validate")
        .answers("What was found; damage is a result, not an error")
        .or(404, "There is no such snapshot")
        .also(&[Route::new("start_validation", Method::Post, "/admin/backup/{stamp}/validate")])
        .access(Access::Write)
        .long("validate");

    fn access(&self) -> Access {
        access_for(self.depth.as_deref())
    }

    fn subject(&self) -> Option<&str> {
        Some(&self.stamp)
    }

    fn check(&self) -> Result<(), ApiError> {
        let _depth = checked_depth(self.depth.as_deref())?;
        check_stamp(&self.stamp)
    }

    fn status(reply: &Self::Reply) -> u16 {
        if reply.exists { 200 } else { 404 }
    }

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        let depth = checked_depth(self.depth.as_deref())?;
        let engine = context.engine();
        let stamp = stamp(&self.stamp, || engine.latest_snapshot())?;
        Ok(reply_of(engine.validate_snapshot(stamp, depth, context.monitor)?))
    }
}
