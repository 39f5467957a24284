//! Snapshots: create, list, validate. Restoring is not offered over a wire: it needs everybody else out.

use atocore_engine::{Caller, Engine, IncludeVectors, VectorOutcome};
use atocore_model::{
    error::ErrorCode,
    id::{InvalidId, SnapshotId},
    monitor::Monitor,
    snapshot::Depth,
};
use axum::http::Method;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Request, Verb, VerbError, request::segment};
use crate::wire;

/// Takes a snapshot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateBackup {
    /// Whether the directory of the vector store is copied too; ingestion waits meanwhile.
    #[serde(default)]
    pub include_chroma: bool,
}

/// Lists every snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListBackups;

/// Checks how much of a snapshot can be proven. A snapshot that does not exist is a result too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidateBackup {
    /// Its stamp.
    pub stamp: String,
    /// `structure`, `digests` or `content`; `structure` when left out.
    pub depth: Option<String>,
}

impl Verb for CreateBackup {
    type Reply = wire::SnapshotMetadata;
    const WRITES: bool = true;
    const LONG: bool = true;

    fn request(&self) -> Request {
        Request::new(Method::POST, "/admin/backup").with_body(self)
    }

    fn run(self, engine: &Engine, _: Caller, monitor: &dyn Monitor) -> Result<Self::Reply, VerbError> {
        let include = if self.include_chroma { IncludeVectors::Yes } else { IncludeVectors::No };
        let taken = engine.create_snapshot(include, monitor)?;
        if let VectorOutcome::Missing { path } = &taken.vectors {
            tracing::warn!(path = %path.display(), "chroma_snapshot_skipped_missing");
        }
        let metadata = wire::SnapshotMetadata::from(taken.manifest);
        tracing::info!(
            backup_root = metadata.backup_root,
            db_snapshot = metadata.db_snapshot_path,
            chroma_included = metadata.chroma_snapshot_included,
            chroma_bytes = metadata.chroma_snapshot_bytes,
            "runtime_backup_created"
        );
        Ok(metadata)
    }
}

impl Verb for ListBackups {
    type Reply = Vec<wire::SnapshotEntry>;
    const WRITES: bool = false;

    fn request(&self) -> Request {
        Request::new(Method::GET, "/admin/backup")
    }

    fn run(self, engine: &Engine, _: Caller, _: &dyn Monitor) -> Result<Self::Reply, VerbError> {
        Ok(engine.snapshots()?.into_iter().map(wire::SnapshotEntry::from).collect())
    }
}

impl Verb for ValidateBackup {
    type Reply = wire::Validation;
    const WRITES: bool = false;
    const LONG: bool = true;

    fn request(&self) -> Request {
        let depth = self.depth.as_deref().map(|depth| format!("?depth={}", segment(depth)));
        let path = format!("/admin/backup/{}/validate", segment(&self.stamp));
        Request::new(Method::GET, path + depth.as_deref().unwrap_or_default())
    }

    fn run(self, engine: &Engine, _: Caller, monitor: &dyn Monitor) -> Result<Self::Reply, VerbError> {
        let stamp = stamp(&self.stamp)?;
        let depth = self.depth.as_deref().map_or(Ok(Depth::Structure), str::parse);
        let depth = depth.map_err(|error| {
            VerbError::invalid("depth", &error, "leave it out, or give `structure`, `digests` or `content`")
        })?;
        let result = wire::Validation::from(engine.validate_snapshot(stamp, depth, monitor)?);
        let (depth, valid, errors) = (depth.as_str(), result.valid, result.errors.len());
        tracing::info!(stamp = result.stamp, depth, valid, errors, "runtime_backup_validated");
        Ok(result)
    }
}

/// The stamp of a snapshot as a caller gave it: nothing else than a real stamp gets through.
///
/// # Errors
/// `invalid_stamp`.
pub fn stamp(text: &str) -> Result<SnapshotId, VerbError> {
    text.parse().map_err(|error: InvalidId| {
        VerbError::new(ErrorCode::InvalidStamp, error.to_string().escape_debug().to_string())
            .with_hint("`atocore backup list` shows every stamp")
    })
}
