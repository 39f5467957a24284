//! The journal of facts: list changes, and take one back.

mod list;
mod reverse;

pub use list::{FactChangeList, ListChanges};
pub use reverse::ReverseChange;

/// The group that these are listed in.
const TAG: &str = "facts";
