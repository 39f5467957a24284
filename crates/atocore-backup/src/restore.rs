//! Restoring into an empty place: copied aside, compared with the record, on disk, and only then moved to its names.
//!
//! Never touches a folder that holds anything, and never the snapshot.

mod staging;

use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use atocore_model::{
    digest::Digest,
    error::with_causes,
    id::{Generation, SnapshotId},
    monitor::{Monitor, Progress},
    snapshot::Depth,
};
use atocore_storage::{
    files::{self, Kind, stream},
    layout::Layout,
    sqlite::inspect,
};
use staging::{Leftover, Staging};

use crate::{
    BackupError,
    manifest::{FileRecord, GOLDEN_QUERIES, Manifest, RecordedPath},
    take::proceed,
    tree, vectors,
    verify::VerifiedSnapshot,
};

pub use staging::STAGING_PREFIX;

/// What stays free beside the restored files.
pub(crate) const SLACK_BYTES: u64 = 16 << 20;

/// What a restore has put in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreReport {
    /// The snapshot.
    pub stamp: SnapshotId,
    /// The folder that is an installation now, absolute.
    pub target: PathBuf,
    /// Every file that was put there, by its path below the target.
    pub files: Vec<RestoredFile>,
    /// Their size.
    pub bytes: u64,
    /// The generation of the store; `None` when the snapshot records none.
    pub generation: Option<Generation>,
    /// How deep the snapshot was proven before.
    pub proven: Depth,
}

/// One restored file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoredFile {
    /// Where it lies below the target.
    pub path: PathBuf,
    /// Its size.
    pub size_bytes: u64,
    /// Its digest: that of the file on disk, and that of the record when there is one.
    pub digest: Digest,
}

