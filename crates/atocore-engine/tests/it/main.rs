//! What the engine promises, on real files and a real store.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod freshness;
mod ingest;
mod ownership;
mod projects;
mod retrieval;
mod snapshots;
