//! Carrying snapshots: out into one file, and in again. Needs no open engine.

use std::path::Path;

use atocore_backup::{
    archive::{self, Exported, Identities, Imported, Recipients},
    vault::Vault,
};
use atocore_model::{id::SnapshotId, monitor::Monitor, time::Clock};
use atocore_storage::layout::Layout;

use crate::error::Error;

/// Writes a snapshot into one file, after proving it whole to its content; only `recipients` can read it, if there are.
///
/// # Errors
/// When it cannot be proven, or the file exists or cannot be written; there is no file then.
///
/// # Durability
/// The file is on disk when this returns `Ok`.
pub fn export(
    layout: &Layout,
    id: SnapshotId,
    to: &Path,
    recipients: &Recipients,
    clock: &dyn Clock,
    monitor: &dyn Monitor,
) -> Result<Exported, Error> {
    Ok(archive::export(&Vault::new(&layout.backups), id, to, recipients, clock, monitor)?)
}

/// Takes a snapshot in from such a file, under its own stamp, after comparing every byte with its record.
///
/// # Errors
/// When none of `identities` opens it and it is encrypted; when it is no archive of a whole snapshot, another snapshot has the stamp, or there is no room; nothing lists then.
///
/// # Durability
/// The snapshot is whole and on disk when this returns `Ok`.
pub fn import(
    layout: &Layout,
    from: &Path,
    identities: &Identities,
    clock: &dyn Clock,
    monitor: &dyn Monitor,
) -> Result<Imported, Error> {
    Ok(archive::import(&Vault::new(&layout.backups), from, identities, clock, monitor)?)
}
