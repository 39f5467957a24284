//! What the engine promises, on real files and a real store.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod chroma;
mod chroma_snapshots;
mod commit_dates;
mod dates;
mod doctor;
mod evaluation;
mod files_since;
mod fit;
mod ignoring;
mod ingest;
mod kept_questions;
mod lexical_indexer;
mod meaning;
mod notes;
mod odd_documents;
mod ownership;
mod packing;
mod passages;
mod projects;
mod proof;
mod restore;
mod retrieval;
mod roots;
mod snapshots;
