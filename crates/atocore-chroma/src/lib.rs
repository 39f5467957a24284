//! The vector index on a Chroma server: the same promises, with somebody else's machine between us and the vectors.
//!
//! The server has no transactions. New records are written first and hidden from searches; then searches see the new
//! state in one step; then what is gone is deleted; in the end the state is written down at the collection. See
//! `docs/decisions/0011-chroma.md`.
//!
//! Without the feature `client` what a snapshot has of a server can still be read.

#[cfg(feature = "client")]
mod client;
mod export;
#[cfg(feature = "client")]
mod index;
#[cfg(feature = "client")]
mod managed_collection;
#[cfg(feature = "client")]
mod outage;
mod record;
#[cfg(feature = "client")]
mod resolver;
mod server;
mod server_index;
#[cfg(feature = "client")]
mod wire;

#[cfg(feature = "client")]
pub use self::index::ChromaIndex;
pub use self::{
    export::{EXPORT_RECORDS, EXPORT_SUMMARY, ExportError, compare_export, read_export},
    server::ChromaServer,
    server_index::{Lease, ServerIndex},
};
