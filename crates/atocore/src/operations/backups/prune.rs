use atocore_engine::retention::{Decision, KeepCounts, PruneFailure, PrunePlan, Pruned, RetentionRules};
use atocore_model::{error::ErrorCode, id::SnapshotId, snapshot::Depth, time::Timestamp};

use crate::operations::prelude::*;

/// Removes the snapshots that the retention policy does not keep; without `apply` only says which those are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields, default)]
pub struct PruneBackups {
    /// Do it; otherwise nothing is changed.
    #[serde(deserialize_with = "lenient::or_default")]
    #[schema(value_type = Option<bool>)]
    #[arg(long = "yes")]
    pub apply: bool,
    /// How many of the newest are kept; what is left out here and below is as the settings say.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "N")]
    pub keep_last: Option<u32>,
    /// Of how many hours the newest is kept; hours without a snapshot do not count.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "N")]
    pub keep_hourly: Option<u32>,
    /// The same for days.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "N")]
    pub keep_daily: Option<u32>,
    /// The same for weeks.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "N")]
    pub keep_weekly: Option<u32>,
    /// The same for months.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "N")]
    pub keep_monthly: Option<u32>,
    /// The same for years.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "N")]
    pub keep_yearly: Option<u32>,
}

/// What a removal of snapshots did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PruneResult {
    /// Whether anything was removed; otherwise this is what would be.
    pub applied: bool,
    /// The policy.
    pub keep: KeepCounts,
    /// The decision about every snapshot, the newest first.
    pub snapshots: Vec<PruneDecision>,
    /// What lies among the snapshots and is never touched.
    pub untouched: Vec<PruneUntouched>,
    /// The stamps of what was removed; of what would be, when nothing was.
    pub removed: Vec<SnapshotId>,
    /// The size of all that in bytes.
    pub bytes: u64,
    /// What was to be removed and was not, or not altogether.
    pub failed: Vec<PruneFailure>,
}

/// What becomes of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PruneDecision {
    /// Its stamp.
    pub stamp: SnapshotId,
    /// When its recovery point was taken.
    pub taken_at: Timestamp,
    /// What it takes in bytes.
    pub bytes: u64,
    /// How deep it is proven; null when it is not.
    pub proven_depth: Option<Depth>,
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

impl Operation for PruneBackups {
    type Reply = PruneResult;
    // The backup directory has locks of its own, so that this does not need the engine that owns the store.
    const SPEC: Spec = Spec::post(super::TAG, "prune_backups", "/admin/backup/prune")
        .answers("What was decided about every snapshot, and what was removed")
        .access(Needs::Read)
        .body(Body::Optional)
        .long("prune");

    fn check(&self) -> Result<(), ApiError> {
        // What is left out is as the settings say, which may keep something.
        self.policy(KeepCounts { last: 1, hourly: 1, daily: 1, weekly: 1, monthly: 1, yearly: 1 }).map(drop)
    }

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        let engine = context.engine();
        let policy = self.policy(engine.retention().keep())?;
        if !self.apply {
            return Ok(PruneResult::planned(&policy, &engine.plan_prune(&policy, context.monitor)?));
        }
        let result = PruneResult::done(&policy, &engine.prune(&policy, context.monitor)?);
        let (removed, failed, bytes) = (result.removed.len(), result.failed.len(), result.bytes);
        tracing::info!(removed, failed, bytes, "runtime_backup_pruned");
        for failure in &result.failed {
            tracing::warn!(
                stamp = %failure.stamp,
                why = failure.why,
                "a snapshot could not be removed as planned"
            );
        }
        Ok(result)
    }
}

impl PruneBackups {
    /// The policy of the settings with what was given instead.
    fn policy(&self, keep: KeepCounts) -> Result<RetentionRules, ApiError> {
        RetentionRules::new(KeepCounts {
            last: self.keep_last.unwrap_or(keep.last),
            hourly: self.keep_hourly.unwrap_or(keep.hourly),
            daily: self.keep_daily.unwrap_or(keep.daily),
            weekly: self.keep_weekly.unwrap_or(keep.weekly),
            monthly: self.keep_monthly.unwrap_or(keep.monthly),
            yearly: self.keep_yearly.unwrap_or(keep.yearly),
        })
        .map_err(|error| {
            ApiError::new(ErrorCode::InvalidRequest, error.to_string()).with_hint(format!(
                "give at least one rule a number from 1 to {}: `--keep-last 1` keeps the newest and what is \
                 never removed",
                KeepCounts::MOST
            ))
        })
    }
}

impl PruneResult {
    /// What would be done.
    #[must_use]
    pub fn planned(policy: &RetentionRules, plan: &PrunePlan) -> Self {
        let removals = || plan.decisions.iter().filter(|decision| decision.removes());
        Self {
            removed: removals().map(|decision| decision.facts.stamp).collect(),
            bytes: removals().map(|decision| decision.facts.bytes).sum(),
            ..Self::decided(policy, plan)
        }
    }

    /// What was done.
    #[must_use]
    pub fn done(policy: &RetentionRules, pruned: &Pruned) -> Self {
        Self {
            applied: true,
            removed: pruned.removed.clone(),
            bytes: pruned.freed_bytes,
            failed: pruned.failed.clone(),
            ..Self::decided(policy, &pruned.plan)
        }
    }

    fn decided(policy: &RetentionRules, plan: &PrunePlan) -> Self {
        let untouched = plan.untouched.iter().map(|untouched| PruneUntouched {
            name: untouched.name.clone(),
            path: untouched.path.to_string_lossy().into_owned(),
            reason: untouched.why.clone(),
        });
        Self {
            applied: false,
            keep: policy.keep(),
            snapshots: plan.decisions.iter().map(PruneDecision::from).collect(),
            untouched: untouched.collect(),
            removed: Vec::new(),
            bytes: 0,
            failed: Vec::new(),
        }
    }
}

impl From<&Decision> for PruneDecision {
    fn from(decision: &Decision) -> Self {
        let kept = decision.kept.iter().map(ToString::to_string);
        let passed_over = decision.passed_over.iter().map(ToString::to_string);
        Self {
            stamp: decision.facts.stamp,
            taken_at: decision.facts.taken_at,
            bytes: decision.facts.bytes,
            proven_depth: decision.facts.proven,
            keep: !decision.removes(),
            reasons: kept.chain(passed_over).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_what_keeps_something_by_the_settings_alone() {
        let none = Some(0);
        let prune =
            PruneBackups { keep_daily: none, keep_weekly: none, keep_monthly: none, ..Default::default() };
        assert_eq!(prune.check(), Ok(()), "the settings may keep the last or the hourly ones");
        let prune = PruneBackups { keep_last: none, keep_hourly: none, keep_yearly: none, ..prune };
        assert_eq!(prune.check().unwrap_err().code, ErrorCode::InvalidRequest);
    }
}
