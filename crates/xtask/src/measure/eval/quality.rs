//! The figures of merit: nDCG@10, recall@100, MRR@10, as means over questions.

use std::{collections::HashMap, fmt};

use serde_json::{Value, json};

/// Sums over questions.
#[derive(Debug, Default)]
pub(super) struct Scores {
    ndcg: f64,
    recall: f64,
    reciprocal_rank: f64,
    questions: f64,
}

/// Means over questions, each between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Quality {
    ndcg_at_10: f64,
    recall_at_100: f64,
    mrr_at_10: f64,
}

impl Scores {
    /// Takes in the ranking of one question.
    pub(super) fn add(&mut self, ranking: &[&str], relevant: &HashMap<String, f64>) {
        let grade = |document: &&str| relevant.get(*document).copied().unwrap_or(0.0);
        let mut ideal: Vec<f64> = relevant.values().copied().collect();
        ideal.sort_by(|a, b| b.total_cmp(a));
        let best = gain(ideal.into_iter().take(10));
        if best > 0.0 {
            self.ndcg += gain(ranking.iter().take(10).map(grade)) / best;
        }
        let found = ranking.iter().take(100).filter(|document| grade(document) > 0.0).count();
        self.recall += count(found) / count(relevant.len()).max(1.0);
        if let Some(rank) = ranking.iter().take(10).position(|document| grade(document) > 0.0) {
            self.reciprocal_rank += 1.0 / count(rank + 1);
        }
        self.questions += 1.0;
    }

    /// The means.
    pub(super) fn mean(&self) -> Quality {
        let questions = self.questions.max(1.0);
        Quality {
            ndcg_at_10: self.ndcg / questions,
            recall_at_100: self.recall / questions,
            mrr_at_10: self.reciprocal_rank / questions,
        }
    }
}

/// Discounted cumulative gain, with the grade itself as the gain, as `trec_eval` has it.
fn gain(grades: impl Iterator<Item = f64>) -> f64 {
    grades.enumerate().map(|(rank, grade)| grade / count(rank + 2).log2()).sum()
}

#[expect(clippy::cast_precision_loss, reason = "counts of questions and ranks are small")]
const fn count(number: usize) -> f64 {
    number as f64
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
    fn a_perfect_ranking_has_one_and_a_wrong_one_nothing() {
        let relevant = HashMap::from([("a".to_owned(), 2.0), ("b".to_owned(), 1.0)]);
        let mut scores = Scores::default();
        scores.add(&["a", "b", "x"], &relevant);
        assert_eq!(scores.mean(), Quality { ndcg_at_10: 1.0, recall_at_100: 1.0, mrr_at_10: 1.0 });
        let mut scores = Scores::default();
        scores.add(&["x", "y"], &relevant);
        assert_eq!(scores.mean(), Quality { ndcg_at_10: 0.0, recall_at_100: 0.0, mrr_at_10: 0.0 });
    }

    #[test]
    fn a_later_answer_is_worth_less() {
        let relevant = HashMap::from([("a".to_owned(), 1.0)]);
        let mut scores = Scores::default();
        scores.add(&["x", "a"], &relevant);
        let quality = scores.mean();
        assert!((quality.ndcg_at_10 - 1.0 / 3_f64.log2()).abs() < 1e-12);
        assert!((quality.mrr_at_10 - 0.5).abs() < 1e-12);
    }
}
