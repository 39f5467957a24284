//! A state of the index as searches see it: the base, and what changed since.

use std::{fmt, path::Path, sync::Arc};

use atocore_model::id::StoreVersion;

use super::{
    base::{self, VectorBase},
    document::{KEY_BYTES, QuantizedDocument},
    log::{self, ChangedDocuments, LogContent, LogEnd},
};
use crate::{
    files::{
        FileError,
        sealed::{self, ContentStamp},
    },
    vector::{VectorError, VectorSpace},
};

/// One state.
pub(super) struct IndexSnapshot {
    pub(super) base: Arc<VectorBase>,
    /// Documents that the log has; what the base has of them does not count.
    pub(super) changed: ChangedDocuments,
    /// Of every row of the base, whether it counts.
    pub(super) counts: Vec<bool>,
    pub(super) end: LogEnd,
    version: StoreVersion,
    vectors: usize,
    /// Bytes of the log, and of what the base has and does not count: what another base would save.
    pub(super) waste: u64,
}

impl IndexSnapshot {
    /// The state of a base with what a log says.
    pub(super) fn new(base: Arc<VectorBase>, log: LogContent) -> Self {
        let LogContent { version, changed, end } = log;
        let mut counts = vec![true; base.rows.len()];
        changed.keys().filter_map(|key| base.row_of.get(key)).for_each(|row| counts[*row] = false);
        let version = version.unwrap_or(base.version);
        let count = |counting: bool| -> usize {
            let rows = base.rows.iter().zip(&counts).filter(|(_, counts)| **counts == counting);
            rows.map(|(row, _)| row.vectors).sum()
        };
        let new: usize = changed.values().map(|document| document.stored().entries.len()).sum();
        let vectors = count(true) + new;
        let waste = end.bytes + (count(false) * (base.space.dimensions + KEY_BYTES)) as u64;
        Self { base, changed, counts, end, version, vectors, waste }
    }

    /// Loads what is in the folder; `known` is used again when it is still the base there.
    pub(super) fn load(dir: &Path, known: Option<&Arc<VectorBase>>) -> Result<Self, VectorError> {
        let failed = |error| VectorError::from_opening(dir, error);
        let stamp = || ContentStamp::at(&base::path(dir)).map_err(failed);
        loop {
            let Some(now) = stamp()? else { return Err(VectorError::Missing { dir: dir.to_owned() }) };
            let loaded = match known.filter(|known| known.stamp == now) {
                Some(known) => Ok(Arc::clone(known)),
                None => VectorBase::open(dir, now).map(Arc::new),
            };
            let loaded = loaded.and_then(|base| {
                let log = log::read(dir, base.digest, base.space.dimensions).map_err(failed)?;
                Ok(Self::new(base, log))
            });
            // A writer may have replaced the base, and then the log, between the readings.
            if stamp()? == Some(now) {
                return loaded;
            }
        }
    }

    /// Loads what is in the folder, after reading every byte of it whatever is known of it.
    pub(super) fn checked(dir: &Path) -> Result<Self, VectorError> {
        match sealed::is_whole(&base::path(dir)) {
            Ok(false) => Err(base::damaged(dir)),
            // Loading it says what is wrong otherwise.
            _ => Self::load(dir, None),
        }
    }

    /// Whether the base in the folder is the one of this state.
    pub(super) fn has_base(&self, dir: &Path) -> Result<bool, FileError> {
        Ok(ContentStamp::at(&base::path(dir))? == Some(self.base.stamp))
    }

    /// Whether there is nothing in the folder that this state has not.
    pub(super) fn is_current(&self, dir: &Path) -> Result<bool, FileError> {
        let log = ContentStamp::at(&log::path(dir))?.map_or(0, |stamp| stamp.size());
        Ok(log == self.end.bytes && self.has_base(dir)?)
    }

    /// Every document that has vectors.
    pub(super) fn documents(&self) -> impl Iterator<Item = QuantizedDocument<'_>> {
        let rows = self.base.rows.iter().zip(&self.counts).filter(|(_, counts)| **counts);
        let kept = rows.filter_map(|(row, _)| self.base.document(row));
        kept.chain(self.changed.values().map(|document| document.stored()))
    }

    /// What the vectors are; `None` when there never were any.
    pub(super) fn space(&self) -> Option<VectorSpace> {
        Some(self.base.space).filter(|space| space.dimensions > 0)
    }

    /// The state of the store; `None` when there never was any.
    pub(super) fn version(&self) -> Option<StoreVersion> {
        self.space().map(|_| self.version)
    }

    /// How many vectors there are.
    pub(super) const fn vectors(&self) -> usize {
        self.vectors
    }
}

impl fmt::Debug for IndexSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IndexSnapshot")
            .field("space", &self.space())
            .field("version", &self.version())
            .field("vectors", &self.vectors)
            .finish_non_exhaustive()
    }
}
