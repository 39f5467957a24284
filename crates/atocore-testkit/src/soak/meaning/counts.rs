//! What a run has done and found good.

use std::fmt;

use crate::soak::KillCounts;

/// What a run has done and found good.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MeaningCounts {
    /// What was killed.
    pub kills: KillCounts,
    /// Kills that left some of the vectors made and others not.
    pub halves: u64,
    /// Kills that left the vectors of two models.
    pub two_models: u64,
    /// Kills that left rechunked documents waiting for their vectors.
    pub waiting: u64,
    /// Kills that left a vector index that did not show all vectors of the store.
    pub index_behind: u64,
    /// Vectors that were found again after a kill, to the last bit.
    pub vectors: u64,
    /// Documents that were found again after a kill.
    pub documents: u64,
    /// Questions that the program answered right, with nothing repaired before.
    pub questions: u64,
    /// Comparisons of the vector index with one built from scratch.
    pub rebuilt: u64,
    /// Questions that were asked for it, with the same hits and scores.
    pub compared: u64,
    /// Vectors that are those of an installation that was never harmed.
    pub unharmed: u64,
}

impl fmt::Display for MeaningCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kills.fmt(f)?;
        let Self { halves, two_models, waiting, index_behind, .. } = self;
        writeln!(
            f,
            "left half done: {halves} times some of the vectors, {two_models} times those of two models, {waiting} times \
             documents rechunked, {index_behind} times the vector index"
        )?;
        writeln!(f, "found again: {} vectors to the last bit, {} documents", self.vectors, self.documents)?;
        writeln!(f, "questions answered right at once: {}", self.questions)?;
        writeln!(
            f,
            "vector index equal to a rebuilt one: {} times, {} questions",
            self.rebuilt, self.compared
        )?;
        write!(f, "vectors equal to those of an unharmed installation: {}", self.unharmed)
    }
}
