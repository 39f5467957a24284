//! Snapshots: create, list, validate, drill, and what names one.

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

use super::{Request, Verb, VerbError, lenient, request::segment};
use crate::wire;

/// Takes a snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateBackup {
    /// Whether the directory of the vector store is copied too; ingestion waits meanwhile.
    #[serde(default, deserialize_with = "lenient::or_default")]
    #[schema(value_type = Option<bool>)]
    pub include_chroma: bool,
    /// What it is taken for, as a line for people of at most 500 characters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// Lists every snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListBackups;

/// Checks how much of a snapshot can be proven. A snapshot that does not exist is a result too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidateBackup {
    /// Its stamp.
    pub stamp: String,
    /// `structure`, `digests`, `content`, `restore` or `answers`; `structure` when left out.
    pub depth: Option<String>,
}

/// Checks how much of every snapshot can be proven, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidateAllBackups {
    /// As for one; `structure` when left out.
    pub depth: Option<String>,
}

/// Restores the newest snapshot into scratch and lets it answer; null when there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DrillBackup;

impl Verb for CreateBackup {
    type Reply = wire::SnapshotMetadata;
    const WRITES: bool = true;
    const LONG: bool = true;
    const NAME: &'static str = "snapshot";

    fn request(&self) -> Request {
        Request::new(Method::POST, "/admin/backup").with_body(self)
    }

    fn run(self, engine: &Engine, _: Caller, monitor: &dyn Monitor) -> Result<Self::Reply, VerbError> {
        check_note(&self.note)?;
        let include = if self.include_chroma { IncludeVectors::Yes } else { IncludeVectors::No };
        let taken = engine.create_snapshot(include, monitor)?;
        match &taken.vectors {
            VectorOutcome::Missing { path } => {
                tracing::warn!(path = %path.display(), "chroma_snapshot_skipped_missing");
            }
            VectorOutcome::Unavailable { why } => tracing::warn!(why, "chroma_snapshot_skipped_missing"),
            VectorOutcome::LeftOut | VectorOutcome::Copied { .. } => {}
        }
        if !self.note.is_empty() {
            engine.note_snapshot(taken.id, &self.note)?;
        }
        if let Some(lost) = engine.lost_registry()? {
            tracing::warn!("{}; {}", lost.why, lost.cure);
        }
        for notice in &taken.notices {
            tracing::warn!(notice, "runtime_backup_unasked");
        }
        let metadata = wire::SnapshotMetadata::from(taken.manifest).with_notices(taken.notices);
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
        Ok(engine.snapshots_with_proof()?.into_iter().map(wire::SnapshotEntry::from).collect())
    }
}

impl Verb for ValidateBackup {
    type Reply = wire::Validation;
    // The verdict, into the ledger.
    const WRITES: bool = true;
    const LONG: bool = true;
    const NAME: &'static str = "validate";

    fn subject(&self) -> Option<String> {
        Some(self.stamp.clone())
    }

    fn check(&self) -> Result<(), VerbError> {
        let _depth = self.checked_depth()?;
        check_stamp(&self.stamp)
    }

    fn request(&self) -> Request {
        let depth = self.depth.as_deref().map(|depth| format!("?depth={}", segment(depth)));
        let path = format!("/admin/backup/{}/validate", segment(&self.stamp));
        Request::new(Method::GET, path + depth.as_deref().unwrap_or_default())
    }

    fn run(self, engine: &Engine, _: Caller, monitor: &dyn Monitor) -> Result<Self::Reply, VerbError> {
        let depth = self.checked_depth()?;
        let stamp = stamp(&self.stamp, || engine.latest_snapshot())?;
        Ok(told(engine.validate_snapshot(stamp, depth, monitor)?))
    }
}

impl ValidateBackup {
    /// The depth that is asked for.
    ///
    /// # Errors
    /// `invalid_request` for a word that is none.
    pub fn checked_depth(&self) -> Result<Depth, VerbError> {
        checked_depth(self.depth.as_deref())
    }
}

impl ValidateAllBackups {
    /// The depth that is asked for.
    ///
    /// # Errors
    /// `invalid_request` for a word that is none.
    pub fn checked_depth(&self) -> Result<Depth, VerbError> {
        checked_depth(self.depth.as_deref())
    }
}

