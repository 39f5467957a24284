//! Retention: which snapshots are kept, for what reason, and the removal of the others.
//!
//! [`decide`] is the whole policy and touches nothing. [`plan`] looks at a backup directory and applies it; [`prune`]
//! carries it out. What is not provably a snapshot, written by this program or by the original, is never touched.

mod pins;
mod plan;
mod policy;
mod prune;
mod survey;

pub use pins::{is_pinned, pin, unpin};
pub use plan::{Decision, Facts, PassedOver, Reason, decide};
pub use policy::{Keep, Policy, PolicyError, Rule};
pub use prune::{Failure, Pruned, prune};
pub use survey::{Plan, Untouched, plan};
