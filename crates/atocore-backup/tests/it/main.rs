//! What the snapshots promise, one promise per file.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests fail by panicking, and damage files on purpose"
)]

mod archive;
mod child;
mod concurrent;
mod content;
mod crash;
mod damage;
mod defects;
mod home;
mod hostile;
mod leavings;
mod ledger;
mod original;
mod restore;
mod retention;
mod roundtrip;
mod space;
