//! The vector index on a Chroma server: the same promises, with somebody else's machine between us and the vectors.
//!
//! The server has no transactions. New records are written first and hidden from searches; then searches see the new
//! state in one step; then what is gone is deleted; in the end the state is written down at the collection. See
//! `docs/decisions/0011-chroma.md`.

mod client;
mod index;
mod managed_collection;
mod outage;
mod record;
mod resolver;
mod server_index;
mod wire;

pub use self::{
    client::{Authorities, ChromaServer},
    index::{ChromaIndex, EXPORT_RECORDS, EXPORT_SUMMARY, ExportError, compare_export, read_export},
    server_index::{Lease, ServerIndex},
};
