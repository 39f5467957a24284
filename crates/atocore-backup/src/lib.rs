//! Recovery points: [`take`], list ([`vault`]), [`verify`], [`restore`] into an empty place or over the present
//! state ([`replace`]).
//!
//! What was acknowledged can be got back, and what cannot be proven recoverable is shown as unproven. This crate
//! needs paths and, for taking, an open store: never the engine, an index or a configuration file. It does not log.
//! The format on disk is described in `docs/backup-format.md`.

pub mod archive;
pub mod canaries;
pub mod error;
mod hold;
pub mod ledger;
pub mod manifest;
mod mounted;
pub mod notes;
pub mod replace;
pub mod restore;
pub mod retention;
mod stage;
pub mod take;
mod tree;
pub mod vault;
mod vectors;
pub mod verify;

pub use error::BackupError;
