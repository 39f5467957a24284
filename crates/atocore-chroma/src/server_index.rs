//! What an index on a server can do beyond every vector index.

use std::{path::Path, sync::MutexGuard};

use atocore_model::monitor::Monitor;
use atocore_storage::{
    sqlite::inspect::StoredCollection,
    vector::{VectorError, VectorIndex},
};

/// Keeps this process from writing the index until it is dropped.
#[derive(Debug)]
pub struct Lease<'i>(
    #[expect(dead_code, reason = "it is there to be dropped")] pub(crate) MutexGuard<'i, ()>,
);

/// A vector index whose vectors are on a server: it can be away, and can be copied from.
pub trait ServerIndex: VectorIndex {
    /// Asks the server once what it holds, so that space, version and number of vectors are those that it has.
    ///
    /// # Errors
    /// [`VectorError::Unavailable`], when the server cannot be asked.
    fn ready(&self) -> Result<(), VectorError>;

    /// Keeps this process from writing the index until the guard is dropped; `None` while it is being written. For
    /// whoever copies what lies behind the index.
    fn lease(&self) -> Option<Lease<'_>>;

    /// The collection as the server has it now, asked anew; `None` before there is one.
    ///
    /// # Errors
    /// [`VectorError::Unavailable`].
    fn collection(&self) -> Result<Option<StoredCollection>, VectorError>;

    /// Writes all that the server holds into the empty folder `dir`, in the format of `docs/backup-format.md`, and
    /// returns what that is; `None` before there is anything.
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
    ) -> Result<Option<StoredCollection>, VectorError>;
}
