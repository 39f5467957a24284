//! When, and under which guard, snapshots are taken; how they are proven; and the way back.

mod golden_queries;
mod live_server;
#[cfg(feature = "chroma")]
mod restore_test;
mod sampling;
mod scratch_dir;
mod verification;

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use atocore_backup::{
    BackupError, in_place,
    ledger::{Ledger, Verdict},
    mounted,
    notes::{self, Remarks},
    restore as restoring,
    snapshot_directory::{SnapshotDirectory, SnapshotEntry, newest_first},
    take::{self, TakeOptions, VectorServer, VectorStoreCopy},
    verify,
};
use atocore_chroma::Lease;
use atocore_model::{
    id::SnapshotId,
    monitor::Monitor,
    snapshot::Depth,
    time::{Clock, Timestamp},
};
use atocore_storage::{
    files,
    layout::Layout,
    sqlite::{Store, StoreRecord},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    engine::{Engine, known_stores},
    error::Error,
};

pub use atocore_backup::take::TakenSnapshot;
use live_server::LiveServer;
pub(crate) use live_server::runs_here;
pub use verification::validate;

/// Whether a snapshot is to hold the folder of the vector store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IncludeVectors {
    /// Yes, when there is one.
    Yes,
    /// No; vectors are rebuilt from the store.
    No,
}

fn options(engine: &Engine, vectors: IncludeVectors, server: &VectorServer) -> TakeOptions {
    let config = engine.config();
    let mut options = TakeOptions::new(Arc::clone(&config.clock));
    options.copier = config.copier.clone();
    options.server = server.clone();
    options.vector_store = match vectors {
        IncludeVectors::Yes => VectorStoreCopy::Include,
        IncludeVectors::No => VectorStoreCopy::LeaveOut,
    };
    options
}

/// Takes a snapshot while nobody is answered: without golden queries, because asking them takes longer than copying.
pub(crate) fn take_in_silence(
    engine: &Engine,
    store: &Store,
    vectors: IncludeVectors,
    monitor: &dyn Monitor,
) -> Result<TakenSnapshot, Error> {
    let layout = engine.layout();
    let source = take::SnapshotSource { store, layout };
    let lease = engine.lease_vectors(vectors)?;
    let live_server = live_server(engine, lease.as_ref(), monitor)?;
    let options = options(engine, vectors, &live_server.server);
    Ok(take::take(&SnapshotDirectory::new(&layout.backups), &source, &options, monitor)?)
}

fn live_server(
    engine: &Engine,
    lease: Option<&Lease<'_>>,
    monitor: &dyn Monitor,
) -> Result<LiveServer, Error> {
    lease.map_or(Ok(LiveServer::default()), |lease| live_server::find(engine, lease, monitor))
}

/// Takes a snapshot. The vector store of one that is to hold it is held meanwhile.
pub(crate) fn take(
    engine: &Engine,
    store: &Store,
    vectors: IncludeVectors,
    lease: Option<&Lease<'_>>,
    monitor: &dyn Monitor,
) -> Result<TakenSnapshot, Error> {
    let live_server = live_server(engine, lease, monitor)?;
    let options = options(engine, vectors, &live_server.server);
    let layout = engine.layout();
    let vault = SnapshotDirectory::new(&layout.backups);
    let source = take::SnapshotSource { store, layout };
    // Without vectors nobody has the guard yet: ingestion is kept out until the golden queries have been asked.
    let guard = (vectors == IncludeVectors::No).then(|| engine.pause("snapshot")).flatten();
    let guard = Mutex::new(guard);
    let unasked = Mutex::new(None);
    let golden_queries = |point: &StoreRecord| {
        let _guard = guard.lock().unwrap_or_else(PoisonError::into_inner).take();
        let recorded = golden_queries::record(engine, store, point, monitor);
        *unasked.lock().unwrap_or_else(PoisonError::into_inner) = recorded.unasked;
        recorded.bytes
    };
    let mut taken = take::take_with(&vault, &source, &options, &golden_queries, monitor)?;
    taken.notices.extend(unasked.into_inner().unwrap_or_else(PoisonError::into_inner));
    Ok(taken)
}

pub(crate) fn list(layout: &Layout) -> Result<Vec<SnapshotEntry>, Error> {
    Ok(mounted::directory(layout)?.list()?)
}

/// What is known of a snapshot beyond what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SnapshotProof {
    /// The deepest depth that is proven and that no later validation contradicts; null when none is.
    pub proven_depth: Option<Depth>,
    /// When it was proven.
    pub proven_at: Option<Timestamp>,
    /// The last verdict per depth, the shallowest first, without those that a later one has overruled.
    pub verdicts: Vec<Verdict>,
    /// Why what was written down about it cannot be used, so that it counts as unproven; null when it can.
    pub ledger_problem: Option<String>,
    /// What it was taken for; empty when nobody said.
    #[serde(default)]
    pub note: String,
    /// Whether it is pinned, so that no removal takes it.
    #[serde(default)]
    pub pinned: bool,
    /// Why it is pinned; empty when nobody said, or it is not.
    #[serde(default)]
    pub pin_note: String,
    /// Whether it is the state before the last restore, which `undo` restores.
    #[serde(default)]
    pub undo_point: bool,
}

