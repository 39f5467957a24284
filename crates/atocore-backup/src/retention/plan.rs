//! The decision about every snapshot, from what is known about them. Touches nothing.

use std::{collections::BTreeMap, fmt};

use atocore_model::{id::SnapshotId, snapshot::Depth, time::Timestamp};

use super::policy::{RetentionRule, RetentionRules};

/// The depth from which on a proof protects the newest snapshot that has it.
const PROTECTED: Depth = Depth::Content;

/// What decides about a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotFacts {
    /// Its stamp.
    pub stamp: SnapshotId,
    /// When its recovery point was taken.
    pub taken_at: Timestamp,
    /// The name of the store that it is of; `None` when the original wrote it, which records none. Snapshots of
    /// different stores never stand for each other.
    pub store: Option<String>,
    /// The generation of that store that it holds; `None` when none is recorded.
    pub generation: Option<u64>,
    /// How deep it is proven.
    pub proven: Option<Depth>,
    /// Whether somebody said that it stays.
    pub pinned: bool,
    /// Whether `backup undo` goes back to it.
    pub undo_point: bool,
    /// What it takes on the disk.
    pub bytes: u64,
}

/// Why a snapshot is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeepReason {
    /// It is the newest of its store.
    Newest,
    /// It holds the newest state of its store, whatever the clock said when it was taken.
    NewestState,
    /// It is the newest of its store that is proven deep enough to rely on.
    NewestProven(Depth),
    /// Somebody pinned it.
    Pinned,
    /// It is what the last restore is undone with.
    UndoPoint,
    /// Its time is yet to come: the clock was put back, or that of another machine is ahead.
    Future,
    /// It is the n-th newest, counted from 1.
    Last(u32),
    /// It holds the n-th newest state.
    LastState(u32),
    /// It is the newest of a period that is kept.
    Period(RetentionRule, String),
}

impl fmt::Display for KeepReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newest => f.write_str("newest"),
            Self::NewestState => f.write_str("newest by generation"),
            Self::NewestProven(depth) => write!(f, "newest proven to `{depth}`"),
            Self::Pinned => f.write_str("pinned"),
            Self::UndoPoint => f.write_str("undo point: the safety snapshot of the last restore"),
            Self::Future => f.write_str("taken in the future: a clock is wrong"),
            Self::Last(number) => write!(f, "last {number}"),
            Self::LastState(number) => write!(f, "last {number} by generation"),
            Self::Period(rule, period) => write!(f, "{rule} {period}"),
        }
    }
}

/// Why a rule does not keep a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SkipReason {
    /// A newer one stands for the same period.
    Superseded {
        /// The rule.
        rule: RetentionRule,
        /// The period.
        period: String,
        /// The newer one.
        by: SnapshotId,
    },
    /// The rule keeps as many newer ones as it may.
    UsedUp {
        /// The rule.
        rule: RetentionRule,
        /// How many it keeps.
        keeps: u32,
    },
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Superseded { rule, period, by } => write!(f, "{rule} {period} is {by}"),
            Self::UsedUp { rule, keeps } => write!(f, "older than the {keeps} kept by {rule}"),
        }
    }
}

/// What becomes of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What is known about it.
    pub facts: SnapshotFacts,
    /// Every reason to keep it; without one it is removed.
    pub kept: Vec<KeepReason>,
    /// For one that is removed: why no rule keeps it, one line per rule that is on.
    pub passed_over: Vec<SkipReason>,
}

impl Decision {
    /// Whether it is removed.
    #[must_use]
    pub fn removes(&self) -> bool {
        self.kept.is_empty()
    }
}

/// Decides about every snapshot, in the order of their times, the newest first.
///
/// The same snapshots in any order give the same decisions. A larger number in the policy never removes what a smaller
/// one keeps, and what is left after the removal is kept by the same policy at the same time.
///
/// A clock can have been wrong, and a restore takes a store back to a lower generation: neither alone tells which state is
/// the newer one. So the newest, the newest proven, and the last ones are kept by both.
#[must_use]
pub fn decide(snapshots: &[SnapshotFacts], policy: &RetentionRules, now: Timestamp) -> Vec<Decision> {
    let mut newest_first: Vec<&SnapshotFacts> = snapshots.iter().collect();
    newest_first.sort_by_key(|facts| std::cmp::Reverse((facts.taken_at, facts.stamp)));
    let states = by_generation(snapshots, policy, now);
    let mut stores: BTreeMap<Option<&str>, PeriodCounter> = BTreeMap::new();
    newest_first
        .into_iter()
        .map(|facts| {
            let counting = stores.entry(facts.store.as_deref()).or_default();
            let mut decision = counting.decide(facts, policy, now);
            if let Some(reasons) = states.get(&facts.stamp).filter(|_| facts.taken_at <= now) {
                add_reasons(&mut decision, reasons);
            }
            decision
        })
        .collect()
}

