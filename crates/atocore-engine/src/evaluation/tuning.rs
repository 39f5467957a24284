//! Searches for better weights on one half of the questions and asks the other half whether they are better. What it
//! finds is a proposal: nothing is changed.

use atocore_model::{
    monitor::{Monitor, Progress},
    query::{ProjectHint, TopK},
    ranking::{Fusion, Mode},
};

use super::{Evaluation, evaluate, metrics::mean, question::Question, significance::PairedComparison};
use crate::{engine::Engine, error::Error, retrieval::RankWeights};

/// With fewer questions than this the result means little.
pub const FEW_QUESTIONS: usize = 20;
/// A difference on the held-out half counts as more than chance below this p-value.
pub const CONFIRMED_BELOW: f64 = 0.05;
/// A weight is moved only when that gains more than this: smaller gains are those of single swaps.
const LEAST_GAIN: f64 = 0.0005;
/// Every weight is looked at this often at most.
const ROUNDS: usize = 3;

const MEANING_WEIGHTS: [f64; 11] = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0];
const RECIPROCAL_KS: [f64; 4] = [10.0, 30.0, 60.0, 100.0];
const QUERY_TOKEN_STEPS: [f64; 5] = [0.02, 0.04, 0.08, 0.12, 0.16];
const QUERY_TOKEN_CAPS: [f64; 4] = [1.0, 1.16, 1.32, 1.48];
const PROJECT_MATCH_BOOSTS: [f64; 5] = [1.0, 1.25, 1.5, 2.0, 3.0];
const PATH_HIGH_SIGNAL_BOOSTS: [f64; 4] = [1.0, 1.09, 1.18, 1.3];
const PATH_LOW_SIGNAL_PENALTIES: [f64; 4] = [0.5, 0.72, 0.85, 1.0];

/// What a search for better weights came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Tuning {
    /// The weights it began with.
    pub before: RankWeights,
    /// The best weights of the searched half.
    pub found: RankWeights,
    /// How many weights were tried.
    pub tried: usize,
    /// The half that was searched.
    pub searched: Half,
    /// The half that was held out.
    pub held_out: Half,
}

/// What the weights make of one half of the questions.
#[derive(Debug, Clone, PartialEq)]
pub struct Half {
    /// Questions that expect something.
    pub questions: usize,
    /// Mean nDCG@10 of the weights it began with; 0 without questions.
    pub before: f64,
    /// Mean nDCG@10 of the weights that were found.
    pub after: f64,
    /// Both compared.
    pub comparison: PairedComparison,
}

/// Whether the found weights are worth having.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmation {
    /// No other weights are better on the searched half.
    NothingFound,
    /// Better on the held-out half, by more than chance.
    Confirmed,
    /// Better on the held-out half too, which may be chance.
    MayBeChance,
    /// Not better on the held-out half.
    NotConfirmed,
}

impl Tuning {
    /// Whether the held-out half confirms what was found. Unless it does, the proposal is to keep the present weights.
    #[must_use]
    pub fn confirmation(&self) -> Confirmation {
        let held_out = &self.held_out.comparison;
        if self.found == self.before {
            Confirmation::NothingFound
        } else if held_out.difference <= 0.0 {
            Confirmation::NotConfirmed
        } else if held_out.p_value < CONFIRMED_BELOW {
            Confirmation::Confirmed
        } else {
            Confirmation::MayBeChance
        }
    }

    /// Whether there are too few questions for the result to mean much.
    #[must_use]
    pub const fn has_few_questions(&self) -> bool {
        self.searched.questions + self.held_out.questions < FEW_QUESTIONS
    }
}

/// Searches the weights from `weights` on. Questions that expect nothing have no say.
///
/// # Errors
/// What a question fails with.
///
/// # Cancellation
/// Between two questions; [`Error::Cancelled`].
pub fn tune(
    engine: &Engine,
    questions: Vec<Question>,
    weights: &RankWeights,
    monitor: &dyn Monitor,
) -> Result<Tuning, Error> {
    let (searched, held_out) = halves(questions);
    let ask = |questions: &[Question], weights: &RankWeights, monitor: &dyn Monitor| {
        evaluate(engine, questions, weights, TopK::DEFAULT, monitor)
    };
    let first = ask(&searched, weights, monitor)?;
    let grid = grid(&searched, &first);
    let search = search(weights, &grid, &first.ndcgs(), |candidate, done, total| {
        let part = RoundMonitor { inner: monitor, done, total };
        Ok::<_, Error>(ask(&searched, candidate, &part)?.ndcgs())
    })?;
    let before = ask(&held_out, weights, monitor)?.ndcgs();
    let after = ask(&held_out, &search.found, monitor)?.ndcgs();
    Ok(Tuning {
        before: weights.clone(),
        tried: search.tried,
        searched: Half::new(&first.ndcgs(), &search.scores),
        held_out: Half::new(&before, &after),
        found: search.found,
    })
}

