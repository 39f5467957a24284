//! What a run has done and found good.

use std::{collections::BTreeMap, fmt};

/// What was killed, and when.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KillCounts {
    /// Kills by what they hit.
    pub by_operation: BTreeMap<&'static str, Kills>,
    /// Kills that landed, by the quarter of the work that they hit, going by how long it took before.
    pub quarters: [u64; 4],
}

/// Kills of one kind of work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Kills {
    /// They hit it at work.
    pub landed: u64,
    /// It had finished before.
    pub late: u64,
}

/// What a run has done and found good.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SoakCounts {
    /// What was killed.
    pub kills: KillCounts,
    /// Kills that left a refresh committed in part.
    pub halves: u64,
    /// Kills that left a snapshot in part, where nothing lists.
    pub partials: u64,
    /// Acknowledged documents, projects and snapshots that were looked for after a kill.
    pub facts: u64,
    /// Snapshots that were proven to the deepest depth.
    pub snapshots: u64,
    /// Comparisons of the lexical index with one built from scratch.
    pub rebuilt: u64,
    /// Questions that were asked for it, with the same hits and scores.
    pub questions: u64,
}

impl KillCounts {
    /// All kills that hit something at work.
    #[must_use]
    pub fn landed(&self) -> u64 {
        self.by_operation.values().map(|kills| kills.landed).sum()
    }

    /// All kills that came too late.
    #[must_use]
    pub fn late(&self) -> u64 {
        self.by_operation.values().map(|kills| kills.late).sum()
    }

    /// Counts a kill; `part` says after which part of the work it hit, and is `None` when it came too late.
    pub(super) fn kill(&mut self, operation: &'static str, part: Option<f64>) {
        let kills = self.by_operation.entry(operation).or_default();
        match part {
            Some(part) => {
                kills.landed += 1;
                let quarter = [0.25, 0.5, 0.75].iter().filter(|limit| part >= **limit).count();
                self.quarters[quarter] += 1;
            }
            None => kills.late += 1,
        }
    }
}

impl fmt::Display for KillCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<34} {:>6} {:>6}", "killed", "landed", "late")?;
        for (operation, kills) in &self.by_operation {
            writeln!(f, "  {operation:<32} {:>6} {:>6}", kills.landed, kills.late)?;
        }
        writeln!(f, "  {:<32} {:>6} {:>6}", "in all", self.landed(), self.late())?;
        let [first, second, third, last] = self.quarters;
        writeln!(f, "landed in each quarter of the work: {first}, {second}, {third}, {last}")
    }
}

impl fmt::Display for SoakCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kills.fmt(f)?;
        let (halves, partials) = (self.halves, self.partials);
        writeln!(f, "left half done: {halves} refreshes, {partials} snapshots")?;
        writeln!(f, "acknowledged facts found again: {}", self.facts)?;
        writeln!(f, "snapshots proven to depth content: {}", self.snapshots)?;
        write!(
            f,
            "lexical index equal to a rebuilt one: {} times, {} questions",
            self.rebuilt, self.questions
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kills_are_counted_by_kind_and_quarter() {
        let mut counts = KillCounts::default();
        for part in [Some(0.1), Some(0.3), Some(0.99), None] {
            counts.kill("refresh", part);
        }
        counts.kill("project add", Some(0.2));
        assert_eq!((counts.landed(), counts.late()), (4, 1));
        assert_eq!(counts.quarters, [2, 1, 0, 1]);
        assert!(counts.to_string().contains("refresh"), "{counts}");
    }
}
