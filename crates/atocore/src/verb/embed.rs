//! Making the vectors that are missing.

use atocore_engine::{Caller, EmbeddingReport, Engine};
use atocore_model::monitor::Monitor;
use axum::http::Method;

use super::{Request, Verb, VerbError};
use crate::wire;

/// Makes the vectors that are missing and lets answers use them. A server does so by itself; this waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Embed;

impl Verb for Embed {
    type Reply = wire::EmbeddingResult;
    const WRITES: bool = true;
    const LONG: bool = true;
    const NAME: &'static str = "embed";

    fn request(&self) -> Request {
        Request::new(Method::POST, "/embed")
    }

    fn run(self, engine: &Engine, _: Caller, monitor: &dyn Monitor) -> Result<Self::Reply, VerbError> {
        Ok(told(engine.embed(monitor)?))
    }
}

/// The result for the caller, and for the log.
pub(crate) fn told(report: EmbeddingReport) -> wire::EmbeddingResult {
    let result = wire::EmbeddingResult::from(report);
    tracing::info!(
        embedded = result.embedded,
        kept = result.kept,
        switched = result.switched,
        "passages_embedded"
    );
    result
}
