//! What people should know of a snapshot: a file `notes/<stamp>` in the backup directory. Like a pin it lies beside the
//! snapshot, which is never changed, and does not travel with it.

use std::path::Path;

use atocore_model::id::SnapshotId;
use atocore_storage::files::{self, Kind, stream};

use crate::{BackupError, retention, snapshot_directory::SnapshotDirectory};

/// More of a note, which a person may have made by hand, is not read.
const LIMIT_BYTES: u64 = 4096;

/// What is written down about a snapshot by people and for them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remarks {
    /// What it was taken for; empty when nobody said.
    pub note: String,
    /// Whether it is pinned, and why: a pin need not say so.
    pub pin: Option<String>,
}

/// Says what a snapshot was taken for.
///
/// # Errors
/// When the note cannot be written.
///
/// # Durability
/// It is on disk when this returns `Ok`.
pub fn note(directory: &SnapshotDirectory, stamp: SnapshotId, text: &str) -> Result<(), BackupError> {
    let path = directory.note(stamp);
    files::create_dirs_synced(path.parent().unwrap_or(directory.dir()))?;
    Ok(files::write_atomic(&path, text.as_bytes())?)
}

/// What there is to know of a snapshot. What cannot be read is as if it were not there; a pin counts all the same.
#[must_use]
pub fn remarks(directory: &SnapshotDirectory, stamp: SnapshotId) -> Remarks {
    let is_pinned = retention::is_pinned(directory, stamp).unwrap_or(false);
    Remarks {
        note: line(&directory.note(stamp)).unwrap_or_default(),
        pin: is_pinned.then(|| line(&directory.pin(stamp)).unwrap_or_default()),
    }
}

/// Forgets the note of a snapshot that is deleted.
pub(crate) fn forget(directory: &SnapshotDirectory, stamp: SnapshotId) -> Result<(), BackupError> {
    Ok(files::remove_file(&directory.note(stamp))?)
}

/// The first line of a small file.
fn line(path: &Path) -> Option<String> {
    let Ok(Some(Kind::File(_))) = files::kind(path) else { return None };
    let bytes = stream::head(path, LIMIT_BYTES).ok()?;
    String::from_utf8_lossy(&bytes).lines().next().map(str::to_owned)
}
