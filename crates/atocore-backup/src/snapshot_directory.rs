//! The backup directory: where its snapshots lie, and the list of them.
//!
//! A snapshot is found from where it lies now, never from the absolute paths in its metadata.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use atocore_model::{error::with_causes, id::SnapshotId, time::Timestamp};
use atocore_storage::files::{self, Kind, stream};
use serde_json::Value;

use crate::{
    BackupError,
    manifest::{self, FILE_NAME, LIMIT_BYTES},
    tree,
};

/// A stamp may be so far ahead of the clock: snapshots of one second are named by the seconds after it.
const AHEAD: Duration = Duration::from_secs(3_600);

/// A backup directory. It need not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotDirectory {
    dir: PathBuf,
}

/// One directory below `snapshots/`, whoever made it.
#[derive(Debug, Clone, PartialEq)]
pub struct SnapshotEntry {
    /// Its name: a stamp, or whatever else somebody put there.
    pub stamp: String,
    /// Its absolute path.
    pub path: PathBuf,
    /// Whether a metadata file is there.
    pub has_metadata: bool,
    /// The metadata; `None` when there is none, or none that can be read.
    pub metadata: Option<Value>,
    /// Why there is no metadata although the file is there: `invalid_json`, `unreadable` or `too_large`.
    pub metadata_error: Option<&'static str>,
}

/// The metadata file of a snapshot.
#[derive(Debug)]
pub(crate) enum MetadataFile {
    /// There is none.
    Missing,
    /// It cannot be read, and why.
    Unreadable(String),
    /// It is larger than what is read.
    TooLarge(u64),
    /// Its bytes.
    Bytes(Vec<u8>),
}

impl SnapshotDirectory {
    /// Names a backup directory; a relative one is taken from the present directory.
    #[must_use]
    pub fn new(dir: &Path) -> Self {
        Self { dir: std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned()) }
    }

    /// The backup directory, absolute.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The folder of the complete snapshots.
    #[must_use]
    pub fn snapshots(&self) -> PathBuf {
        self.dir.join("snapshots")
    }

    /// Makes the folders of a backup directory, and returns the one of what is not complete yet.
    pub(crate) fn prepare(&self) -> Result<PathBuf, BackupError> {
        let partial = self.partial();
        files::create_dirs_synced(&self.snapshots())?;
        files::create_dirs(&partial)?;
        // What is cleared up there must be ours.
        match files::kind(&partial)? {
            Some(Kind::Folder) => Ok(partial),
            kind => Err(BackupError::NotAFolder {
                what: kind.map_or("is not there", tree::in_words),
                path: partial,
            }),
        }
    }

    /// The folder of what is not complete yet.
    pub(crate) fn partial(&self) -> PathBuf {
        self.dir.join(".partial")
    }

    /// Held for a moment by whoever chooses a stamp, pins a snapshot or takes one off the list.
    pub(crate) fn lock_file(&self) -> PathBuf {
        self.dir.join(".lock")
    }

    /// All that lies in a backup directory.
    #[must_use]
    pub fn parts(&self) -> [PathBuf; 6] {
        [self.snapshots(), self.partial(), self.lock_file(), self.pins(), self.notes(), self.ledger()]
    }

    /// The folder of what was found out about snapshots.
    pub(crate) fn ledger(&self) -> PathBuf {
        self.dir.join("ledger")
    }

    /// The folder of the notes.
    fn notes(&self) -> PathBuf {
        self.dir.join("notes")
    }

    /// The folder of the pins.
    pub(crate) fn pins(&self) -> PathBuf {
        self.dir.join("pins")
    }

    /// Where the note about the snapshot of that stamp lies, or would.
    pub(crate) fn note(&self, id: SnapshotId) -> PathBuf {
        self.notes().join(id.to_string())
    }

    /// Where the pin of the snapshot of that stamp lies, or would.
    pub(crate) fn pin(&self, id: SnapshotId) -> PathBuf {
        self.pins().join(id.to_string())
    }

    /// Where the snapshot of that stamp lies, or would.
    #[must_use]
    pub fn snapshot(&self, id: SnapshotId) -> PathBuf {
        self.snapshots().join(id.to_string())
    }

    /// Whatever lies in `snapshots/`, but for what an operating system left there; nothing when there is no such folder.
    /// One that is there and cannot be looked into is an error: that there are no snapshots would be a lie.
    pub(crate) fn found(&self) -> Result<Vec<PathBuf>, BackupError> {
        match files::list(&self.snapshots()) {
            Err(error) if error.source.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            listed => {
                let is_ours = |path: &PathBuf| {
                    !tree::is_leaving(&path.file_name().unwrap_or_default().to_string_lossy(), Kind::Folder)
                };
                Ok(listed?.into_iter().filter(is_ours).collect())
            }
        }
    }

    /// Every directory below `snapshots/`, sorted by name; none when the backup directory is missing.
    ///
    /// # Errors
    /// When the folder is there and cannot be read. Metadata that cannot be read is noted in its entry.
    pub fn list(&self) -> Result<Vec<SnapshotEntry>, BackupError> {
        Ok(self.found()?.into_iter().filter(|path| is_folder(path)).map(entry).collect())
    }

    /// The stamp of every directory below `snapshots/` that is named by one, the oldest first, without looking into
    /// them.
    ///
    /// # Errors
    /// When the folder is there and cannot be read.
    pub fn stamps(&self) -> Result<Vec<SnapshotId>, BackupError> {
        let paths = self.found()?;
        let stamp = |path: &PathBuf| path.file_name()?.to_str()?.parse::<SnapshotId>().ok();
        let mut stamps: Vec<_> = paths.iter().filter(|path| is_folder(path)).filter_map(stamp).collect();
        stamps.sort();
        Ok(stamps)
    }

    /// The same, the newest first, and those of the future (by more than an hour) last: when a clock was wrong once,
    /// what it left must not stand for the newest until its time comes.
    ///
    /// # Errors
    /// As [`SnapshotDirectory::stamps`].
    pub fn newest_first(&self, now: Timestamp) -> Result<Vec<SnapshotId>, BackupError> {
        Ok(newest_first(self.stamps()?, now))
    }
}

