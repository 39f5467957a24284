//! Snapshots: taking, listing, verifying.

use std::time::Duration;

use atocore_backup::{
    notes,
    snapshot_directory::{SnapshotDirectory, SnapshotEntry},
    verify::Validation,
};
use atocore_chroma::Lease;
use atocore_model::{id::SnapshotId, monitor::Monitor, snapshot::Depth};
use atocore_storage::sqlite::StorageError;

use super::Engine;
use crate::{
    backups::{self, IncludeVectors, SnapshotProof, TakenSnapshot},
    embedding::VectorStore,
    error::Error,
    ingest_lock::IngestGuard,
};

/// How long something that could do without waits for ingestion.
const PAUSE: Duration = Duration::from_millis(250);

impl Engine {
    /// Takes a snapshot of the store, the registry, and the vector store if asked for.
    ///
    /// # Errors
    /// When there is not enough space, or it cannot be copied; nothing is listed then.
    ///
    /// # Durability
    /// The snapshot is complete and on disk when this returns `Ok`.
    pub fn create_snapshot(
        &self,
        vectors: IncludeVectors,
        monitor: &dyn Monitor,
    ) -> Result<TakenSnapshot, Error> {
        let begin = || {
            self.ingest_lock.begin("snapshot with vectors", self.config.clock.now(), self.config.busy_timeout)
        };
        let guard = match vectors {
            IncludeVectors::Yes => {
                let guard = begin()?;
                // So that what is copied is what the store holds; a server that is away stays behind, which is said.
                if matches!(self.config.vectors, VectorStore::Chroma(_)) {
                    self.embedding.catch_up(self.store()?, monitor)?;
                }
                Some(guard)
            }
            IncludeVectors::No => None,
        };
        let lease = self.lease_vectors(vectors)?;
        let taken = backups::take(self, self.store()?, vectors, lease.as_ref(), monitor);
        drop((lease, guard));
        taken
    }

    /// Says of a snapshot what it was taken for.
    ///
    /// # Errors
    /// When that cannot be written; the snapshot is there all the same.
    ///
    /// # Durability
    /// It is on disk when this returns `Ok`.
    pub fn note_snapshot(&self, id: SnapshotId, note: &str) -> Result<(), Error> {
        Ok(notes::note(&SnapshotDirectory::new(&self.config.layout.backups), id, note)?)
    }

    /// Keeps the vector store as it is for whoever copies it, when it is to be copied.
    pub(crate) fn lease_vectors(&self, vectors: IncludeVectors) -> Result<Option<Lease<'_>>, Error> {
        match vectors {
            IncludeVectors::Yes => self.embedding.lease(&*self.config.clock, self.config.busy_timeout),
            IncludeVectors::No => Ok(None),
        }
    }

    /// Every snapshot, by stamp.
    ///
    /// # Errors
    /// When the backup directory is there and cannot be read.
    pub fn snapshots(&self) -> Result<Vec<SnapshotEntry>, Error> {
        backups::list(&self.config.layout)
    }

    /// Every snapshot with what the ledger says of it; nothing of a folder that is not named as a snapshot is.
    ///
    /// # Errors
    /// When the backup directory is there and cannot be read.
    pub fn snapshots_with_proof(&self) -> Result<Vec<(SnapshotEntry, Option<SnapshotProof>)>, Error> {
        backups::list_with_proof(&self.config.layout)
    }

    /// The newest snapshot whose metadata can be read.
    ///
    /// # Errors
    /// As [`backups::latest`].
    pub fn latest_snapshot(&self) -> Result<SnapshotId, Error> {
        backups::latest(&self.config.layout, self.config.clock.now())
    }

    /// Looks at a snapshot as closely as `depth` says, and writes the verdict into the ledger. One that does not exist
    /// is a result, not an error. Deeper than `content` it is restored into the scratch folder, which only an owner may
    /// use, and nothing of that is left.
    ///
    /// # Errors
    /// When the caller cancels it, or there is not enough space to restore it in; nothing is written into the ledger then.
    pub fn validate_snapshot(
        &self,
        id: SnapshotId,
        depth: Depth,
        monitor: &dyn Monitor,
    ) -> Result<Validation, Error> {
        if depth > Depth::Content && self.lexical_indexer.is_none() {
            return Err(StorageError::ReadOnly.into());
        }
        backups::validate(&self.config, &self.config.layout.scratch(), id, depth, monitor)
    }

    /// Restores the newest snapshot into scratch and lets it answer, as [`Engine::validate_snapshot`] to the depth
    /// `answers`; `None` when there is no snapshot.
    ///
    /// # Errors
    /// As [`Engine::validate_snapshot`]; when the backup directory is there and cannot be read.
    pub fn drill(&self, monitor: &dyn Monitor) -> Result<Option<Validation>, Error> {
        let newest = backups::newest(&self.config.layout, self.config.clock.now())?;
        newest.map(|id| self.validate_snapshot(id, Depth::Answers, monitor)).transpose()
    }

    /// Keeps ingestion out for a moment, unless somebody is at it for longer.
    pub(crate) fn pause(&self, activity: &str) -> Option<IngestGuard<'_>> {
        self.ingest_lock.begin(activity, self.config.clock.now(), PAUSE).ok()
    }
}
