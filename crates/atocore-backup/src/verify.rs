//! Validation: how much of a snapshot can be proven, and what is wrong with it.
//!
//! Reads only, leaves no trace, follows no link inside the snapshot, and trusts nothing in its metadata.

mod content;
mod digests;
mod examination;
mod rights;
mod structure;
mod vector_store;

use std::path::{Path, PathBuf};

use atocore_model::{
    digest::Digest,
    id::SnapshotId,
    monitor::Monitor,
    snapshot::Depth,
    time::{Clock, Timestamp},
};
use atocore_storage::files::Locked;
use serde_json::Value;

use crate::{
    BackupError, manifest::Manifest, reader_lock::lock_for_reading, snapshot_directory::SnapshotDirectory,
};
use examination::Examination;

/// Something that is wrong with a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotFinding {
    /// The depth that found it.
    pub depth: Depth,
    /// The file it is about, below the snapshot; empty for the snapshot as a whole.
    pub file: String,
    /// The error word, and after a colon what a person wants to know: `size_mismatch: db/atocore.db has …`.
    pub problem: String,
}

/// The result of a validation.
#[derive(Debug, Clone, PartialEq)]
pub struct Validation {
    /// The stamp that was asked for.
    pub stamp: SnapshotId,
    /// Where it lies, or would.
    pub path: PathBuf,
    /// Whether there is such a snapshot.
    pub exists: bool,
    /// Whether the database copy stood every check that was made.
    pub db_ok: bool,
    /// The same for the registry copy; `None` when none is recorded.
    pub registry_ok: Option<bool>,
    /// The same for the copy of the vector store; `None` when none is recorded.
    pub chroma_ok: Option<bool>,
    /// The metadata, when it is a JSON object.
    pub metadata: Option<Value>,
    /// The digest of the metadata file as it was read; `None` when there was none to read.
    pub metadata_blake3: Option<Digest>,
    /// How deep the look was to go.
    pub depth_asked: Depth,
    /// The deepest depth at which, and above which, every check was made and found nothing; `None` when not even the
    /// structure holds.
    pub depth_reached: Option<Depth>,
    /// What is wrong, in the order it was found.
    pub findings: Vec<SnapshotFinding>,
    /// Files that an operating system left there, such as `.DS_Store`. They are no part of the snapshot, are never copied,
    /// and do it no harm.
    pub leavings: Vec<String>,
    /// Files whose bytes were all read and compared with the record.
    pub checked_files: u64,
    /// Their size.
    pub checked_bytes: u64,
    /// When the look ended.
    pub verified_at: Timestamp,
    /// Why nothing was asked although the look was to go as deep as `answers`: there is nothing to ask about, which is no
    /// fault of the snapshot. `None` when something was asked, or nothing was to be.
    pub unasked: Option<String>,
    /// Why the verdict could not be written into the ledger; `None` when it was, or nobody tried.
    pub unrecorded: Option<String>,
}

impl Validation {
    /// Whether everything that was asked for was checked, as far as there is something to check, and nothing is wrong.
    #[must_use]
    pub fn valid(&self) -> bool {
        let deepest = if self.unasked.is_some() { Depth::Restore } else { Depth::Answers };
        self.depth_reached == Some(self.depth_asked.min(deepest))
    }

    /// The same of a snapshot that has nothing to ask about, as `why` says: it is as valid as it was to the depth
    /// `restore`, which is what is proven.
    #[must_use]
    pub fn without_answers(mut self, why: String) -> Self {
        self.depth_asked = Depth::Answers;
        self.unasked = Some(why);
        self
    }

    /// The same with what a deeper look found, which went as deep as `depth`. Where the validation itself found
    /// something, nothing deeper is reached, whatever was looked at.
    #[must_use]
    pub fn deepened(mut self, depth: Depth, findings: Vec<SnapshotFinding>, clock: &dyn Clock) -> Self {
        if self.valid() {
            let holds = |depth: &Depth| findings.iter().all(|finding| finding.depth > *depth);
            self.depth_reached = Depth::ALL.into_iter().rfind(|reached| *reached <= depth && holds(reached));
        }
        self.depth_asked = self.depth_asked.max(depth);
        self.findings.extend(findings);
        self.verified_at = clock.now();
        self
    }

    /// The contract's list of errors: the problems of all findings.
    #[must_use]
    pub fn errors(&self) -> Vec<String> {
        self.findings.iter().map(|finding| finding.problem.clone()).collect()
    }
}

/// Validates the snapshot `stamp` down to `depth`, or to the content where that is deeper. Damage is a result.
///
/// More cannot be seen without an engine: [`Validation::deepened`] adds what one has found.
/// A snapshot of the original has no recorded digests: deeper than structure it is unproven (`digests_not_recorded`),
/// and so not valid there, while everything that can be checked is.
///
/// # Errors
/// [`BackupError::Cancelled`] when `monitor` cancels, or [`BackupError::File`] when this user may not read all of it.
pub fn verify(
    directory: &SnapshotDirectory,
    stamp: SnapshotId,
    depth: Depth,
    clock: &dyn Clock,
    monitor: &dyn Monitor,
) -> Result<Validation, BackupError> {
    let (examination, _) = examine(directory, stamp, &|_| depth.min(Depth::Content), monitor)?;
    Ok(examination.conclude(clock))
}

