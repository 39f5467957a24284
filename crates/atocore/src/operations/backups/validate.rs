use atocore_engine::Validation;
use atocore_model::{id::SnapshotId, snapshot::Depth, time::Timestamp};
use serde_json::Value;

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
    #[schema(value_type = Option<Depth>)]
    pub depth: Option<String>,
}

/// The result of a validation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ValidationReport {
    /// The stamp that was asked for.
    pub stamp: SnapshotId,
    /// Where the snapshot lies, or would.
    pub path: String,
    /// Whether there is such a snapshot.
    pub exists: bool,
    /// Whether the database copy stood every check that was made.
    pub db_ok: bool,
    /// The same for the registry copy; null when none is recorded.
    pub registry_ok: Option<bool>,
    /// The same for the copy of the vector store; null when none is recorded.
    pub chroma_ok: Option<bool>,
    /// What is wrong: a word, and after a colon what a person wants to know.
    pub errors: Vec<String>,
    /// The metadata, when it is a JSON object.
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Value>,
    /// Whether everything that was asked for was checked and nothing is wrong.
    pub valid: bool,
    /// What AtoCore says beyond the original's keys.
    pub atocore: ValidationDetails,
}

/// What AtoCore says about a validation beyond the original's keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ValidationDetails {
    /// How deep the look was to go.
    pub depth_asked: Depth,
    /// The deepest depth that was proven; null when not even the structure holds.
    pub depth_reached: Option<Depth>,
    /// What is wrong, with the file and the depth that found it.
    pub findings: Vec<ValidationFinding>,
    /// Files that an operating system left there, such as `.DS_Store`: no part of the snapshot, and no harm to it.
    #[serde(default)]
    pub leavings: Vec<String>,
    /// Files whose bytes were all read and compared with the record.
    pub checked_files: u64,
    /// Their size in bytes.
    pub checked_bytes: u64,
    /// When the look ended.
    pub verified_at: Timestamp,
    /// Why nothing was asked although the look was to go as deep as `answers`, which is no fault of the snapshot: a store
    /// without a passage; null when something was asked, or nothing was to be.
    #[serde(default)]
    pub unasked: Option<String>,
    /// Why the verdict could not be written down, so that it counts for nothing later; null when it was.
    #[serde(default)]
    pub unrecorded: Option<String>,
}

/// Something that is wrong with a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ValidationFinding {
    /// The depth that found it.
    pub depth: Depth,
    /// The file it is about, below the snapshot; empty for the snapshot as a whole.
    pub file: String,
    /// The same text as in `errors`.
    pub problem: String,
}

impl Operation for ValidateBackup {
    type Reply = ValidationReport;
    // It writes the verdict into the ledger.
    const SPEC: Spec = Spec::get(super::TAG, "validate_backup", "/admin/backup/{stamp}/validate")
        .answers("What was found; damage is a result, not an error")
        .or(404, "There is no such snapshot")
        .also(&[Route::new("start_validation", Method::Post, "/admin/backup/{stamp}/validate")])
        .access(Needs::Write)
        .long("validate");

    fn access(&self) -> Needs {
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

impl From<Validation> for ValidationReport {
    fn from(validation: Validation) -> Self {
        let (errors, valid) = (validation.errors(), validation.valid());
        let findings = validation.findings.into_iter().map(|finding| ValidationFinding {
            depth: finding.depth,
            file: finding.file,
            problem: finding.problem,
        });
        let atocore = ValidationDetails {
            depth_asked: validation.depth_asked,
            depth_reached: validation.depth_reached,
            findings: findings.collect(),
            leavings: validation.leavings,
            checked_files: validation.checked_files,
            checked_bytes: validation.checked_bytes,
            verified_at: validation.verified_at,
            unasked: validation.unasked,
            unrecorded: validation.unrecorded,
        };
        Self {
            stamp: validation.stamp,
            path: validation.path.to_string_lossy().into_owned(),
            exists: validation.exists,
            db_ok: validation.db_ok,
            registry_ok: validation.registry_ok,
            chroma_ok: validation.chroma_ok,
            errors,
            metadata: validation.metadata,
            valid,
            atocore,
        }
    }
}
