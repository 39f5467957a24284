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

/// An index that is behind the store because the disk does not let it be written. What was committed is in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IndexBehind {
    /// `word index` or `vector index`.
    #[schema(example = "word index")]
    pub index: String,
    /// The folder it lies in.
    pub folder: String,
    /// Bytes that are free on its disk; null where the disk does not say.
    pub free_bytes: Option<u64>,
    /// What is wrong, in one sentence.
    pub why: String,
    /// What helps.
    #[serde(rename = "cure")]
    pub hint: String,
}

impl From<engine::IndexFault> for IndexBehind {
    fn from(fault: engine::IndexFault) -> Self {
        Self {
            index: fault.index.to_owned(),
            folder: fault.dir.to_string_lossy().into_owned(),
            free_bytes: fault.free_bytes,
            why: fault.to_string(),
            hint: fault.hint(),
        }
    }
}
