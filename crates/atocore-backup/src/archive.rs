//! A snapshot as one file: a `tar` archive, compressed with zstd, that can be carried anywhere and imported again.
//!
//! The metadata comes first, so that the import knows every name, size and digest that may follow, and refuses
//! everything else before it is written.
//!
//! It can go to and come from a pipe, so that any program can encrypt it on the way: `age`, `gpg`, `ssh`.

mod export;
mod import;

use atocore_model::id::SnapshotId;

use crate::BackupError;

pub use export::{ExportedArchive, export, export_to};
pub use import::{ImportedSnapshot, import};

/// What is said about a file that is no archive of a snapshot.
fn invalid(why: impl Into<String>) -> BackupError {
    BackupError::ArchiveInvalid(why.into())
}

/// The name of an entry: everything lies in a folder that is named by the stamp.
fn entry_name(stamp: SnapshotId, path: &str) -> String {
    format!("{stamp}/{path}")
}
