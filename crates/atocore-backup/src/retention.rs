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
pub use plan::{Decision, KeepReason, SkipReason, SnapshotFacts, decide};
pub use policy::{KeepCounts, PolicyError, RetentionRule, RetentionRules};
pub use prune::{PruneFailure, Pruned, prune};
pub use survey::{IgnoredEntry, PrunePlan, plan};
