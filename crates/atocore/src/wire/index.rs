//! The vector index, compared and built.

use atocore_engine as engine;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How the vector index differs from the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IndexComparison {
    /// Whether it does not.
    pub same: bool,
    /// Vectors that the store has for it.
    pub vectors: u64,
    /// Those of them that it lacks.
    pub missing: u64,
    /// Those that it has otherwise.
    pub wrong: u64,
    /// Vectors that it has and the store has not.
    pub extra: u64,
}

/// A vector index that was built anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IndexBuilt {
    /// Vectors that it holds.
    pub vectors: u64,
}

impl From<engine::Comparison> for IndexComparison {
    fn from(found: engine::Comparison) -> Self {
        let engine::Comparison { expected, missing, wrong, extra } = found;
        Self { same: found.is_same(), vectors: expected, missing, wrong, extra }
    }
}