pub(crate) fn list_with_proof(layout: &Layout) -> Result<Vec<(SnapshotEntry, Option<SnapshotProof>)>, Error> {
    let vault = mounted::directory(layout)?;
    let ledger = Ledger::of(&vault);
    let undo_point = in_place::last(layout)?.and_then(|last| last.safety);
    let with_proof = |entry: SnapshotEntry| {
        let proof = entry.stamp.parse().ok().map(|id: SnapshotId| {
            let standing = ledger.verdicts(id);
            let proven = ledger.proven_by(id, &standing);
            let Remarks { note, pin } = notes::remarks(&vault, id);
            SnapshotProof {
                proven_depth: proven.map(|proven| proven.depth),
                proven_at: proven.map(|proven| proven.at),
                verdicts: standing.verdicts,
                ledger_problem: standing.problem,
                note,
                pinned: pin.is_some(),
                pin_note: pin.unwrap_or_default(),
                undo_point: undo_point == Some(id),
            }
        });
        (entry, proof)
    };
    Ok(vault.list()?.into_iter().map(with_proof).collect())
}

/// The newest snapshot of the store, whatever state it is in; one of the future only when there is no other.
pub(crate) fn newest(layout: &Layout, now: Timestamp) -> Result<Option<SnapshotId>, Error> {
    Ok(own_newest_first(layout, now)?.first().copied())
}

/// The stamps of [`list_own`], in the order of [`SnapshotDirectory::newest_first`].
pub(crate) fn own_newest_first(layout: &Layout, now: Timestamp) -> Result<Vec<SnapshotId>, Error> {
    Ok(stamps_newest_first(&list_own(layout)?, now))
}

/// The stamps of snapshots that have been listed, in the order of [`SnapshotDirectory::newest_first`].
pub(crate) fn stamps_newest_first(entries: &[SnapshotEntry], now: Timestamp) -> Vec<SnapshotId> {
    newest_first(entries.iter().filter_map(|entry| entry.stamp.parse().ok()).collect(), now)
}

/// Every snapshot but those that are known to be of another store than the one that is or was here: several installations may
/// share the directory, and what protects a neighbour protects nothing here.
pub(crate) fn list_own(layout: &Layout) -> Result<Vec<SnapshotEntry>, Error> {
    let mut entries = list(layout)?;
    if let Some(own) = known_stores::id_of(layout) {
        entries.retain(|entry| store_of(entry).is_none_or(|store| store == own));
    }
    Ok(entries)
}

/// The store that a snapshot is of; `None` where it does not say so.
fn store_of(entry: &SnapshotEntry) -> Option<&str> {
    entry.metadata.as_ref()?["atocore"]["store_id"].as_str()
}

/// The newest snapshot of the store whose metadata can be read, else of any: what `latest` stands for. One of the
/// future only when there is no other. Needs no open engine.
///
/// # Errors
/// [`Error::NoSnapshot`]; or when the backup directory is there and cannot be read.
pub fn latest(layout: &Layout, now: Timestamp) -> Result<SnapshotId, Error> {
    let mut entries = list(layout)?;
    entries.retain(|entry| entry.metadata.is_some());
    // Several installations may share the directory: those of the store that is or was here come first.
    let own = known_stores::id_of(layout);
    let is_own = |entry: &SnapshotEntry| store_of(entry) == own.as_deref();
    if own.is_some() && entries.iter().any(is_own) {
        entries.retain(is_own);
    }
    stamps_newest_first(&entries, now).first().copied().ok_or(Error::NoSnapshot)
}

/// Restores a snapshot into an empty folder, which then holds a whole installation. Needs no open engine, and nothing
/// of the installation that the snapshot was taken from but its backup directory.
///
/// # Errors
/// When the snapshot fails verification, the folder is not empty or is one of this installation's own, or writing fails;
/// the folder is then as it was.
///
/// # Durability
/// Everything restored is checked and on disk when this returns `Ok`.
pub fn restore(
    layout: &Layout,
    id: SnapshotId,
    to: &Path,
    clock: &dyn Clock,
    monitor: &dyn Monitor,
) -> Result<restoring::RestoreReport, Error> {
    // What AtoCore does not know there is cleared away, by the next drill for one.
    if files::resolved(to).starts_with(files::resolved(&layout.data)) {
        return Err(BackupError::TargetInInstallation(to.to_owned()).into());
    }
    let proven = verify::prove(&SnapshotDirectory::new(&layout.backups), id, clock, monitor)?;
    Ok(restoring::restore_into(&proven, to, monitor)?)
}
