//! The installation: its health, what is stored, running and wrong, and what is derived from the store.

mod doctor;
mod embed;
mod health;
mod rebuild_index;
mod sources;
mod status;
mod verify_index;

pub use doctor::{Diagnosis, Doctor};
pub use embed::Embed;
pub(crate) use embed::embedded;
pub use health::{BUILD, Health, HealthReport, VERSION};
pub use rebuild_index::{IndexBuilt, RebuildIndex};
pub use sources::{SourceFolder, SourceList, Sources};
pub use status::Status;
pub use verify_index::{IndexComparison, VerifyIndex};

/// The group that these are listed in.
const TAG: &str = "installation";
