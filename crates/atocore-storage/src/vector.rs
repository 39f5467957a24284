//! The vector index: finds passages by what they mean, by the angle between vectors.
//!
//! It is derived. The store it follows is the truth; this can be deleted or damaged at any time and is rebuilt. Its
//! matches are candidates: the caller scores them again with the exact vectors of the store.

mod comparison;
#[cfg(any(test, feature = "contract"))]
pub mod contract;
mod error;
mod query;
mod scan;
mod source;

use std::fmt;

use atocore_model::{id::StoreVersion, monitor::Monitor};

pub use self::{
    comparison::Comparison,
    error::{Outage, VectorError},
    query::{VectorFilter, VectorMatch, VectorMatches, VectorQuery},
    scan::ScanIndex,
    source::{ChangedVectors, ChunkVector, VectorSource, VectorSpace},
};
pub use crate::lexical::{IndexAccess, SourceError};

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

    /// Shows searches the newest state that was written, by whatever process, and returns its version.
    ///
    /// # Errors
    /// When the index cannot be read; searches then keep the state they have.
    fn refresh(&self) -> Result<Option<StoreVersion>, VectorError>;
}
