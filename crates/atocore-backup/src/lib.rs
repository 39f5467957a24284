//! Recovery points: [`take`], list ([`snapshot_directory`]), [`verify`], [`restore`] into an empty place or over the present
//! state ([`in_place`]).
//!
//! What was acknowledged can be got back, and what cannot be proven recoverable is shown as unproven. This crate
//! needs paths and, for taking, an open store: never the engine, an index or a configuration file. It does not log.
//! The format on disk is described in `docs/backup-format.md`.

pub mod archive;
pub mod error;
pub mod golden_queries;
pub mod in_place;
pub mod ledger;
pub mod manifest;
pub mod mounted;
pub mod notes;
mod reader_lock;
pub mod restore;
pub mod retention;
pub mod snapshot_directory;
mod stage;
pub mod take;
mod tree;
mod vectors;
pub mod verify;

pub use error::BackupError;
