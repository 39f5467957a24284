use crate::operations::prelude::*;
use crate::wire::IndexComparison;

/// Compares every vector of the index with the store.
///
/// The index is brought up to date first. Nothing else is changed; documents are not read meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct VerifyIndex {}

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
