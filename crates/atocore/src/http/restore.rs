//! `/admin/backup/{stamp}/restore` and `/admin/backup/undo`: going back, on a running server.

use super::{
    door::{Door, Reply},
    extract::{Name, NoBody, Params},
    projects::OfPlan,
};
use crate::{
    verb::{PlanRestore, Restore, RestoreTo},
    wire::{RestoreOutcome, RestorePlan},
};

/// Says what restoring a snapshot over the present state would change.
#[utoipa::path(get, path = "/admin/backup/{stamp}/restore", operation_id = "plan_restore", tag = "snapshots",
    params(("stamp" = String, Path, description = "`YYYYMMDDTHHMMSSZ`, or `latest`")),
    responses((status = 200, description = "What it would change; nothing was changed", body = RestorePlan)))]
pub(super) async fn plan(door: Door, Name(stamp): Name) -> Reply<RestorePlan> {
    door.run(PlanRestore(RestoreTo::Snapshot(stamp))).await
}

/// Restores a snapshot over the present state, of which a snapshot is taken first.
#[utoipa::path(post, path = "/admin/backup/{stamp}/restore", operation_id = "restore_backup", tag = "snapshots",
    params(
        ("stamp" = String, Path, description = "`YYYYMMDDTHHMMSSZ`, or `latest`"),
        ("generation" = Option<u64>, Query, description = "The generation of the plan that was read; refused when \
            somebody has changed the store since. Without it, as things are now"),
    ),
    responses((status = 200, description = "What was done; answers come from the restored state", body = RestoreOutcome)))]
pub(super) async fn restore(
    door: Door,
    Name(stamp): Name,
    Params(plan): Params<OfPlan>,
    _: NoBody,
) -> Reply<RestoreOutcome> {
    door.restore(Restore { to: RestoreTo::Snapshot(stamp), generation: plan.generation }).await
}

/// Says what going back to the state before the last restore would change.
#[utoipa::path(get, path = "/admin/backup/undo", operation_id = "plan_undo", tag = "snapshots",
    responses((status = 200, description = "What it would change; nothing was changed", body = RestorePlan)))]
pub(super) async fn plan_undo(door: Door) -> Reply<RestorePlan> {
    door.run(PlanRestore(RestoreTo::Undo)).await
}

/// Goes back to the state before the last restore; doing it again goes forward.
#[utoipa::path(post, path = "/admin/backup/undo", operation_id = "undo_restore", tag = "snapshots",
    params(("generation" = Option<u64>, Query, description = "As for a snapshot")),
    responses((status = 200, description = "What was done; answers come from that state", body = RestoreOutcome)))]
pub(super) async fn undo(door: Door, Params(plan): Params<OfPlan>, _: NoBody) -> Reply<RestoreOutcome> {
    door.restore(Restore { to: RestoreTo::Undo, generation: plan.generation }).await
}
