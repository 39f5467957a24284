//! A state of the index as searches see it.

use std::{fmt, sync::Arc};

use atocore_model::{digest::Digest, id::StoreVersion};

use super::{
    manifest::{self, SegmentRecord, TombstoneRecord},
    segment::QuantizedVectors,
    tombstones::Tombstones,
};
use crate::vector::VectorSpace;

/// One state.
#[derive(Debug)]
pub(super) struct IndexSnapshot {
    /// What the vectors are, and the state of the store they are of; `None` when there never were any.
    pub(super) state: Option<(VectorSpace, StoreVersion)>,
    /// By project, of each the oldest first.
    pub(super) segments: Vec<VectorSegment>,
    /// The digest of the manifest that describes it.
    pub(super) manifest: Digest,
}

impl IndexSnapshot {
    pub(super) fn space(&self) -> Option<VectorSpace> {
        self.state.map(|(space, _)| space)
    }

    pub(super) fn version(&self) -> Option<StoreVersion> {
        self.state.map(|(_, version)| version)
    }

    /// How many vectors are not gone.
    pub(super) fn vectors(&self) -> u64 {
        self.segments.iter().map(|segment| segment.live() as u64).sum()
    }

    /// The names of all files but the manifest.
    pub(super) fn file_names(&self) -> impl Iterator<Item = String> {
        self.segments.iter().flat_map(|segment| {
            let tombstones = segment
                .tombstones
                .as_ref()
                .map(|tombstones| manifest::tombstones_file(tombstones.record.file.number));
            [Some(manifest::vectors_file(segment.vectors.record.number)), tombstones].into_iter().flatten()
        })
    }
}

/// Some vectors of one project.
#[derive(Clone)]
pub(super) struct VectorSegment {
    pub(super) project: String,
    pub(super) vectors: Arc<QuantizedVectors>,
    /// `None` when none are gone.
    pub(super) tombstones: Option<Arc<TombstoneFile>>,
}

/// Deleted entries, and the file that records them.
pub(super) struct TombstoneFile {
    pub(super) record: TombstoneRecord,
    pub(super) tombstones: Tombstones,
}

impl VectorSegment {
    /// How many are not gone.
    pub(super) fn live(&self) -> usize {
        self.vectors.len() - self.tombstones().map_or(0, Tombstones::count)
    }

    /// Those that are gone.
    pub(super) fn tombstones(&self) -> Option<&Tombstones> {
        self.tombstones.as_deref().map(|file| &file.tombstones)
    }

    pub(super) fn record(&self) -> SegmentRecord {
        SegmentRecord {
            project: self.project.clone(),
            entries: self.vectors.len() as u64,
            vectors: self.vectors.record.clone(),
            tombstones: self.tombstones.as_ref().map(|tombstones| tombstones.record.clone()),
        }
    }
}

impl fmt::Debug for VectorSegment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Segment")
            .field("project", &self.project)
            .field("entries", &self.vectors.len())
            .field("live", &self.live())
            .finish_non_exhaustive()
    }
}
