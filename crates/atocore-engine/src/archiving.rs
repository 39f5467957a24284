//! Carrying snapshots: out into one file, and in again. Needs no open engine.

use std::path::Path;

use atocore_backup::{
    archive::{self, Exported, Imported},
    vault::Vault,
};
use atocore_model::{id::SnapshotId, monitor::Monitor, time::Clock};
use atocore_storage::layout::Layout;

use crate::error::Error;

/// Writes a snapshot into one file, after proving it whole to its content.
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
    clock: &dyn Clock,
    monitor: &dyn Monitor,
) -> Result<Exported, Error> {
    Ok(archive::export(&Vault::new(&layout.backups), id, to, clock, monitor)?)
}

/// Takes a snapshot in from such a file, under its own stamp, after comparing every byte with its record.
///
/// # Errors
/// When it is no archive of a whole snapshot, another snapshot has the stamp, or there is no room; nothing lists then.
///
/// # Durability
/// The snapshot is whole and on disk when this returns `Ok`.
pub fn import(
    layout: &Layout,
    from: &Path,
    clock: &dyn Clock,
    monitor: &dyn Monitor,
) -> Result<Imported, Error> {
    Ok(archive::import(&Vault::new(&layout.backups), from, clock, monitor)?)
}
