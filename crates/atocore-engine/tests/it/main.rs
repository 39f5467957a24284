//! What the engine promises, on real files and a real store.

mod freshness;
mod ingest;
mod ownership;
mod projects;
mod retrieval;
mod snapshots;
