//! Every verb of AtoCore once: projects, ingestion, retrieval, snapshots.
