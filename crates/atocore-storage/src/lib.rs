//! The only code that touches disks: the machine store, the derived indexes, files and locks.
//!
//! SQLite is the truth; every index here can be deleted and is rebuilt from it. Nothing in this crate decides what
//! to store, prints, or reads the environment.

pub mod chunk_filter;
pub mod files;
pub mod layout;
pub mod lexical;
pub mod locks;
pub mod original;
pub mod registry;
pub mod reserve;
pub mod sqlite;
pub mod vector;
