use atocore_engine::Comparison;

use crate::operations::prelude::*;

/// Compares every vector of the index with the store.
///
/// The index is brought up to date first. Nothing else is changed; documents are not read meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct VerifyIndex {}

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

impl Operation for VerifyIndex {
    type Reply = IndexComparison;
    const SPEC: Spec = Spec::post(super::TAG, "verifyIndex", "/index/verify")
        .answers("How they differ")
        .body(Body::None)
        .long("verify_index");

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        let found = IndexComparison::from(context.engine().verify_index(context.monitor)?);
        let IndexComparison { vectors, missing, wrong, extra, .. } = found;
        tracing::info!(vectors, missing, wrong, extra, "vector_index_verified");
        Ok(found)
    }
}

impl From<Comparison> for IndexComparison {
    fn from(found: Comparison) -> Self {
        let Comparison { expected, missing, wrong, extra } = found;
        Self { same: found.is_same(), vectors: expected, missing, wrong, extra }
    }
}