/// Why a snapshot is kept for the state it holds: every reason that the order of the generations gives.
fn by_generation(
    snapshots: &[SnapshotFacts],
    policy: &RetentionRules,
    now: Timestamp,
) -> BTreeMap<SnapshotId, Vec<KeepReason>> {
    let mut newest_first: Vec<&SnapshotFacts> =
        snapshots.iter().filter(|facts| facts.taken_at <= now).collect();
    newest_first.sort_by_key(|facts| std::cmp::Reverse((facts.generation, facts.taken_at, facts.stamp)));
    let mut seen: BTreeMap<Option<&str>, (u32, bool)> = BTreeMap::new();
    let mut reasons: BTreeMap<SnapshotId, Vec<KeepReason>> = BTreeMap::new();
    for facts in newest_first {
        let (number, proven) = seen.entry(facts.store.as_deref()).or_default();
        let reasons = reasons.entry(facts.stamp).or_default();
        *number += 1;
        if *number == 1 {
            reasons.push(KeepReason::NewestState);
        }
        if let Some(depth) = facts.proven.filter(|depth| *depth >= PROTECTED)
            && !std::mem::replace(proven, true)
        {
            reasons.push(KeepReason::NewestProven(depth));
        }
        if *number <= policy.keep().last {
            reasons.push(KeepReason::LastState(*number));
        }
    }
    reasons
}

/// Adds those reasons that say more than the ones there are.
fn add_reasons(decision: &mut Decision, reasons: &[KeepReason]) {
    for reason in reasons {
        let is_said = decision.kept.iter().any(|kept| match reason {
            KeepReason::NewestState => *kept == KeepReason::Newest,
            KeepReason::LastState(_) => matches!(kept, KeepReason::Last(_)),
            reason => kept == reason,
        });
        if !is_said {
            decision.kept.push(reason.clone());
            decision.passed_over.clear();
        }
    }
}

/// What was kept so far of the snapshots of one store.
#[derive(Default)]
struct PeriodCounter {
    any: bool,
    proven: bool,
    rules: BTreeMap<RetentionRule, Counted>,
}

#[derive(Default)]
struct Counted {
    kept: u32,
    /// The last period that had a snapshot, and its newest.
    last: Option<(String, SnapshotId)>,
}

impl PeriodCounter {
    fn decide(&mut self, facts: &SnapshotFacts, policy: &RetentionRules, now: Timestamp) -> Decision {
        let mut kept = Vec::new();
        let mut passed_over = Vec::new();
        if facts.pinned {
            kept.push(KeepReason::Pinned);
        }
        if facts.undo_point {
            kept.push(KeepReason::UndoPoint);
        }
        if facts.taken_at > now {
            // It stands for nothing else: what is really the newest of a period stays too.
            kept.push(KeepReason::Future);
        } else {
            if !std::mem::replace(&mut self.any, true) {
                kept.push(KeepReason::Newest);
            }
            if let Some(depth) = facts.proven.filter(|depth| *depth >= PROTECTED)
                && !std::mem::replace(&mut self.proven, true)
            {
                kept.push(KeepReason::NewestProven(depth));
            }
            for rule in RetentionRule::ALL.into_iter().filter(|rule| policy.keep().by(*rule) > 0) {
                let counted = self.rules.entry(rule).or_default();
                match counted.look(facts, rule, policy.keep().by(rule)) {
                    Ok(reason) => kept.push(reason),
                    Err(why) => passed_over.push(why),
                }
            }
        }
        if !kept.is_empty() {
            passed_over.clear();
        }
        Decision { facts: facts.clone(), kept, passed_over }
    }
}

impl Counted {
    fn look(
        &mut self,
        facts: &SnapshotFacts,
        rule: RetentionRule,
        keeps: u32,
    ) -> Result<KeepReason, SkipReason> {
        let period = rule.period(facts.taken_at);
        if let (Some(period), Some((last, by))) = (&period, &self.last)
            && period == last
        {
            return Err(SkipReason::Superseded { rule, period: period.clone(), by: *by });
        }
        if self.kept == keeps {
            return Err(SkipReason::UsedUp { rule, keeps });
        }
        self.kept += 1;
        let Some(period) = period else { return Ok(KeepReason::Last(self.kept)) };
        self.last = Some((period.clone(), facts.stamp));
        Ok(KeepReason::Period(rule, period))
    }
}

#[cfg(test)]
mod tests;
