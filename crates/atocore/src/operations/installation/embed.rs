use atocore_engine::EmbeddingReport;

use crate::operations::prelude::*;

/// Makes the vectors that are missing, and answers when all are there.
///
/// A server makes them by itself; this waits for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct Embed {}

impl Operation for Embed {
    type Reply = EmbeddingReport;
    const SPEC: Spec =
        Spec::post(super::TAG, "embed", "/embed").answers("What was made").body(Body::None).long("embed");

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        Ok(embedded(context.engine().embed(context.monitor)?))
    }
}

/// The result for the caller, and for the log.
pub(crate) fn embedded(report: EmbeddingReport) -> EmbeddingReport {
    let EmbeddingReport { embedded, kept, switched } = report;
    tracing::info!(embedded, kept, switched, "passages_embedded");
    report
}
