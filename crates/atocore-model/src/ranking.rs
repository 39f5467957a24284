//! How passages are found and how the two halves of a similarity are put together.

use std::{fmt, str::FromStr};

/// How passages are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mode {
    /// By words and by meaning.
    #[default]
    Hybrid,
    /// By meaning alone.
    Dense,
    /// By words alone.
    Lexical,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Self; 3] = [Self::Hybrid, Self::Dense, Self::Lexical];
    /// The words for them.
    pub const WORDS: &'static [&'static str] =
        &[Self::Hybrid.as_str(), Self::Dense.as_str(), Self::Lexical.as_str()];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hybrid => "hybrid",
            Self::Dense => "dense",
            Self::Lexical => "lexical",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no mode.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a mode: `hybrid`, `dense` or `lexical`")]
pub struct InvalidMode(String);

impl FromStr for Mode {
    type Err = InvalidMode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|mode| mode.as_str() == text);
        known.ok_or_else(|| InvalidMode(text.chars().take(80).collect()))
    }
}

/// What its words make of a passage.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LexicalScore {
    /// BM25 of the passage; 0 when it has no word of the question, or ranks below the candidates.
    pub bm25: f64,
    /// The highest BM25 of any passage for this question, under the same filters.
    pub best: f64,
    /// Its rank among the candidates by words, from 1; `None` when it is not among them.
    pub rank: Option<usize>,
}

impl LexicalScore {
    /// `bm25 / best`: 0 to 1.
    #[must_use]
    pub fn part(&self) -> f64 {
        if self.best > 0.0 { self.bm25 / self.best } else { 0.0 }
    }
}

/// What its meaning makes of a passage.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SemanticScore {
    /// Cosine of the vectors of passage and question. For a passage that has no vector yet it is assumed from its
    /// words: as near to the nearest as they are to the best, and `assumed` says so.
    pub cosine: f64,
    /// The highest cosine of any passage for this question, under the same filters.
    pub best: f64,
    /// Its rank among the candidates by meaning, from 1; `None` when it is not among them.
    pub rank: Option<usize>,
    /// Whether the cosine is assumed.
    pub assumed: bool,
}

impl SemanticScore {
    /// `cosine / best`: 0 to 1; nothing for a passage that is turned away from the question, or when all are.
    #[must_use]
    pub fn part(&self) -> f64 {
        if self.best > 0.0 { self.cosine.max(0.0) / self.best } else { 0.0 }
    }
}

/// How both halves of a similarity are put together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fusion {
    /// `meaning_weight` × the part of the meaning + the rest × the part of the words.
    Convex {
        /// Between 0 and 1.
        meaning_weight: f64,
    },
    /// Reciprocal ranks: `1 / (k + rank)` of each half, added, and divided by what the first in both gets.
    ///
    /// Source: Cormack, Clarke, Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning
    /// Methods", SIGIR 2009.
    Reciprocal {
        /// How slowly a rank loses weight; above 0.
        k: f64,
    },
}

impl Default for Fusion {
    fn default() -> Self {
        Self::Convex { meaning_weight: 0.7 }
    }
}

impl Fusion {
    /// The similarity of a passage: 0 to 1.
    #[must_use]
    pub fn similarity(self, lexical: &LexicalScore, semantic: &SemanticScore) -> f64 {
        match self {
            Self::Convex { meaning_weight } => {
                meaning_weight * semantic.part() + (1.0 - meaning_weight) * lexical.part()
            }
            Self::Reciprocal { k } => {
                #[expect(clippy::cast_precision_loss, reason = "ranks are small")]
                let share = |rank: Option<usize>| rank.map_or(0.0, |rank| (k + 1.0) / (k + rank as f64));
                (share(lexical.rank) + share(semantic.rank)) / 2.0
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_read_back() {
        for mode in Mode::ALL {
            assert_eq!(mode.as_str().parse(), Ok(mode));
        }
        assert!("Hybrid ".parse::<Mode>().is_err());
    }

    #[test]
    fn the_best_of_both_halves_has_similarity_one() {
        let lexical = LexicalScore { bm25: 7.0, best: 7.0, rank: Some(1) };
        let semantic = SemanticScore { cosine: 0.4, best: 0.4, rank: Some(1), assumed: false };
        for fusion in [Fusion::default(), Fusion::Reciprocal { k: 60.0 }] {
            assert!((fusion.similarity(&lexical, &semantic) - 1.0).abs() < 1e-12, "{fusion:?}");
        }
    }

    #[test]
    fn a_passage_known_to_one_half_keeps_the_score_of_that_half() {
        let lexical = LexicalScore { bm25: 0.0, best: 7.0, rank: None };
        let semantic = SemanticScore { cosine: 0.4, best: 0.4, rank: Some(1), assumed: false };
        assert!((Fusion::default().similarity(&lexical, &semantic) - 0.7).abs() < 1e-12);
        assert!((Fusion::Reciprocal { k: 60.0 }.similarity(&lexical, &semantic) - 0.5).abs() < 1e-12);
    }
}