/// Restores a snapshot to `target_home`, which must be missing or empty, in the layout of an installation. What a killed
/// restore left there is cleared away first, or finished when it was ready.
///
/// # Errors
/// [`BackupError::RestoreFinished`] when there was one to finish;
/// [`BackupError::TargetNotEmpty`] or [`BackupError::NotEnoughSpace`] before anything is written;
/// [`BackupError::CopyDiffers`] when a copy is not what was recorded. After an error the target is as empty as before.
///
/// # Durability
/// When this returns `Ok`, every file was read back, is what was recorded, and is on disk. A crash on the way leaves
/// no database at its name.
///
/// # Cancellation
/// Is looked for between pieces of the copy, and last before the files are moved to their names.
pub fn restore_into(
    verified: &VerifiedSnapshot,
    target_home: &Path,
    monitor: &dyn Monitor,
) -> Result<RestoreReport, BackupError> {
    let target = std::path::absolute(target_home).unwrap_or_else(|_| target_home.to_owned());
    refuse_target(verified, &target)?;
    let sources = sources(verified)?;
    let total: u64 = sources.iter().map(|source| source.size_bytes).fold(0, u64::saturating_add);
    let needed_bytes = total.saturating_add(SLACK_BYTES);
    let available_bytes = files::free_bytes(&target)?;
    if available_bytes < needed_bytes {
        return Err(BackupError::NotEnoughSpace { place: target, needed_bytes, available_bytes });
    }
    proceed(monitor)?;

    files::create_dirs_synced(&target)?;
    let staging = Staging::create(&target)?;
    let staged = Layout::in_home(staging.dir());
    create_folders(verified, &staged)?;
    let mut done = 0;
    let mut watch = |piece| {
        done += piece;
        monitor.progress(Progress { phase: "restoring".into(), done, total: Some(total.saturating_mul(2)) });
        if monitor.cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let mut restored = Vec::new();
    for source in &sources {
        let to = source.part.place(&staged);
        files::create_dirs(to.parent().unwrap_or(staging.dir()))?;
        let (size_bytes, digest) = copy_checked(source, &to, &mut watch)?;
        let path = to.strip_prefix(staging.dir()).unwrap_or(&to).to_owned();
        restored.push(RestoredFile { path, size_bytes, digest });
    }
    if verified.manifest().atocore.is_none() {
        check_integrity(verified, &staged.database())?;
    }
    proceed(monitor)?;
    staging.move_to(&target)?;
    Ok(RestoreReport {
        stamp: verified.stamp(),
        target,
        bytes: restored.iter().map(|file| file.size_bytes).sum(),
        files: restored,
        generation: verified.manifest().atocore.as_ref().map(|record| Generation(record.generation)),
        proven: verified.depth(),
    })
}

fn refuse_target(verified: &VerifiedSnapshot, target: &Path) -> Result<(), BackupError> {
    let directory = crate::snapshot_directory::SnapshotDirectory::new(verified.directory());
    if [directory.snapshots(), directory.partial()]
        .iter()
        .any(|folder| files::resolved(target).starts_with(files::resolved(folder)))
    {
        return Err(BackupError::TargetAmongSnapshots(target.to_owned()));
    }
    match files::kind(target)? {
        None => Ok(()),
        Some(_) => match staging::resolve_leftovers(target)? {
            Leftover::Nothing => Ok(()),
            Leftover::Finished => Err(BackupError::RestoreFinished(target.to_owned())),
            Leftover::Other(found) => Err(BackupError::TargetNotEmpty {
                target: target.to_owned(),
                found: found.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            }),
        },
    }
}

/// One file to restore.
pub(crate) struct SourceFile {
    pub(crate) name: String,
    pub(crate) from: PathBuf,
    pub(crate) part: FileRole,
    pub(crate) size_bytes: u64,
    pub(crate) recorded: Option<Digest>,
}

/// What a file of a snapshot is, and so where it goes.
pub(crate) enum FileRole {
    Database,
    Registry,
    Vectors(PathBuf),
}

impl FileRole {
    fn of(path: &str, manifest: &Manifest) -> Option<Self> {
        let is = |place: RecordedPath| matches!(place, RecordedPath::At(at) if at.as_str() == path);
        if is(manifest.database()) {
            return Some(Self::Database);
        }
        if is(manifest.registry()) {
            return Some(Self::Registry);
        }
        path.strip_prefix("chroma/").map(|rest| Self::Vectors(PathBuf::from(rest)))
    }

    fn place(&self, layout: &Layout) -> PathBuf {
        match self {
            Self::Database => layout.database(),
            Self::Registry => layout.registry.clone(),
            Self::Vectors(path) => layout.vector_store().join(path),
        }
    }
}

/// Every file that belongs to an installation: those that are recorded, or what the original's metadata names.
pub(crate) fn sources(verified: &VerifiedSnapshot) -> Result<Vec<SourceFile>, BackupError> {
    let (manifest, dir) = (verified.manifest(), verified.path());
    let source = |path: &str, size_bytes, recorded| {
        let problem = || BackupError::Damaged {
            stamp: verified.stamp(),
            problems: vec![format!("file_unexpected: {path} is not part of a snapshot")],
        };
        let part = FileRole::of(path, manifest).ok_or_else(problem)?;
        Ok(SourceFile { name: path.to_owned(), from: dir.join(path), part, size_bytes, recorded })
    };
    if let Some(record) = &manifest.atocore {
        let recorded = |file: &FileRecord| source(file.path.as_str(), file.size_bytes, Some(file.digest));
        let is_part = |file: &&FileRecord| {
            let vectors = file.path.as_str().strip_prefix("chroma/");
            let is_left = |below| !manifest.restores_vector_store() || vectors::is_of_a_restore(below);
            file.path.as_str() != GOLDEN_QUERIES && !vectors.is_some_and(is_left)
        };
        return record.files.iter().filter(is_part).map(recorded).collect();
    }
    let mut found = Vec::new();
    for place in [manifest.database(), manifest.registry()] {
        if let RecordedPath::At(path) = place
            && let Some(Kind::File(size)) = files::kind(&dir.join(path.as_str()))?
        {
            found.push(source(path.as_str(), size, None)?);
        }
    }
    if manifest.has_vector_store() {
        walk_vectors(dir, &mut |entry| match (entry.kind, entry.relative) {
            (Kind::File(size), Some(path)) => {
                found.push(source(&format!("chroma/{path}"), size, None)?);
                Ok(())
            }
            (Kind::Folder, Some(_)) => Ok(()),
            (kind, _) => Err(BackupError::Damaged {
                stamp: verified.stamp(),
                problems: vec![format!(
                    "file_unexpected: chroma/{} is {}",
                    entry.shown,
                    tree::in_words(kind)
                )],
            }),
        })?;
    }
    Ok(found)
}

fn walk_vectors(
    snapshot: &Path,
    each: &mut dyn FnMut(tree::TreeEntry) -> Result<(), BackupError>,
) -> Result<(), BackupError> {
    tree::walk_own(&snapshot.join("chroma"), &mut |entry| {
        let entry = entry.map_err(|(_, error)| error)?;
        let below = entry.relative.as_ref().map(|below| below.as_str()).unwrap_or_default();
        if vectors::is_of_a_restore(below) { Ok(()) } else { each(entry) }
    })
}

/// Makes the folders of the vector store, empty ones too.
pub(crate) fn create_folders(verified: &VerifiedSnapshot, staged: &Layout) -> Result<(), BackupError> {
    if !verified.manifest().restores_vector_store() {
        return Ok(());
    }
    files::create_dirs(&staged.vector_store())?;
    walk_vectors(verified.path(), &mut |entry| match (entry.kind, entry.relative) {
        (Kind::Folder, Some(path)) => Ok(files::create_dirs(&staged.vector_store().join(path.as_str()))?),
        _ => Ok(()),
    })
}

/// Copies a file and reads the copy back: both times it must be what was recorded.
pub(crate) fn copy_checked(
    source: &SourceFile,
    to: &Path,
    watch: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<(u64, Digest), BackupError> {
    let copied = stream::copy(&source.from, to, watch)?.ok_or(BackupError::Cancelled)?;
    let on_disk = stream::digest(to, watch)?.ok_or(BackupError::Cancelled)?;
    let expected = source.recorded.map_or(copied, |digest| (source.size_bytes, digest));
    if copied == expected && on_disk == expected {
        Ok(on_disk)
    } else {
        Err(BackupError::CopyDiffers(source.name.clone()))
    }
}

/// Where there is no record to compare with, SQLite must at least find the copy whole.
pub(crate) fn check_integrity(verified: &VerifiedSnapshot, database: &Path) -> Result<(), BackupError> {
    let complaint = match inspect::integrity(database) {
        Ok(complaints) => complaints.into_iter().next(),
        Err(error) => Some(with_causes(&error)),
    };
    complaint.map_or(Ok(()), |complaint| {
        let problems = vec![format!("db_integrity_check_failed: {complaint}")];
        Err(BackupError::Damaged { stamp: verified.stamp(), problems })
    })
}