impl Half {
    fn new(before: &[f64], after: &[f64]) -> Self {
        let mean = |scores: &[f64]| mean(scores.iter().copied()).unwrap_or(0.0);
        Self {
            questions: before.len(),
            before: mean(before),
            after: mean(after),
            comparison: PairedComparison::new(before, after),
        }
    }
}

/// Two halves by the digest of the words: the same every time, and a question that is added moves few of the others.
fn halves(questions: Vec<Question>) -> (Vec<Question>, Vec<Question>) {
    let mut searched: Vec<Question> =
        questions.into_iter().filter(|question| !question.expect.is_empty()).collect();
    searched.sort_by_key(|question| (question.text_digest(), question.digest()));
    let held_out = searched.split_off(searched.len().div_ceil(2));
    (searched, held_out)
}

/// One weight set to one value.
#[derive(Debug, Clone, Copy, PartialEq)]
enum WeightChange {
    Fusion(Fusion),
    QueryTokenStep(f64),
    QueryTokenCap(f64),
    ProjectMatchBoost(f64),
    PathHighSignalBoost(f64),
    PathLowSignalPenalty(f64),
}

impl WeightChange {
    fn applied_to(self, weights: &RankWeights) -> RankWeights {
        let mut changed = weights.clone();
        match self {
            Self::Fusion(fusion) => changed.fusion = fusion,
            Self::QueryTokenStep(value) => changed.query_token_step = value,
            Self::QueryTokenCap(value) => changed.query_token_cap = value,
            Self::ProjectMatchBoost(value) => changed.project_match_boost = value,
            Self::PathHighSignalBoost(value) => changed.path_high_signal_boost = value,
            Self::PathLowSignalPenalty(value) => changed.path_low_signal_penalty = value,
        }
        changed
    }
}

/// The weights that can matter for these questions, each with the values that are tried.
fn grid(questions: &[Question], first: &Evaluation) -> Vec<Vec<WeightChange>> {
    let values =
        |values: &[f64], change: fn(f64) -> WeightChange| values.iter().copied().map(change).collect();
    let mut grid: Vec<Vec<WeightChange>> = Vec::new();
    if first.results.iter().any(|result| result.mode == Mode::Hybrid) {
        let convex =
            MEANING_WEIGHTS.map(|meaning_weight| WeightChange::Fusion(Fusion::Convex { meaning_weight }));
        let reciprocal = RECIPROCAL_KS.map(|k| WeightChange::Fusion(Fusion::Reciprocal { k }));
        grid.push(convex.into_iter().chain(reciprocal).collect());
    }
    grid.push(values(&QUERY_TOKEN_STEPS, WeightChange::QueryTokenStep));
    grid.push(values(&QUERY_TOKEN_CAPS, WeightChange::QueryTokenCap));
    if questions.iter().any(|question| matches!(question.project, ProjectHint::Boost(_))) {
        grid.push(values(&PROJECT_MATCH_BOOSTS, WeightChange::ProjectMatchBoost));
    }
    grid.push(values(&PATH_HIGH_SIGNAL_BOOSTS, WeightChange::PathHighSignalBoost));
    grid.push(values(&PATH_LOW_SIGNAL_PENALTIES, WeightChange::PathLowSignalPenalty));
    grid
}

/// What a search has found.
#[derive(Debug)]
struct SearchResult {
    found: RankWeights,
    scores: Vec<f64>,
    tried: usize,
}

/// Moves one weight after the other to its best value while the others stand still, until no move gains anything.
/// `score` is given the weights, how many were tried before, and how many will be tried in this round.
fn search<E>(
    start: &RankWeights,
    grid: &[Vec<WeightChange>],
    start_scores: &[f64],
    mut score: impl FnMut(&RankWeights, u64, u64) -> Result<Vec<f64>, E>,
) -> Result<SearchResult, E> {
    let mut best = SearchResult { found: start.clone(), scores: start_scores.to_vec(), tried: 0 };
    let total = grid.iter().map(Vec::len).sum::<usize>() as u64;
    for _ in 0..ROUNDS {
        let before = best.found.clone();
        let mut done = 0;
        for axis in grid {
            let from = best.found.clone();
            for change in axis {
                let candidate = change.applied_to(&from);
                if candidate != from {
                    let scores = score(&candidate, done, total)?;
                    best.tried += 1;
                    let of = |scores: &[f64]| mean(scores.iter().copied()).unwrap_or(0.0);
                    if of(&scores) > of(&best.scores) + LEAST_GAIN {
                        (best.found, best.scores) = (candidate, scores);
                    }
                }
                done += 1;
            }
        }
        if best.found == before {
            break;
        }
    }
    Ok(best)
}