impl Verb for ValidateAllBackups {
    type Reply = Vec<wire::Validation>;
    // The verdict, into the ledger.
    const WRITES: bool = true;
    const LONG: bool = true;
    const NAME: &'static str = "validate_all";

    fn check(&self) -> Result<(), VerbError> {
        self.checked_depth().map(drop)
    }

    fn request(&self) -> Request {
        let depth = self.depth.as_deref().map(|depth| format!("?depth={}", segment(depth)));
        let path = "/admin/backup/validate".to_owned();
        Request::new(Method::POST, path + depth.as_deref().unwrap_or_default())
    }

    fn run(self, engine: &Engine, _: Caller, monitor: &dyn Monitor) -> Result<Self::Reply, VerbError> {
        let depth = self.checked_depth()?;
        let entries = engine.snapshots()?;
        // A folder that is named by no stamp is none of ours.
        let stamps = entries.iter().filter_map(|entry| entry.stamp.parse::<SnapshotId>().ok());
        stamps.map(|stamp| Ok(told(engine.validate_snapshot(stamp, depth, monitor)?))).collect()
    }
}

/// The depth that a word stands for.
fn checked_depth(word: Option<&str>) -> Result<Depth, VerbError> {
    word.map_or(Ok(Depth::Structure), str::parse).map_err(|error| {
        let cure = "leave it out, or give `structure`, `digests`, `content`, `restore` or `answers`";
        VerbError::invalid("depth", &error, cure)
    })
}

impl Verb for DrillBackup {
    type Reply = Option<wire::Validation>;
    const WRITES: bool = true;
    const LONG: bool = true;
    const NAME: &'static str = "drill";

    fn request(&self) -> Request {
        Request::new(Method::POST, "/admin/backup/drill")
    }

    fn run(self, engine: &Engine, _: Caller, monitor: &dyn Monitor) -> Result<Self::Reply, VerbError> {
        Ok(engine.drill(monitor)?.map(told))
    }
}

/// The result for the caller; the log has it in short.
fn told(validation: atocore_engine::Validation) -> wire::Validation {
    let result = wire::Validation::from(validation);
    let (depth, valid, errors) = (&result.atocore.depth_asked, result.valid, result.errors.len());
    tracing::info!(stamp = result.stamp, depth, valid, errors, "runtime_backup_validated");
    if let Some(why) = &result.atocore.unrecorded {
        tracing::warn!(stamp = result.stamp, why, "the verdict could not be written into the ledger");
    }
    result
}

/// The longest note about a snapshot, in characters.
const LONGEST_NOTE: usize = 500;

/// Refuses a note that is not one line of a moderate length.
///
/// # Errors
/// `invalid_request`.
pub(super) fn check_note(note: &str) -> Result<(), VerbError> {
    if note.chars().count() <= LONGEST_NOTE && !note.contains(char::is_control) {
        return Ok(());
    }
    let message = format!("the note is not one line of at most {LONGEST_NOTE} characters");
    Err(VerbError::new(ErrorCode::InvalidRequest, message).with_hint("leave it out, or shorten it"))
}

/// What stands for the newest snapshot wherever a stamp is asked for.
const LATEST: &str = "latest";

/// The snapshot that a caller named, by its stamp or as `latest`, of which `newest` is asked: nothing else than a real
/// stamp gets through.
///
/// # Errors
/// `invalid_stamp`; `snapshot_unknown` when there is none.
pub fn stamp(
    text: &str,
    newest: impl FnOnce() -> Result<SnapshotId, atocore_engine::Error>,
) -> Result<SnapshotId, VerbError> {
    if text == LATEST {
        return Ok(newest()?);
    }
    text.parse().map_err(|error: InvalidId| {
        VerbError::new(ErrorCode::InvalidStamp, error.to_string().escape_debug().to_string())
            .with_hint("`atocore backup list` shows every stamp; `latest` stands for the newest")
    })
}

/// Refuses what cannot name a snapshot, before anything is looked at.
///
/// # Errors
/// `invalid_stamp`.
pub fn check_stamp(text: &str) -> Result<(), VerbError> {
    if text == LATEST { Ok(()) } else { stamp(text, || Err(atocore_engine::Error::NoSnapshot)).map(drop) }
}
