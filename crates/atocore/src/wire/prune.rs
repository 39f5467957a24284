//! Retention as JSON: what is kept and why, what is removed, what is left alone.

use atocore_engine::retention::{self, PrunePlan, Pruned, RetentionRules};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a removal of snapshots did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PruneResult {
    /// Whether anything was removed; otherwise this is what would be.
    pub applied: bool,
    /// The policy.
    pub keep: RetentionPolicy,
    /// The decision about every snapshot, the newest first.
    pub snapshots: Vec<PruneDecision>,
    /// What lies among the snapshots and is never touched.
    pub untouched: Vec<PruneUntouched>,
    /// The stamps of what was removed; of what would be, when nothing was.
    pub removed: Vec<String>,
    /// The size of all that in bytes.
    pub bytes: u64,
    /// What was to be removed and was not, or not altogether.
    pub failed: Vec<PruneFailure>,
}

/// How many periods each rule keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RetentionPolicy {
    /// The newest snapshots.
    pub last: u32,
    /// Hours.
    pub hourly: u32,
    /// Days.
    pub daily: u32,
    /// Weeks.
    pub weekly: u32,
    /// Months.
    pub monthly: u32,
    /// Years.
    pub yearly: u32,
}

/// What becomes of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PruneDecision {
    /// Its stamp.
    #[schema(example = "20260406T184219Z")]
    pub stamp: String,
    /// When its recovery point was taken: ISO 8601 with offset.
    pub taken_at: String,
    /// What it takes in bytes.
    pub bytes: u64,
    /// How deep it is proven; null when it is not.
    pub proven_depth: Option<String>,
    /// Whether it is kept.
    pub keep: bool,
    /// Every reason to keep it, or for every rule why it does not.
    #[schema(example = json!(["daily 2026-04-06", "newest proven to `content`"]))]
    pub reasons: Vec<String>,
}

/// Something among the snapshots that is never touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PruneUntouched {
    /// Its name.
    pub name: String,
    /// Its absolute path.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// A snapshot that was to be removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PruneFailure {
    /// Its stamp.
    pub stamp: String,
    /// Whether it is still a whole snapshot; otherwise what is left of it is cleared by a later run.
    pub still_listed: bool,
    /// Why.
    pub reason: String,
}

/// Whether a snapshot is pinned now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PinResult {
    /// Its stamp.
    pub stamp: String,
    /// Whether it is pinned.
    pub pinned: bool,
    /// Whether it was before the pin was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was_pinned: Option<bool>,
}

impl PruneResult {
    /// What would be done.
    #[must_use]
    pub fn planned(policy: &RetentionRules, plan: &PrunePlan) -> Self {
        let removals = || plan.decisions.iter().filter(|decision| decision.removes());
        Self {
            removed: removals().map(|decision| decision.facts.stamp.to_string()).collect(),
            bytes: removals().map(|decision| decision.facts.bytes).sum(),
            ..Self::decided(policy, plan)
        }
    }

    /// What was done.
    #[must_use]
    pub fn done(policy: &RetentionRules, pruned: &Pruned) -> Self {
        let failed = pruned.failed.iter().map(|failure| PruneFailure {
            stamp: failure.stamp.to_string(),
            still_listed: failure.still_listed,
            reason: failure.why.clone(),
        });
        Self {
            applied: true,
            removed: pruned.removed.iter().map(ToString::to_string).collect(),
            bytes: pruned.freed_bytes,
            failed: failed.collect(),
            ..Self::decided(policy, &pruned.plan)
        }
    }

    fn decided(policy: &RetentionRules, plan: &PrunePlan) -> Self {
        let retention::KeepCounts { last, hourly, daily, weekly, monthly, yearly } = policy.keep();
        let untouched = plan.untouched.iter().map(|untouched| PruneUntouched {
            name: untouched.name.clone(),
            path: untouched.path.to_string_lossy().into_owned(),
            reason: untouched.why.clone(),
        });
        Self {
            applied: false,
            keep: RetentionPolicy { last, hourly, daily, weekly, monthly, yearly },
            snapshots: plan.decisions.iter().map(PruneDecision::from).collect(),
            untouched: untouched.collect(),
            removed: Vec::new(),
            bytes: 0,
            failed: Vec::new(),
        }
    }
}

impl From<&retention::Decision> for PruneDecision {
    fn from(decision: &retention::Decision) -> Self {
        let kept = decision.kept.iter().map(ToString::to_string);
        let passed_over = decision.passed_over.iter().map(ToString::to_string);
        Self {
            stamp: decision.facts.stamp.to_string(),
            taken_at: decision.facts.taken_at.to_string(),
            bytes: decision.facts.bytes,
            proven_depth: decision.facts.proven.map(|depth| depth.to_string()),
            keep: !decision.removes(),
            reasons: kept.chain(passed_over).collect(),
        }
    }
}
