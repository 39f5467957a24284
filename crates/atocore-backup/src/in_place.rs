//! Restoring over the present state: everything is made ready beside it, then swapped in by a journal.
//!
//! Until the journal is on disk nothing of the present state has changed, and what was made ready is thrown away.
//! From then on the swap is going to happen: every step can be done again, and whoever opens the installation next
//! finishes what was cut short ([`recover`]). So a crash leaves the old state or the new one and never a mixture.
//!
//! The caller owns the store, has nobody reading it, and has closed it before [`StagedSnapshot::swap`].

mod journal;
mod swap;

use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use atocore_model::{
    digest::Digest,
    id::SnapshotId,
    monitor::{Monitor, Progress},
    time::Timestamp,
};
use atocore_storage::{files, layout::Layout};
use journal::{Journal, StagedFile};

use crate::{
    BackupError,
    restore::{self, FileRole, SLACK_BYTES, SourceFile},
    take::proceed,
    tree, vectors,
    verify::VerifiedSnapshot,
};

pub use journal::RestoreRecord;

/// A snapshot that lies ready beside the present state. Thrown away when dropped.
#[derive(Debug)]
pub struct StagedSnapshot {
    layout: Layout,
    stamp: SnapshotId,
    database: StagedFile,
    registry: Option<StagedFile>,
    vectors: bool,
    armed: bool,
}

/// What a restore that was cut short has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecoveryOutcome {
    /// There was none.
    Nothing,
    /// It had not changed anything yet; what it had made ready was thrown away.
    RolledBack,
    /// It was finished.
    Finished(RestoreRecord),
}

/// Copies a snapshot to where it can be swapped in, and compares every copy with the record. The present state stays
/// as it is and may be in use.
///
/// # Errors
/// [`BackupError::NotEnoughSpace`] before anything is written; [`BackupError::CopyDiffers`]; else why it cannot be
/// copied, or why the registry or the notes of the restore could not be put in their place.
///
/// # Durability
/// Everything that is ready is on disk when this returns `Ok`.
///
/// # Cancellation
/// Is looked for between pieces of the copy.
pub fn stage(
    verified: &VerifiedSnapshot,
    layout: &Layout,
    monitor: &dyn Monitor,
) -> Result<StagedSnapshot, BackupError> {
    let sources = restore::sources(verified)?;
    refuse_what_does_not_fit(&sources, layout)?;
    swap::refuse_closed_registry(layout)?;
    journal::refuse_obstacles(layout)?;
    swap::clear_staged(layout)?;
    let mut staged = StagedSnapshot {
        layout: layout.clone(),
        stamp: verified.stamp(),
        database: StagedFile { size_bytes: 0, digest: Digest::from_bytes([0; 32]) },
        registry: None,
        vectors: verified.manifest().restores_vector_store(),
        armed: false,
    };
    let total: u64 = sources.iter().map(|source| source.size_bytes).fold(0, u64::saturating_add);
    let mut done = 0;
    let mut watch = |piece| {
        done += piece;
        monitor.progress(Progress { phase: "restoring".into(), done, total: Some(total.saturating_mul(2)) });
        if monitor.cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    if staged.vectors {
        create_folders(verified, &swap::incoming_vectors(layout))?;
    }
    for source in &sources {
        let to = match &source.part {
            FileRole::Database => swap::incoming_database(layout),
            FileRole::Registry => swap::incoming_registry(layout),
            FileRole::Vectors(path) => swap::incoming_vectors(layout).join(path),
        };
        files::create_dirs_synced(to.parent().unwrap_or(&layout.data))?;
        let (size_bytes, digest) = restore::copy_checked(source, &to, &mut watch)?;
        match source.part {
            FileRole::Database => staged.database = StagedFile { size_bytes, digest },
            FileRole::Registry => staged.registry = Some(StagedFile { size_bytes, digest }),
            FileRole::Vectors(_) => {}
        }
    }
    if verified.manifest().atocore.is_none() {
        restore::check_integrity(verified, &swap::incoming_database(layout))?;
    }
    proceed(monitor)?;
    swap::sync_staged(layout, staged.vectors)?;
    Ok(staged)
}

impl StagedSnapshot {
    /// The snapshot.
    #[must_use]
    pub const fn stamp(&self) -> SnapshotId {
        self.stamp
    }

    /// Where its database lies ready, which must not be changed.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        swap::incoming_database(&self.layout)
    }

    /// Puts the snapshot in the place of the present state, which `safety` holds. Without one, because the store cannot
    /// be opened, its files are copied aside first: [`RestoreRecord::kept`] says where.
    ///
    /// # Errors
    /// Before the journal is on disk: nothing has changed. After it: the installation stays closed until [`recover`]
    /// has finished the swap.
    ///
    /// # Durability
    /// The present state is the one of the snapshot, on disk, when this returns `Ok`.
    pub fn swap(mut self, safety: Option<SnapshotId>, now: Timestamp) -> Result<RestoreRecord, BackupError> {
        let at = if safety.is_none() { journal::free_time(now, &self.layout) } else { now };
        let journal = Journal {
            replaced: RestoreRecord::new(self.stamp, safety, at, &self.layout),
            database: self.database.clone(),
            registry: self.registry.clone(),
            vectors: self.vectors,
        };
        if let Some(kept) = &journal.replaced.kept {
            files::create_dirs_synced(kept)?;
        }
        if let Err(error) = journal.write(&self.layout) {
            // It may stand there all the same, and what it names must not be thrown away as long as it may.
            self.armed = journal::withdraw(&self.layout).is_err();
            return Err(error);
        }
        self.armed = true;
        swap::carry_out(&journal, &self.layout)
    }
}

