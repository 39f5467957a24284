//! Carrying snapshots: out as one archive, and in again. Needs no open engine.

use std::{
    io::{Read, Write},
    path::Path,
};

use atocore_backup::{
    archive::{self, ExportedArchive, ImportedSnapshot},
    snapshot_directory::SnapshotDirectory,
};
use atocore_model::{id::SnapshotId, monitor::Monitor, time::Clock};
use atocore_storage::{files::FileReader, layout::Layout};

use crate::error::Error;

/// Writes a snapshot into one file, after verifying it to the depth `content`.
///
/// # Errors
/// When it fails verification, or the file exists or cannot be written; there is no file then.
///
/// # Durability
/// The file is on disk when this returns `Ok`.
pub fn export(
    layout: &Layout,
    id: SnapshotId,
    to: &Path,
    clock: &dyn Clock,
    monitor: &dyn Monitor,
) -> Result<ExportedArchive, Error> {
    Ok(archive::export(&SnapshotDirectory::new(&layout.backups), id, to, clock, monitor)?)
}

/// Writes the same archive to whoever reads it.
///
/// # Errors
/// When the snapshot fails verification, or nobody reads any more.
pub fn export_to(
    layout: &Layout,
    id: SnapshotId,
    out: impl Write,
    clock: &dyn Clock,
    monitor: &dyn Monitor,
) -> Result<ExportedArchive, Error> {
    Ok(archive::export_to(&SnapshotDirectory::new(&layout.backups), id, out, clock, monitor)?)
}

/// Imports a snapshot from such an archive, under its own stamp, after comparing every byte with its record.
///
/// # Errors
/// When it is encrypted, not a complete snapshot archive, another snapshot has the stamp, or there is no room; nothing
/// lists then.
///
/// # Durability
/// The snapshot is whole and on disk when this returns `Ok`.
pub fn import(
    layout: &Layout,
    from: impl Read,
    clock: &dyn Clock,
    monitor: &dyn Monitor,
) -> Result<ImportedSnapshot, Error> {
    Ok(archive::import(&SnapshotDirectory::new(&layout.backups), from, clock, monitor)?)
}

/// An archive in a file, or in a pipe that has a name.
///
/// # Errors
/// When it cannot be opened.
pub fn open_archive(path: &Path) -> Result<FileReader, Error> {
    Ok(FileReader::open(path).map_err(atocore_backup::BackupError::from)?)
}
