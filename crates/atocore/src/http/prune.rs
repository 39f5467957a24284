//! `/admin/backup/prune` and `/admin/backup/{stamp}/pin`: retention.

use super::{
    door::{Door, Reply},
    extract::{Name, NoKeys, Nothing, OptionalBody, Params},
};
use crate::{
    verb::{PinBackup, PinNote, PruneBackups, UnpinBackup},
    wire::{PinResult, PruneResult},
};

/// Removes the snapshots that the retention policy does not keep; without `apply` only says which those are.
#[utoipa::path(post, path = "/admin/backup/prune", operation_id = "prune_backups", tag = "snapshots",
    request_body(content = Option<PruneBackups>, description = "May be left out: then nothing is changed"),
    responses((status = 200, description = "What was decided about every snapshot, and what was removed",
        body = PruneResult)))]
pub(super) async fn prune(
    door: Door,
    Params(NoKeys {}): Params<NoKeys>,
    OptionalBody(body): OptionalBody<PruneBackups>,
) -> Reply<PruneResult> {
    door.run(body.unwrap_or_default()).await
}

/// Pins a snapshot, so that no removal takes it.
#[utoipa::path(post, path = "/admin/backup/{stamp}/pin", operation_id = "pin_backup", tag = "snapshots",
    params(("stamp" = String, Path, description = "`YYYYMMDDTHHMMSSZ`, or `latest`")),
    request_body(content = Option<PinNote>, description = "May be left out"),
    responses((status = 200, description = "The pin is on disk", body = PinResult)))]
pub(super) async fn pin(
    door: Door,
    Name(stamp): Name,
    Params(NoKeys {}): Params<NoKeys>,
    OptionalBody(body): OptionalBody<PinNote>,
) -> Reply<PinResult> {
    door.run(PinBackup { stamp, note: body.unwrap_or_default().note }).await
}

/// Removes the pin of a snapshot.
#[utoipa::path(delete, path = "/admin/backup/{stamp}/pin", operation_id = "unpin_backup", tag = "snapshots",
    params(("stamp" = String, Path, description = "`YYYYMMDDTHHMMSSZ`, or `latest`")),
    responses((status = 200, description = "There is no pin any more; whether there was one", body = PinResult)))]
pub(super) async fn unpin(door: Door, Name(stamp): Name, _: Nothing) -> Reply<PinResult> {
    door.run(UnpinBackup { stamp }).await
}