impl Drop for StagedSnapshot {
    fn drop(&mut self) {
        if !self.armed {
            // What stays behind is thrown away by the next restore or the next start.
            drop(swap::clear_staged(&self.layout));
        }
    }
}

/// Whether a restore was cut short after it had begun to change the installation, which must not be opened then.
///
/// # Errors
/// When the folder cannot be looked at.
pub fn is_pending(layout: &Layout) -> Result<bool, BackupError> {
    journal::exists(layout)
}

/// Finishes or gives up a restore that was cut short. Called by whoever owns the store, before opening it.
///
/// # Errors
/// When the swap cannot be finished; the cause is named, and once it is gone the same call finishes it.
///
/// # Durability
/// As [`StagedSnapshot::swap`].
pub fn recover(layout: &Layout) -> Result<RecoveryOutcome, BackupError> {
    match Journal::read(layout)? {
        Some(journal) => Ok(RecoveryOutcome::Finished(swap::carry_out(&journal, layout)?)),
        None if swap::is_staged(layout)? => {
            // Not before it is known that no journal will be back after a power cut.
            journal::withdraw(layout)?;
            swap::clear_staged(layout)?;
            Ok(RecoveryOutcome::RolledBack)
        }
        None => Ok(RecoveryOutcome::Nothing),
    }
}

/// What the last restore over this installation did; `None` when there was none.
///
/// # Errors
/// When the note of it cannot be read.
pub fn last(layout: &Layout) -> Result<Option<RestoreRecord>, BackupError> {
    journal::last(layout)
}

/// The room is asked for where each part goes: parts may lie on file systems of their own.
fn refuse_what_does_not_fit(sources: &[SourceFile], layout: &Layout) -> Result<(), BackupError> {
    let is_vectors = |source: &&SourceFile| matches!(source.part, FileRole::Vectors(_));
    let sum = |sources: &mut dyn Iterator<Item = &SourceFile>| {
        sources.map(|source| source.size_bytes).fold(SLACK_BYTES, u64::saturating_add)
    };
    let vectors = sum(&mut sources.iter().filter(is_vectors));
    let others = sum(&mut sources.iter().filter(|source| !is_vectors(source)));
    for (place, needed_bytes) in [(layout.database(), others), (layout.vector_store(), vectors)] {
        let available_bytes = files::free_bytes(&place)?;
        if available_bytes < needed_bytes {
            return Err(BackupError::NotEnoughSpace { place, needed_bytes, available_bytes });
        }
    }
    Ok(())
}

/// Makes the folders of the vector store, empty ones too.
fn create_folders(verified: &VerifiedSnapshot, incoming: &Path) -> Result<(), BackupError> {
    files::create_dirs_synced(incoming)?;
    tree::walk_own(&verified.path().join("chroma"), &mut |entry| {
        let entry = entry.map_err(|(_, error)| error)?;
        match (entry.kind, entry.relative) {
            (files::Kind::Folder, Some(path)) if !vectors::is_of_a_restore(path.as_str()) => {
                Ok(files::create_dirs(&incoming.join(PathBuf::from(path.as_str())))?)
            }
            _ => Ok(()),
        }
    })
}
