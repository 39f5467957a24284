//! What the vector index is built from.

use atocore_model::{digest::Digest, id::StoreVersion};

use super::error::VectorError;
use crate::lexical::SourceError;

/// Which vectors: only vectors of one space may be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VectorSpace {
    /// Stands for the model and every setting that decides what vector a text gets.
    pub fingerprint: Digest,
    /// How many components each vector has.
    pub dimensions: usize,
}

/// The most dimensions that vectors may have: far above any model, low enough that sums of products cannot overflow.
pub(super) const MOST_DIMENSIONS: usize = 1 << 16;

impl VectorSpace {
    /// Refuses vectors that no index can take.
    ///
    /// # Errors
    /// [`VectorError::Dimensions`].
    pub fn check(&self) -> Result<(), VectorError> {
        let dimensions = self.dimensions;
        if (1..=MOST_DIMENSIONS).contains(&dimensions) {
            Ok(())
        } else {
            Err(VectorError::Dimensions { dimensions, most: MOST_DIMENSIONS })
        }
    }
}

/// The vector of a passage.
#[derive(Debug, Clone, Copy)]
pub struct ChunkVector<'a> {
    /// Names the passage in matches. Never used again for another one.
    pub chunk_key: u64,
    /// As many finite components as the space has dimensions; of any length, because only the angle counts.
    pub vector: &'a [f32],
}

/// A document that changed, as it is now.
#[derive(Debug, Clone, Copy)]
pub struct ChangedVectors<'a> {
    /// Names the document. Never used again for another one.
    pub document_key: u64,
    /// The id of the project that owns it.
    pub project: &'a str,
    /// All vectors it has; none when it is gone or not embedded yet.
    pub vectors: &'a [ChunkVector<'a>],
}

/// The store that the vector index follows.
pub trait VectorSource {
    /// The space of all vectors that [`VectorSource::changes`] hands over.
    fn space(&self) -> VectorSpace;

    /// Returns the newest version.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn version(&self) -> Result<StoreVersion, SourceError>;

    /// Whether `version` is part of the history of this store.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn has(&self, version: StoreVersion) -> Result<bool, SourceError>;

    /// Hands over every document whose vectors or project changed after `since`, or all documents, and returns the
    /// version they show.
    ///
    /// All of it is one consistent read. Documents of a project are best handed over together. A document that changed several times is best handed over once; when it
    /// comes again, the last time counts. When `each` fails, the reading stops and its error is passed on.
    ///
    /// # Errors
    /// When the store cannot be read, or with the error of `each`.
    fn changes(
        &self,
        since: Option<StoreVersion>,
        each: &mut dyn FnMut(ChangedVectors<'_>) -> Result<(), VectorError>,
    ) -> Result<StoreVersion, VectorError>;
}
