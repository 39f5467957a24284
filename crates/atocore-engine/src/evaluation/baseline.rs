//! Whether an evaluation is worse than an earlier one on the same questions.

use std::collections::HashMap;

use atocore_model::digest::Digest;

use super::{Evaluation, metrics::mean, question::Question};

/// How one question was answered at an earlier time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EarlierScore {
    /// Which question: its digest.
    pub question: Digest,
    /// nDCG@10; `None` when nothing was expected.
    pub ndcg_at_10: Option<f64>,
    /// Whether something that was expected was shown.
    pub answered: bool,
    /// Whether something was shown that must not be.
    pub forbidden: bool,
}

/// An evaluation beside an earlier one.
#[derive(Debug, Clone, PartialEq)]
pub struct BaselineVerdict {
    /// Questions that both have.
    pub compared: usize,
    /// Questions that the earlier one did not have.
    pub new: usize,
    /// Questions of the earlier one that are gone, or read otherwise now.
    pub gone: usize,
    /// Mean nDCG@10 of the compared ones then and now; `None` when none of them expects anything.
    pub ndcg_at_10: Option<(f64, f64)>,
    /// Whether the mean fell by more than the tolerance.
    pub fell: bool,
    /// Questions that were answered and are not any more, by their place.
    pub lost: Vec<usize>,
    /// Questions that show now what they must not, and did not then, by their place.
    pub newly_forbidden: Vec<usize>,
}

impl BaselineVerdict {
    /// Whether nothing became worse.
    #[must_use]
    pub fn holds(&self) -> bool {
        !self.fell && self.lost.is_empty() && self.newly_forbidden.is_empty()
    }
}

/// Puts an evaluation beside an earlier one. Only questions that both have are compared, so that adding a hard question
/// is no regression.
#[must_use]
pub fn compare(
    questions: &[Question],
    evaluation: &Evaluation,
    earlier: &[EarlierScore],
    tolerance: f64,
) -> BaselineVerdict {
    let by_question: HashMap<Digest, &EarlierScore> =
        earlier.iter().map(|score| (score.question, score)).collect();
    let mut verdict = BaselineVerdict {
        compared: 0,
        new: 0,
        gone: 0,
        ndcg_at_10: None,
        fell: false,
        lost: Vec::new(),
        newly_forbidden: Vec::new(),
    };
    let (mut then, mut now) = (Vec::new(), Vec::new());
    for (index, (question, result)) in questions.iter().zip(&evaluation.results).enumerate() {
        let Some(score) = by_question.get(&question.digest()) else {
            verdict.new += 1;
            continue;
        };
        verdict.compared += 1;
        if let (Some(before), Some(figures)) = (score.ndcg_at_10, result.figures) {
            then.push(before);
            now.push(figures.ndcg_at_10);
            if score.answered && !result.is_answered() {
                verdict.lost.push(index);
            }
        }
        if !score.forbidden && !result.forbidden.is_empty() {
            verdict.newly_forbidden.push(index);
        }
    }
    verdict.gone = by_question.len() - verdict.compared;
    verdict.ndcg_at_10 = mean(then).zip(mean(now));
    // A difference of rounding is not one.
    verdict.fell = verdict.ndcg_at_10.is_some_and(|(then, now)| then - now > tolerance + 1e-9);
    verdict
}
