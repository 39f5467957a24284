//! Questions to a vector index and their matches.

use atocore_model::id::{ProjectId, StoreVersion};

use crate::chunk_filter::ChunkFilter;

/// What a passage must fulfil to be found; the default is nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct VectorFilter<'a> {
    /// Belongs to this project.
    pub project: Option<&'a ProjectId>,
    /// Belongs to one of these documents, in any order.
    pub documents: Option<&'a [u64]>,
    /// Is one of these.
    pub chunks: Option<&'a ChunkFilter>,
}

/// A question to a vector index.
#[derive(Debug, Clone, Copy)]
pub struct VectorQuery<'a> {
    /// Its vector, of any length: only the angle counts.
    pub vector: &'a [f32],
    /// Which passages may be found.
    pub filter: &'a VectorFilter<'a>,
    /// How many matches at most.
    pub limit: usize,
}

/// A passage that may be near.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VectorMatch {
    /// The passage.
    pub chunk_key: u64,
    /// Its document.
    pub document_key: u64,
    /// Roughly the cosine of the angle to the question; 0 when either vector is all zeros.
    pub similarity: f32,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorMatches {
    /// The state of the store that was searched; `None` when the index has never been filled.
    pub version: Option<StoreVersion>,
    /// Best first; of equal similarity the lower chunk key first.
    pub matches: Vec<VectorMatch>,
}