/// Shows how many weights of a round were tried; the questions of each are too quick to be shown.
struct RoundMonitor<'m> {
    inner: &'m dyn Monitor,
    done: u64,
    total: u64,
}

impl Monitor for RoundMonitor<'_> {
    fn progress(&self, _: Progress) {
        let (done, total) = (self.done, Some(self.total));
        self.inner.progress(Progress { phase: "trying weights".into(), done, total });
    }

    fn cancelled(&self) -> bool {
        self.inner.cancelled()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::question_file::read;

    fn questions(count: usize) -> Vec<Question> {
        let one = |n| format!("[[question]]\ntext = 'question {n}'\nexpect = ['a.md']\n");
        read(&(0..count).map(one).collect::<String>()).unwrap()
    }

    fn texts(half: &[Question]) -> Vec<&str> {
        half.iter().map(|question| question.text.as_str()).collect()
    }

    #[test]
    fn the_halves_are_the_same_every_time_and_nearly_so_with_one_more() {
        let (searched, held_out) = halves(questions(41));
        assert_eq!((searched.len(), held_out.len()), (21, 20));
        let mut turned = questions(41);
        turned.reverse();
        assert_eq!(texts(&halves(turned).0), texts(&searched));
        let (with_one_more, _) = halves(questions(42));
        let same = texts(&searched).iter().filter(|text| texts(&with_one_more).contains(text)).count();
        assert!(same >= 20, "{same}");
    }

    #[test]
    fn the_search_finds_the_peak_and_stops_there() {
        let start = RankWeights::default();
        let grid = vec![
            MEANING_WEIGHTS
                .map(|meaning_weight| WeightChange::Fusion(Fusion::Convex { meaning_weight }))
                .to_vec(),
            PATH_LOW_SIGNAL_PENALTIES.map(WeightChange::PathLowSignalPenalty).to_vec(),
        ];
        let score = |weights: &RankWeights| {
            let Fusion::Convex { meaning_weight } = weights.fusion else { return 0.0 };
            1.0 - (meaning_weight - 0.4).abs() - (weights.path_low_signal_penalty - 0.85).abs()
        };
        let search = search(&start, &grid, &[score(&start)], |weights, done, total| {
            assert!(done < total);
            Ok::<_, ()>(vec![score(weights)])
        });
        let search = search.unwrap();
        assert_eq!(search.found.fusion, Fusion::Convex { meaning_weight: 0.4 });
        assert!((search.found.path_low_signal_penalty - 0.85).abs() < 1e-12);
        assert_eq!(search.found.query_token_cap.to_bits(), start.query_token_cap.to_bits());
    }

    #[test]
    fn a_gain_of_nothing_moves_nothing() {
        let start = RankWeights::default();
        let grid = vec![QUERY_TOKEN_STEPS.map(WeightChange::QueryTokenStep).to_vec()];
        let search = search(&start, &grid, &[0.5], |_, _, _| Ok::<_, ()>(vec![0.5 + LEAST_GAIN])).unwrap();
        assert_eq!((search.found, search.tried), (start, QUERY_TOKEN_STEPS.len() - 1));
    }

    #[test]
    fn only_a_held_out_half_that_is_better_by_more_than_chance_confirms() {
        let tuning = |after: [f64; 8], found: RankWeights| Tuning {
            before: RankWeights::default(),
            found,
            tried: 1,
            searched: Half::new(&[0.1; 8], &[0.9; 8]),
            held_out: Half::new(&[0.5; 8], &after),
        };
        let other = || RankWeights { query_token_cap: 1.0, ..RankWeights::default() };
        assert_eq!(tuning([0.9; 8], other()).confirmation(), Confirmation::Confirmed);
        assert_eq!(tuning([0.4; 8], other()).confirmation(), Confirmation::NotConfirmed);
        let once = [0.9, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5];
        assert_eq!(tuning(once, other()).confirmation(), Confirmation::MayBeChance);
        assert_eq!(tuning([0.9; 8], RankWeights::default()).confirmation(), Confirmation::NothingFound);
        assert!(tuning([0.9; 8], other()).has_few_questions());
    }
}
