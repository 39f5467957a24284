//! One state of the index as searches see it.

use std::{fmt, sync::Arc};

use atocore_model::{digest::Digest, id::StoreVersion};

use super::{
    dead::Dead,
    manifest::{self, DeadRecord, SegmentRecord},
    segment::Codes,
};
use crate::vector::VectorSpace;

/// One state.
#[derive(Debug)]
pub(super) struct View {
    /// What the vectors are, and the state of the store they are of; `None` when there never were any.
    pub(super) state: Option<(VectorSpace, StoreVersion)>,
    /// By project, of each the oldest first.
    pub(super) segments: Vec<Segment>,
    /// The digest of the manifest that describes it.
    pub(super) manifest: Digest,
}

impl View {
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
            let dead = segment.dead.as_ref().map(|dead| manifest::dead_file(dead.record.file.number));
            [Some(manifest::codes_file(segment.codes.record.number)), dead].into_iter().flatten()
        })
    }
}

/// Some vectors of one project.
#[derive(Clone)]
pub(super) struct Segment {
    pub(super) project: String,
    pub(super) codes: Arc<Codes>,
    /// `None` when none are gone.
    pub(super) dead: Option<Arc<DeadFile>>,
}

/// Those that are gone, and the file that says so.
pub(super) struct DeadFile {
    pub(super) record: DeadRecord,
    pub(super) dead: Dead,
}

impl Segment {
    /// How many are not gone.
    pub(super) fn live(&self) -> usize {
        self.codes.len() - self.dead().map_or(0, Dead::count)
    }

    /// Those that are gone.
    pub(super) fn dead(&self) -> Option<&Dead> {
        self.dead.as_deref().map(|file| &file.dead)
    }

    pub(super) fn record(&self) -> SegmentRecord {
        SegmentRecord {
            project: self.project.clone(),
            entries: self.codes.len() as u64,
            codes: self.codes.record.clone(),
            dead: self.dead.as_ref().map(|dead| dead.record.clone()),
        }
    }
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Segment")
            .field("project", &self.project)
            .field("entries", &self.codes.len())
            .field("live", &self.live())
            .finish_non_exhaustive()
    }
}
