//! What can go wrong with snapshots. A damaged snapshot is a finding for validation, and an error only for restore.

use std::path::PathBuf;

use atocore_model::{error::ErrorCode, id::SnapshotId};
use atocore_storage::{files::FileError, locks::processes_in_words, sqlite::StorageError};

/// A snapshot that could not be taken, looked at or restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is no room for the copy; nothing was written.
    #[error("not enough room in `{}`: {needed_bytes} bytes are needed, {available_bytes} are free", place.display())]
    NotEnoughSpace {
        /// Where the copy was to go.
        place: PathBuf,
        /// What it needs, with some room to spare.
        needed_bytes: u64,
        /// What is free.
        available_bytes: u64,
    },
    /// The vector store holds something that a snapshot cannot.
    #[error("the vector store holds `{}`, which is {what}", path.display())]
    VectorStoreEntry {
        /// The thing.
        path: PathBuf,
        /// What is wrong with it: `a symbolic link`.
        what: &'static str,
    },
    /// A file of the installation has a name that cannot stand in the metadata.
    #[error("the name of `{}` cannot be recorded on every platform", .0.display())]
    NameNotRecordable(PathBuf),
    /// The metadata would be larger than what is read back.
    #[error("the metadata of {files} files would take {bytes} bytes, the limit is {limit}")]
    MetadataTooLarge {
        /// Number of files.
        files: usize,
        /// Size of their metadata.
        bytes: usize,
        /// The largest size that is read.
        limit: u64,
    },
    /// The metadata could not be put into words.
    #[error("the metadata cannot be written as JSON")]
    MetadataUnwritable(#[source] serde_json::Error),
    /// Every stamp near the present time is taken.
    #[error("no stamp from `{0}` on is free")]
    NoFreeStamp(SnapshotId),
    /// Another program put something under the stamp while the snapshot was written.
    #[error("something else appeared as snapshot `{0}` while it was written")]
    StampTaken(SnapshotId),
    /// What is to be a folder of the backup directory is something else.
    #[error("`{}` is to be a folder and is {what}", path.display())]
    NotAFolder {
        /// Where.
        path: PathBuf,
        /// What is there.
        what: &'static str,
    },
    /// No snapshot has that stamp.
    #[error("snapshot `{0}` not found")]
    Unknown(SnapshotId),
    /// The snapshot failed verification.
    #[error("snapshot `{stamp}` failed verification: {}", problems.join("; "))]
    Damaged {
        /// The snapshot.
        stamp: SnapshotId,
        /// What validation found, in its words.
        problems: Vec<String>,
    },
    /// The backup directory is not what it was, or would be made where a disk is not mounted.
    #[error("{}", match empty {
        Some(empty) => format!("the backup directory `{}` is not there, and `{}`, where it would be made, is an empty folder", dir.display(), empty.display()),
        None => format!("the backup directory `{}` had snapshots of this installation, and has no folder for them any more", dir.display()),
    })]
    DirectoryGone {
        /// The backup directory.
        dir: PathBuf,
        /// The empty folder below which it would be made; `None` when it was in use before.
        empty: Option<PathBuf>,
    },
    /// A newer program wrote the snapshot.
    #[error("snapshot `{stamp}` has format {found}, this program reads up to {known}")]
    Newer {
        /// The snapshot.
        stamp: SnapshotId,
        /// Its format.
        found: u64,
        /// The newest format that this program reads.
        known: u32,
    },
    /// A restored file is not what was recorded; nothing was put in place.
    #[error("the restored copy of `{0}` is not the file that was recorded")]
    CopyDiffers(String),
    /// The place to restore to is in use.
    #[error("the folder `{}` is not empty: it holds `{found}`", target.display())]
    TargetNotEmpty {
        /// The folder.
        target: PathBuf,
        /// One of the names in it.
        found: String,
    },
    /// The place to restore to holds what an earlier restore brought, which was cut short and is finished now.
    #[error("a restore into `{}` was cut short and has been finished now; nothing else was done", .0.display())]
    RestoreFinished(PathBuf),
    /// The place to restore to is a part of the backups.
    #[error("the folder `{}` lies among the snapshots", .0.display())]
    TargetAmongSnapshots(PathBuf),
    /// The place to restore to is a part of the installation that has the snapshot.
    #[error("the folder `{}` lies in the data of this installation", .0.display())]
    TargetInInstallation(PathBuf),
    /// The note of a restore that is under way, or was the last one, makes no sense.
    #[error("`{}` cannot be understood: {why}", path.display())]
    JournalUnreadable {
        /// The note.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Not a complete snapshot archive; nothing was imported.
    #[error("not a complete snapshot archive: {0}")]
    ArchiveInvalid(String),
    /// The archive has to be decrypted first; nothing was imported.
    #[error("the archive is encrypted")]
    ArchiveEncrypted,
    /// The file to write an archive to is there already.
    #[error("there is something at `{}` already", .0.display())]
    ArchiveExists(PathBuf),
    /// Another snapshot has the stamp of the one to import.
    #[error("there is another snapshot `{0}`, or one is being written")]
    SnapshotExists(SnapshotId),
    /// Nothing could prove a copy of the snapshot.
    #[error("snapshot `{0}` has no digests: the original wrote it")]
    NoDigests(SnapshotId),
    /// Somebody keeps a lock of the backup directory that is never needed for long.
    #[error("the lock `{}` has been held for too long by {}", lock.display(), processes_in_words(holders))]
    Busy {
        /// The file.
        lock: PathBuf,
        /// The processes that have it, where the system tells.
        holders: Vec<u32>,
    },
    /// The caller cancelled; nothing is left behind.
    #[error("cancelled")]
    Cancelled,
    /// The store or a database could not be read or copied.
    #[error(transparent)]
    Storage(StorageError),
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FileError),
}