/// Stamps in the order of [`SnapshotDirectory::newest_first`], for who has looked at the backup directory already.
#[must_use]
pub fn newest_first(mut stamps: Vec<SnapshotId>, now: Timestamp) -> Vec<SnapshotId> {
    stamps.sort();
    let begins = now.get().checked_add(AHEAD).unwrap_or(now.get());
    let (past, future): (Vec<_>, Vec<_>) = stamps.into_iter().partition(|stamp| stamp.time() <= begins);
    past.into_iter().rev().chain(future.into_iter().rev()).collect()
}

/// A link to one leads out of the backup directory, and is none.
fn is_folder(path: &Path) -> bool {
    matches!(files::kind(path), Ok(Some(Kind::Folder)))
}

fn entry(path: PathBuf) -> SnapshotEntry {
    let stamp = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let metadata = match metadata_file(&path) {
        MetadataFile::Missing => {
            return SnapshotEntry { stamp, path, has_metadata: false, metadata: None, metadata_error: None };
        }
        MetadataFile::Unreadable(_) => Err("unreadable"),
        MetadataFile::TooLarge(_) => Err("too_large"),
        MetadataFile::Bytes(bytes) => match manifest::read(&bytes) {
            Ok(reading) if reading.value.is_object() => Ok(reading.value),
            _ => Err("invalid_json"),
        },
    };
    let (metadata, metadata_error) = match metadata {
        Ok(value) => (Some(value), None),
        Err(word) => (None, Some(word)),
    };
    SnapshotEntry { stamp, path, has_metadata: true, metadata, metadata_error }
}

/// Reads the metadata file of the snapshot at `dir`, if it is a file of reasonable size.
pub(crate) fn metadata_file(dir: &Path) -> MetadataFile {
    let path = dir.join(FILE_NAME);
    match files::kind(&path) {
        Ok(None) => MetadataFile::Missing,
        Ok(Some(Kind::File(size))) if size > LIMIT_BYTES => MetadataFile::TooLarge(size),
        // One byte more than the limit, in case the file grows under our eyes.
        Ok(Some(Kind::File(_))) => match stream::head(&path, LIMIT_BYTES + 1) {
            Ok(bytes) if bytes.len() as u64 > LIMIT_BYTES => MetadataFile::TooLarge(bytes.len() as u64),
            Ok(bytes) => MetadataFile::Bytes(bytes),
            Err(error) => MetadataFile::Unreadable(with_causes(&error)),
        },
        Ok(Some(kind)) => MetadataFile::Unreadable(format!("`{FILE_NAME}` is {}", tree::in_words(kind))),
        Err(error) => MetadataFile::Unreadable(with_causes(&error)),
    }
}
