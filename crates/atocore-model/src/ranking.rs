//! How passages are found and how the two halves of a similarity are put together.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::json::words;

words! {
    /// How passages are found.
    Mode, "a mode", {
        /// By words and by meaning.
        Hybrid = "hybrid",
        /// By meaning alone.
        Dense = "dense",
        /// By words alone.
        Lexical = "lexical",
    }
}

/// By words and by meaning.
impl Default for Mode {
    fn default() -> Self {
        Self::Hybrid
    }
}

/// BM25 scores by the words of a question.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Bm25 {
    /// Of a passage.
    pub chunk: f64,
    /// Of its document as a whole.
    pub document: f64,
}

impl Bm25 {
    /// How much of a lexical score is that of the whole document.
    pub const DOCUMENT_SHARE: f64 = 0.3;

    /// The higher of two in both.
    #[must_use]
    pub const fn max(self, other: Self) -> Self {
        Self { chunk: self.chunk.max(other.chunk), document: self.document.max(other.document) }
    }

    /// What these scores are of the highest that there are: 0 to 1.
    #[must_use]
    pub fn part_of(self, most: Self) -> f64 {
        let part = |score, most| if most > 0.0 { score / most } else { 0.0 };
        let of_chunk = (1.0 - Self::DOCUMENT_SHARE) * part(self.chunk, most.chunk);
        of_chunk + Self::DOCUMENT_SHARE * part(self.document, most.document)
    }
}

/// What its words make of a passage.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LexicalScore {
    /// BM25 of the passage; 0 when it has no word of the question, or ranks below the candidates.
    pub bm25: f64,
    /// The highest BM25 that any passage reached for this question, under the same filters.
    pub bm25_max: f64,
    /// BM25 of its document as a whole; 0 when `bm25` is.
    #[serde(default)]
    pub document_bm25: f64,
    /// The highest BM25 that the document of any passage reached.
    #[serde(default)]
    pub document_bm25_max: f64,
    /// 0.7 `bm25 / bm25_max` + 0.3 `document_bm25 / document_bm25_max`: 0 to 1.
    pub part: f64,
    /// Its rank among the candidates by words, from 1; null when it is not among them.
    pub rank: Option<usize>,
    /// Which part of the question's words it has, each by how rare it is: `bm25` over that of a passage of average length
    /// that has every word once, at most 1. Words that no passage has count too. 1 where it has the exact term that is all the
    /// question says.
    #[serde(default)]
    pub coverage: f64,
}

impl LexicalScore {
    /// The score of a passage, of which nothing is left where no passage reached more than 0. `attainable` is the BM25 of a
    /// passage of average length that has every word of the question.
    #[must_use]
    pub fn new(bm25: Bm25, most: Bm25, attainable: f64, rank: Option<usize>) -> Self {
        Self {
            coverage: if attainable > 0.0 { (bm25.chunk / attainable).min(1.0) } else { 0.0 },
            bm25: bm25.chunk,
            bm25_max: most.chunk,
            document_bm25: bm25.document,
            document_bm25_max: most.document,
            part: bm25.part_of(most),
            rank,
        }
    }
}

/// What its meaning makes of a passage.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SemanticScore {
    /// Cosine of the vectors of passage and question. For a passage that has no vector yet it is assumed from its
    /// words: as near to the nearest as they are to the best, and `assumed` says so.
    pub cosine: f64,
    /// The highest cosine that any passage reached for this question, under the same filters.
    pub cosine_max: f64,
    /// `cosine / cosine_max`: 0 to 1; 0 for a passage that is turned away from the question, or when all are.
    pub part: f64,
    /// Its rank among the candidates by meaning, from 1; null when it is not among them.
    pub rank: Option<usize>,
    /// Whether the passage has no vector yet, and its cosine is assumed from its words.
    pub assumed: bool,
}

impl SemanticScore {
    /// The score of a passage.
    #[must_use]
    pub fn new(cosine: f64, cosine_max: f64, rank: Option<usize>, assumed: bool) -> Self {
        let part = if cosine_max > 0.0 { cosine.max(0.0) / cosine_max } else { 0.0 };
        Self { cosine, cosine_max, part, rank, assumed }
    }
}

/// How both halves of a similarity are put together.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(into = "FusionRecord", from = "FusionRecord")]
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

/// How two halves were put together, with the same keys for every kind.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct FusionRecord {
    /// `convex`: `meaning_weight` times the part of the meaning, and the rest of 1 times the part of the words.
    /// `rrf`: half of `(k + 1) / (k + rank)` of each.
    #[schema(example = "convex")]
    kind: String,
    /// The weight of the meaning; null for `rrf`.
    meaning_weight: Option<f64>,
    /// How slowly a rank loses weight; null for `convex`.
    k: Option<f64>,
}

impl From<Fusion> for FusionRecord {
    fn from(fusion: Fusion) -> Self {
        match fusion {
            Fusion::Convex { meaning_weight } => {
                Self { kind: "convex".to_owned(), meaning_weight: Some(meaning_weight), k: None }
            }
            Fusion::Reciprocal { k } => Self { kind: "rrf".to_owned(), meaning_weight: None, k: Some(k) },
        }
    }
}

impl From<FusionRecord> for Fusion {
    fn from(record: FusionRecord) -> Self {
        match record.k {
            Some(k) => Self::Reciprocal { k },
            None => Self::Convex { meaning_weight: record.meaning_weight.unwrap_or_default() },
        }
    }
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
                meaning_weight * semantic.part + (1.0 - meaning_weight) * lexical.part
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
        let lexical = LexicalScore::new(
            Bm25 { chunk: 7.0, document: 9.0 },
            Bm25 { chunk: 7.0, document: 9.0 },
            14.0,
            Some(1),
        );
        let semantic = SemanticScore::new(0.4, 0.4, Some(1), false);
        for fusion in [Fusion::default(), Fusion::Reciprocal { k: 60.0 }] {
            assert!((fusion.similarity(&lexical, &semantic) - 1.0).abs() < 1e-12, "{fusion:?}");
        }
    }

    #[test]
    fn a_passage_known_to_one_half_keeps_the_score_of_that_half() {
        let lexical = LexicalScore::new(Bm25::default(), Bm25 { chunk: 7.0, document: 9.0 }, 14.0, None);
        let semantic = SemanticScore::new(0.4, 0.4, Some(1), false);
        assert!((Fusion::default().similarity(&lexical, &semantic) - 0.7).abs() < 1e-12);
        assert!((Fusion::Reciprocal { k: 60.0 }.similarity(&lexical, &semantic) - 0.5).abs() < 1e-12);
    }
}