impl BackupError {
    /// The error code that every interface reports.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::NotEnoughSpace { .. } => ErrorCode::DiskFull,
            Self::DirectoryGone { .. } => ErrorCode::BackupDirectoryGone,
            Self::VectorStoreEntry { .. }
            | Self::NameNotRecordable(_)
            | Self::MetadataTooLarge { .. }
            | Self::StampTaken(_)
            | Self::NotAFolder { .. } => ErrorCode::Io,
            Self::JournalUnreadable { .. } => ErrorCode::Io,
            Self::MetadataUnwritable(_) | Self::NoFreeStamp(_) => ErrorCode::Internal,
            Self::Unknown(_) => ErrorCode::SnapshotUnknown,
            Self::ArchiveInvalid(_) => ErrorCode::ArchiveInvalid,
            Self::ArchiveEncrypted => ErrorCode::ArchiveEncrypted,
            Self::ArchiveExists(_) => ErrorCode::TargetNotEmpty,
            Self::SnapshotExists(_) => ErrorCode::SnapshotExists,
            Self::Damaged { .. } | Self::CopyDiffers(_) => ErrorCode::SnapshotDamaged,
            Self::Newer { .. } => ErrorCode::StoreNewer,
            Self::TargetNotEmpty { .. } | Self::RestoreFinished(_) => ErrorCode::TargetNotEmpty,
            Self::TargetAmongSnapshots(_) | Self::TargetInInstallation(_) | Self::NoDigests(_) => {
                ErrorCode::InvalidRequest
            }
            Self::Busy { .. } => ErrorCode::StoreBusy,
            Self::Cancelled => ErrorCode::Cancelled,
            Self::Storage(error) => error.code(),
            Self::File(error) if error.is_full() => ErrorCode::DiskFull,
            Self::File(_) => ErrorCode::Io,
        }
    }

    /// What a person can do about it, when there is something particular.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::NotEnoughSpace { .. } => {
                "make room on the disk of the folder that is named; where that is the disk of the snapshots, ATOCORE_BACKUP_DIR can name a larger one"
            }
            Self::DirectoryGone { .. } => {
                "mount its disk; or, if it is meant to begin anew, make the folder `snapshots` in it (`mkdir -p`)"
            }
            Self::VectorStoreEntry { .. } => {
                "move it out of the vector store, or take the snapshot without `--include-chroma`"
            }
            Self::Busy { .. } => "end that process if it does not belong to AtoCore, then try again",
            Self::NotAFolder { .. } => "move it away, and run the command again: the folder is made anew",
            Self::Unknown(_) => "`atocore backup list` shows the snapshots there are",
            Self::Damaged { .. } => {
                "choose another snapshot: `atocore backup list`, then `atocore backup validate STAMP`"
            }
            Self::Newer { .. } => "use the version of AtoCore that took the snapshot, or a later one",
            Self::CopyDiffers(_) => "the disk may be failing: try again into a folder on another one",
            Self::TargetNotEmpty { found, .. } if found.starts_with(crate::restore::STAGING_PREFIX) => {
                "another restore is at work there, or something else lies where it was cut short: name another folder"
            }
            Self::RestoreFinished(_) => {
                "use what is there: `atocore --data-dir DIR status`; or name another folder"
            }
            Self::TargetNotEmpty { .. } => "name an empty folder, or one that does not exist yet",
            Self::ArchiveInvalid(_) => {
                "nothing was imported; get the archive again from where it was exported"
            }
            Self::ArchiveEncrypted => {
                "nothing was imported; decrypt it on the way: `age -d -i KEY ARCHIVE | atocore backup import -`"
            }
            Self::ArchiveExists(_) => "name a file that does not exist yet",
            Self::SnapshotExists(_) => {
                "both cannot have the same stamp: import it into another backup directory (ATOCORE_BACKUP_DIR)"
            }
            Self::NoDigests(_) => "copy its folder: `cp -R`; it can be validated and restored from there",
            Self::TargetAmongSnapshots(_) => "name a folder outside the backup directory",
            Self::TargetInInstallation(_) => {
                "name a folder elsewhere; without `--to` the snapshot is restored in place"
            }
            _ => return None,
        })
    }
}

/// A cancelled copy is a cancelled snapshot.
impl From<StorageError> for BackupError {
    fn from(error: StorageError) -> Self {
        if matches!(error, StorageError::Cancelled) { Self::Cancelled } else { Self::Storage(error) }
    }
}
