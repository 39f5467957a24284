//! Snapshots: take, list, prove, restore, keep and remove.

mod create;
mod drill;
mod list;
mod pin;
mod plan_restore;
mod plan_undo;
mod prune;
mod restore;
mod undo;
mod unpin;
mod validate;
mod validate_all;

use atocore_engine::{Engine, RestoreOutcome, Validation};
use atocore_model::{
    error::ErrorCode,
    id::{Generation, InvalidId, SnapshotId},
    monitor::{Monitor, Silent},
    snapshot::Depth,
};

pub use create::CreateBackup;
pub use drill::{DrillBackup, DrillResult};
pub use list::{ListBackups, ListedSnapshot, SnapshotList};
pub use pin::{PinBackup, PinResult};
pub use plan_restore::PlanRestore;
pub use plan_undo::PlanUndo;
pub use prune::{PruneBackups, PruneDecision, PruneResult};
pub use restore::RestoreBackup;
pub use undo::UndoRestore;
pub use unpin::UnpinBackup;
pub use validate::{ValidateBackup, ValidationReport};
pub use validate_all::{ValidateAllBackups, ValidationList};

use super::{ApiError, Context, Needs};

/// The group that these are listed in.
const TAG: &str = "snapshots";

/// The depth that a word stands for.
fn checked_depth(word: Option<&str>) -> Result<Depth, ApiError> {
    word.map_or(Ok(Depth::Structure), str::parse).map_err(|error| {
        let hint = "leave it out, or give `structure`, `digests`, `content`, `restore` or `answers`";
        ApiError::invalid("depth", &error, hint)
    })
}

/// What a validation needs: deeper than the content it restores into the scratch folder, which only an owner may use. The
/// ledger has a lock of its own.
fn access_for(depth: Option<&str>) -> Needs {
    match checked_depth(depth) {
        Ok(depth) if depth > Depth::Content => Needs::Write,
        _ => Needs::Read,
    }
}

/// The result for the caller; the log has it in short.
fn reply_of(validation: Validation) -> ValidationReport {
    let result = ValidationReport::from(validation);
    let (depth, valid, errors) = (&result.atocore.depth_asked, result.valid, result.errors.len());
    tracing::info!(stamp = %result.stamp, depth = depth.as_str(), valid, errors, "runtime_backup_validated");
    if let Some(why) = &result.atocore.unrecorded {
        tracing::warn!(stamp = %result.stamp, why, "the verdict could not be written into the ledger");
    }
    result
}

/// The longest note about a snapshot, in characters.
const LONGEST_NOTE: usize = 500;

/// Refuses a note that is not one line of a moderate length.
///
/// # Errors
/// `invalid_request`.
fn check_note(note: &str) -> Result<(), ApiError> {
    if note.chars().count() <= LONGEST_NOTE && !note.contains(char::is_control) {
        return Ok(());
    }
    let message = format!("the note is not one line of at most {LONGEST_NOTE} characters");
    Err(ApiError::new(ErrorCode::InvalidRequest, message).with_hint("leave it out, or shorten it"))
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
) -> Result<SnapshotId, ApiError> {
    if text == LATEST {
        return Ok(newest()?);
    }
    text.parse().map_err(|error: InvalidId| {
        ApiError::new(ErrorCode::InvalidStamp, error.to_string().escape_debug().to_string())
            .with_hint("`atocore backup list` shows every stamp; `latest` stands for the newest")
    })
}

/// Refuses what cannot name a snapshot, before anything is looked at.
///
/// # Errors
/// `invalid_stamp`.
pub fn check_stamp(text: &str) -> Result<(), ApiError> {
    if text == LATEST { Ok(()) } else { stamp(text, || Err(atocore_engine::Error::NoSnapshot)).map(drop) }
}

/// Restores a snapshot over the present state. Makes ready while the engine answers, and swaps while it does not.
fn restored(
    context: &mut Context<'_>,
    generation: Option<u64>,
    stamp: impl FnOnce(&Engine) -> Result<SnapshotId, ApiError>,
) -> Result<RestoreOutcome, ApiError> {
    let engine = context.engine();
    let prepared = engine.prepare_restore(stamp(engine)?, generation.map(Generation), context.monitor)?;
    let (caller, monitor) = (context.caller, context.monitor);
    // Nobody cancels the swap of a server.
    let monitor: &dyn Monitor = if context.server.is_some() { &Silent } else { monitor };
    let outcome = context.exclusively(|engine| engine.carry_out_restore(prepared, caller, monitor))?;
    tracing::info!(
        stamp = %outcome.plan.stamp,
        safety = outcome.safety_stamp.map(|stamp| stamp.to_string()),
        outage_ms = outcome.outage_ms,
        "runtime_backup_restored"
    );
    if let Some(why) = &outcome.unlogged {
        tracing::warn!(why, "the restore could not be written into the operation log");
    }
    Ok(outcome)
}
