//! The vector index: finds passages by what they mean, by the angle between vectors.
//!
//! It is derived. The store it follows is the truth; this can be deleted or damaged at any time and is rebuilt. Its
//! matches are candidates: the caller scores them again with the exact vectors of the store.

mod chroma;
mod comparison;
#[cfg(test)]
mod contract;
mod error;
mod query;
mod scan;
mod source;

use std::{fmt, path::Path, sync::MutexGuard};

use atocore_model::{id::StoreVersion, monitor::Monitor};

pub use self::{
    chroma::{
        Authorities, ChromaIndex, ChromaServer, EXPORT_RECORDS, EXPORT_SUMMARY, ExportError, compare_export,
        read_export,
    },
    comparison::Comparison,
    error::{Outage, VectorError},
    query::{VectorFilter, VectorMatch, VectorMatches, VectorQuery},
    scan::ScanIndex,
    source::{ChangedVectors, ChunkVector, VectorSource, VectorSpace},
};
pub use crate::lexical::{IndexAccess, SourceError};
use crate::sqlite::inspect::StoredCollection;

/// Keeps this process from writing the index until it is dropped.
#[derive(Debug)]
pub struct Lease<'i>(#[expect(dead_code, reason = "it is there to be dropped")] Option<MutexGuard<'i, ()>>);

/// An index of vectors that follows a store.
///
/// Searches may run from many threads at once; they never wait for [`VectorIndex::catch_up`].
pub trait VectorIndex: fmt::Debug + Send + Sync {
    /// The space of the vectors that searches see; `None` when the index has never been filled.
    fn space(&self) -> Option<VectorSpace>;

    /// The state of the store that searches see; `None` when the index has never been filled.
    fn version(&self) -> Option<StoreVersion>;

    /// How many vectors searches see.
    fn vectors(&self) -> u64;

    /// Sees to it that the three above say what there is. An index in files always does.
    ///
    /// # Errors
    /// [`VectorError::Unavailable`], when the server of the index cannot be asked.
    fn ready(&self) -> Result<(), VectorError> {
        Ok(())
    }

    /// Finds the passages that are nearest to a vector. The filter is exact; the order is that of an approximate
    /// cosine.
    ///
    /// An index that has never been filled has no matches.
    ///
    /// # Errors
    /// [`VectorError::QueryLength`], [`VectorError::QueryNotFinite`], [`VectorError::Unavailable`], or when the index
    /// cannot be read.
    fn search(&self, query: &VectorQuery<'_>) -> Result<VectorMatches, VectorError>;

    /// Brings the index to the newest state of `source` and returns its version; searches see it on return.
    ///
    /// What changed since the version of the index is written; or everything, when that version is not part of the history
    /// of `source` or the vectors are of another space. Searches see the old state until all of the new one is
    /// there. Calls wait for each other.
    ///
    /// # Errors
    /// [`VectorError::ReadOnly`], [`VectorError::Full`], [`VectorError::Dimensions`], [`VectorError::Length`],
    /// [`VectorError::NotFinite`], [`VectorError::Unavailable`], or when the source or the index fails. The index then
    /// shows what it showed before; one on a server may show the newest state already when it fails to tidy up.
    ///
    /// # Durability
    /// A process that is killed loses nothing. After a power cut the index may be found damaged, and is rebuilt.
    ///
    /// # Cancellation
    /// Asked before every document; [`VectorError::Cancelled`].
    fn catch_up(&self, source: &dyn VectorSource, monitor: &dyn Monitor)
    -> Result<StoreVersion, VectorError>;

    /// Builds all of the index anew from `source` and returns its version; searches see it on return.
    ///
    /// # Errors
    /// As [`VectorIndex::catch_up`].
    ///
    /// # Cancellation
    /// As [`VectorIndex::catch_up`].
    fn rebuild(&self, source: &dyn VectorSource, monitor: &dyn Monitor) -> Result<StoreVersion, VectorError>;

    /// Compares every vector that the index holds with the newest state of `source`. Changes nothing; what has changed
    /// since the index last caught up counts as a difference.
    ///
    /// # Errors
    /// [`VectorError::Damaged`], [`VectorError::Unavailable`], or when the source fails.
    ///
    /// # Cancellation
    /// Asked before every document; [`VectorError::Cancelled`].
    fn compare(&self, source: &dyn VectorSource, monitor: &dyn Monitor) -> Result<Comparison, VectorError>;

    /// Keeps this process from writing the index until the guard is dropped; `None` while it is being written. For whoever
    /// copies what lies behind an index on a server; an index in files needs no such thing and always gives it.
    fn lease(&self) -> Option<Lease<'_>> {
        Some(Lease(None))
    }

    /// What the server of the index holds now, asked anew; `None` for an index in files, and before there is anything.
    ///
    /// # Errors
    /// [`VectorError::Unavailable`].
    fn on_server(&self) -> Result<Option<StoredCollection>, VectorError> {
        Ok(None)
    }

    /// Writes all that the server of the index holds into the empty folder `dir`, in the format of
    /// `docs/backup-format.md`, and returns what that is; `None` for an index in files, and before there is anything.
    ///
    /// # Errors
    /// [`VectorError::Unavailable`], also when somebody else changes it meanwhile; or when `dir` cannot be written. What
    /// is in it is then of no use.
    ///
    /// # Durability
    /// None.
    ///
    /// # Cancellation
    /// Asked before every request; [`VectorError::Cancelled`].
    fn export(
        &self,
        lease: &Lease<'_>,
        dir: &Path,
        monitor: &dyn Monitor,
    ) -> Result<Option<StoredCollection>, VectorError> {
        let _nothing = (lease, dir, monitor);
        Ok(None)
    }

    /// Shows searches the newest state that was written, by whatever process, and returns its version.
    ///
    /// # Errors
    /// When the index cannot be read; searches then keep the state they have.
    fn refresh(&self) -> Result<Option<StoreVersion>, VectorError>;
}
