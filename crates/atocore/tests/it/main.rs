//! What the interfaces promise, on a real server and a real store.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests fail by panicking, and prepare files on purpose"
)]

mod advice;
mod agent;
mod archive;
mod backup_dir;
mod backups;
mod beside;
mod chroma;
mod cli;
mod config;
mod context;
mod crash;
mod damage;
mod damaged_store;
mod deceptive;
mod demo;
mod disk_full;
mod documents;
mod drop_in;
mod emptied;
mod errors;
mod evaluate;
mod events;
mod facts;
mod following;
mod foreign_locks;
mod formats;
mod forms;
mod fuzzed;
mod greedy;
mod hostile;
mod http;
mod jobs;
mod links;
mod mcp;
mod mcp_clients;
mod mcp_http;
mod mcp_resources;
mod mistakes;
mod model;
mod openapi;
mod original;
mod parity;
mod powercut;
mod private;
mod program;
mod proof;
mod prune;
mod questions;
mod read_only;
mod readme;
mod reference;
mod released;
mod restore;
mod rights;
mod safety;
mod schedule;
mod server;
mod shown;
mod signals;
mod silent_share;
mod spelling;
mod store_gone;
mod terminal;
mod trust;
mod upgrade;
mod why;
mod write_lock;
