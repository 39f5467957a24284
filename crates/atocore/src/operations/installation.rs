//! The installation: its health, what is stored, running and wrong, and what is derived from the store.

mod doctor;
mod embed;
mod health;
mod rebuild_index;
mod sources;
mod status;
mod verify_index;

pub use doctor::Doctor;
pub use embed::Embed;
pub(crate) use embed::embedded;
pub use health::Health;
pub use rebuild_index::RebuildIndex;
pub use sources::Sources;
pub use status::Status;
pub use verify_index::VerifyIndex;

/// The group that these are listed in.
const TAG: &str = "installation";
