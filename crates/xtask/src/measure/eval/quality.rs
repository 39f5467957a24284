//! The figures of merit of a collection, as means over its questions, with the product's own arithmetic.

use std::{collections::HashMap, fmt};

use atocore_engine::evaluation::metrics::{DEPTH, Judged, mean};
use serde_json::{Value, json};

/// The rank down to which recall looks.
const RECALL_DEPTH: usize = 100;

/// The figures of every question.
#[derive(Debug, Default)]
pub(super) struct Scores {
    ndcg: Vec<f64>,
    recall: Vec<f64>,
    reciprocal_rank: Vec<f64>,
}

/// Means over questions, each between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Quality {
    pub(super) ndcg_at_10: f64,
    pub(super) recall_at_100: f64,
    pub(super) mrr_at_10: f64,
}

impl Scores {
    /// Takes in the documents of one question, best first and each once.
    pub(super) fn add(&mut self, documents: &[&str], relevant: &HashMap<String, f64>) {
        let grade = |document: &&str| relevant.get(*document).copied().unwrap_or(0.0);
        let ranking: Vec<f64> = documents.iter().map(grade).collect();
        let answers: Vec<f64> = relevant.values().copied().collect();
        let judged = Judged { ranking: &ranking, answers: &answers };
        self.ndcg.push(judged.ndcg(DEPTH));
        self.recall.push(judged.recall(RECALL_DEPTH));
        self.reciprocal_rank.push(judged.reciprocal_rank(DEPTH));
    }

    /// The means.
    pub(super) fn mean(self) -> Quality {
        let of = |figures: Vec<f64>| mean(figures).unwrap_or(0.0);
        Quality {
            ndcg_at_10: of(self.ndcg),
            recall_at_100: of(self.recall),
            mrr_at_10: of(self.reciprocal_rank),
        }
    }
}

impl Quality {
    /// As the contract of the task names them.
    pub(super) fn to_json(self) -> Value {
        json!({
            "ndcg_at_10": self.ndcg_at_10,
            "recall_at_100": self.recall_at_100,
            "mrr_at_10": self.mrr_at_10,
        })
    }
}

impl fmt::Display for Quality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ndcg_at_10, recall_at_100, mrr_at_10 } = self;
        write!(f, "nDCG@10 {ndcg_at_10:.4}  recall@100 {recall_at_100:.4}  MRR@10 {mrr_at_10:.4}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_get_the_grades_of_the_judgements_and_questions_the_same_weight() {
        let relevant = HashMap::from([("a".to_owned(), 2.0), ("b".to_owned(), 1.0)]);
        let mut scores = Scores::default();
        scores.add(&["a", "b", "x"], &relevant);
        scores.add(&["x", "y"], &relevant);
        assert_eq!(scores.mean(), Quality { ndcg_at_10: 0.5, recall_at_100: 0.5, mrr_at_10: 0.5 });
    }
}
