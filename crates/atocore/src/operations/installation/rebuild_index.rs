use crate::operations::prelude::*;

/// Builds the vector index anew from the store, without embedding anything.
///
/// Answers come from the present one until it is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct RebuildIndex {}

/// A vector index that was built anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IndexBuilt {
    /// Vectors that it holds.
    pub vectors: u64,
}

impl Operation for RebuildIndex {
    type Reply = IndexBuilt;
    const SPEC: Spec = Spec::post(super::TAG, "rebuildIndex", "/index/rebuild")
        .answers("What was built")
        .body(Body::None)
        .long("rebuild_index");

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        let built = IndexBuilt { vectors: context.engine().rebuild_index(context.monitor)? };
        tracing::info!(vectors = built.vectors, "vector_index_rebuilt");
        Ok(built)
    }
}
