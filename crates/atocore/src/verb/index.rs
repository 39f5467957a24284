//! Comparing the vector index with the store, and building it anew.

use atocore_engine::{Caller, Engine};
use atocore_model::monitor::Monitor;
use axum::http::Method;

use super::{Request, Verb, VerbError};
use crate::wire;

/// Compares every vector of the index with the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifyIndex;

impl Verb for VerifyIndex {
    type Reply = wire::IndexComparison;
    const WRITES: bool = true;
    const LONG: bool = true;
    const NAME: &'static str = "verify_index";

    fn request(&self) -> Request {
        Request::new(Method::POST, "/index/verify")
    }

    fn run(self, engine: &Engine, _: Caller, monitor: &dyn Monitor) -> Result<Self::Reply, VerbError> {
        let found = wire::IndexComparison::from(engine.verify_index(monitor)?);
        let wire::IndexComparison { vectors, missing, wrong, extra, .. } = found;
        tracing::info!(vectors, missing, wrong, extra, "vector_index_verified");
        Ok(found)
    }
}

/// Builds the vector index anew from the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RebuildIndex;

impl Verb for RebuildIndex {
    type Reply = wire::IndexBuilt;
    const WRITES: bool = true;
    const LONG: bool = true;
    const NAME: &'static str = "rebuild_index";

    fn request(&self) -> Request {
        Request::new(Method::POST, "/index/rebuild")
    }

    fn run(self, engine: &Engine, _: Caller, monitor: &dyn Monitor) -> Result<Self::Reply, VerbError> {
        let built = wire::IndexBuilt { vectors: engine.rebuild_index(monitor)? };
        tracing::info!(vectors = built.vectors, "vector_index_rebuilt");
        Ok(built)
    }
}