/// Validates a snapshot down to the content, and hands it out for restoring when it is valid, without a second look.
///
/// # Errors
/// [`BackupError::Cancelled`] when `monitor` cancels, or [`BackupError::File`] when this user may not read all of it.
pub fn verify_whole(
    directory: &SnapshotDirectory,
    stamp: SnapshotId,
    clock: &dyn Clock,
    monitor: &dyn Monitor,
) -> Result<(Validation, Option<VerifiedSnapshot>), BackupError> {
    let (mut examination, manifest) = examine(directory, stamp, &|_| Depth::Content, monitor)?;
    let lock = examination.lock.take();
    let validation = examination.conclude(clock);
    let verified = manifest.filter(|_| validation.valid()).map(|manifest| VerifiedSnapshot {
        directory: directory.dir().to_owned(),
        manifest,
        validation: validation.clone(),
        _lock: lock,
    });
    Ok((validation, verified))
}

/// A snapshot that has just passed verification. Only this module makes one, and only a verified snapshot is restored.
#[derive(Debug)]
pub struct VerifiedSnapshot {
    directory: PathBuf,
    manifest: Manifest,
    validation: Validation,
    // No removal takes the snapshot away before this is dropped.
    _lock: Option<Locked>,
}

impl VerifiedSnapshot {
    /// Its stamp.
    #[must_use]
    pub const fn stamp(&self) -> SnapshotId {
        self.validation.stamp
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.validation.path
    }

    /// The backup directory it lies in.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Its metadata.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The depth to which it was proven.
    #[must_use]
    pub const fn depth(&self) -> Depth {
        self.validation.depth_asked
    }

    /// What was found; nothing that keeps it from being restored.
    #[must_use]
    pub const fn validation(&self) -> &Validation {
        &self.validation
    }
}

/// Proves a snapshot whole, as deep as what is recorded in it allows: to the content, or to the structure when the
/// original wrote it.
///
/// A registry that is no JSON, copied as it was, keeps nobody from going back: it is what was there.
///
/// # Errors
/// [`BackupError::Unknown`], [`BackupError::Newer`] or [`BackupError::Damaged`]; [`BackupError::Cancelled`].
pub fn prove(
    directory: &SnapshotDirectory,
    stamp: SnapshotId,
    clock: &dyn Clock,
    monitor: &dyn Monitor,
) -> Result<VerifiedSnapshot, BackupError> {
    let deepest = |manifest: &Manifest| match manifest.atocore {
        Some(_) => Depth::Content,
        None => Depth::Structure,
    };
    let (mut examination, manifest) = examine(directory, stamp, &deepest, monitor)?;
    let lock = examination.lock.take();
    let newer = examination.newer_format;
    let validation = examination.conclude(clock);
    if let Some(found) = newer {
        return Err(BackupError::Newer { stamp, found, known: crate::manifest::FORMAT_VERSION });
    }
    match manifest {
        _ if !validation.exists => Err(BackupError::Unknown(stamp)),
        Some(manifest) if validation.valid() || is_as_it_was(&validation, &manifest) => {
            Ok(VerifiedSnapshot { directory: directory.dir().to_owned(), manifest, validation, _lock: lock })
        }
        _ => Err(BackupError::Damaged { stamp, problems: validation.errors() }),
    }
}

/// Whether nothing is wrong but that the registry was no JSON when it was copied: every byte of it is compared with its
/// record, as those of every other file are.
fn is_as_it_was(validation: &Validation, manifest: &Manifest) -> bool {
    let of_registry = |finding: &SnapshotFinding| {
        finding.problem.starts_with(structure::REGISTRY_INVALID) && manifest.atocore.is_some()
    };
    !validation.findings.is_empty() && validation.findings.iter().all(of_registry)
}

/// Looks at everything down to the depth that `choose` names once the metadata is known.
fn examine<'a>(
    directory: &SnapshotDirectory,
    stamp: SnapshotId,
    choose: &dyn Fn(&Manifest) -> Depth,
    monitor: &'a dyn Monitor,
) -> Result<(Examination<'a>, Option<Manifest>), BackupError> {
    examine_at(stamp, &directory.snapshot(stamp), choose, monitor)
}

/// As [`verify`], for a snapshot that lies elsewhere: one that is not published yet.
pub(crate) fn verify_at(
    stamp: SnapshotId,
    dir: &Path,
    depth: Depth,
    clock: &dyn Clock,
    monitor: &dyn Monitor,
) -> Result<Validation, BackupError> {
    let (examination, _) = examine_at(stamp, dir, &|_| depth.min(Depth::Content), monitor)?;
    Ok(examination.conclude(clock))
}

fn examine_at<'a>(
    stamp: SnapshotId,
    dir: &Path,
    choose: &dyn Fn(&Manifest) -> Depth,
    monitor: &'a dyn Monitor,
) -> Result<(Examination<'a>, Option<Manifest>), BackupError> {
    rights::refuse_unreadable(dir)?;
    let mut examination = Examination::new(stamp, dir.to_owned(), monitor);
    examination.lock = lock_for_reading(&examination.dir, monitor)?;
    examination.depth = choose(&Manifest::default());
    examination.proceed()?;
    let Some(found) = structure::read_metadata(&mut examination) else {
        return Ok((examination, None));
    };
    examination.depth = choose(&found.manifest);
    structure::check(&mut examination, &found.manifest)?;
    if examination.depth >= Depth::Digests {
        digests::check(&mut examination, &found)?;
    }
    if examination.depth >= Depth::Content {
        content::check(&mut examination, &found.manifest)?;
    }
    Ok((examination, Some(found.manifest)))
}
