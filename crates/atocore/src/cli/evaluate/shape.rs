//! The JSON of an evaluation.

use std::collections::BTreeMap;

use atocore_engine::evaluation::{Evaluation, Figures, baseline::BaselineVerdict, question::Question};
use atocore_model::document::LineSpan;
use serde::Serialize;

use super::{EvaluationRun, Outcome};

/// Everything that was found out.
#[derive(Debug, Serialize)]
pub(super) struct EvaluationReport {
    top_k: usize,
    generation: u64,
    /// Number of questions by the mode in which they were answered.
    modes: BTreeMap<&'static str, usize>,
    notices: Vec<CountedNotice>,
    settings: BTreeMap<String, String>,
    /// Means; null when no question expects anything.
    figures: Option<Scores>,
    answerable: NothingFits,
    unanswerable: NothingFits,
    questions: Vec<Scored>,
    misses: Vec<Missed>,
    forbidden: Vec<ForbiddenHit>,
    compared: Option<Compared>,
    baseline: Option<Baseline>,
}

#[derive(Debug, Serialize)]
struct CountedNotice {
    text: String,
    questions: usize,
}

#[derive(Debug, Serialize)]
struct Scores {
    ndcg_at_10: f64,
    recall_at_k: f64,
    mrr_at_10: f64,
}

/// Questions, and how many of them had an answer that shows nothing or says that nothing fits well.
#[derive(Debug, Serialize)]
struct NothingFits {
    questions: usize,
    nothing_fits: usize,
}

#[derive(Debug, Serialize)]
struct Scored {
    line: usize,
    text: String,
    mode: &'static str,
    nothing_fits: bool,
    figures: Option<Scores>,
    /// For each expectation its rank; null when it is missed.
    ranks: Vec<Option<usize>>,
}

#[derive(Debug, Serialize)]
struct Missed {
    line: usize,
    text: String,
    expected: String,
    reason: &'static str,
    /// Null when it was not found.
    rank: Option<usize>,
    detail: String,
}

#[derive(Debug, Serialize)]
struct ForbiddenHit {
    line: usize,
    text: String,
    must_not: String,
    rank: usize,
    source_file: String,
    lines: LineSpan,
}

#[derive(Debug, Serialize)]
struct Compared {
    settings: BTreeMap<String, String>,
    figures: Option<Scores>,
    difference: f64,
    better: usize,
    worse: usize,
    equal: usize,
    p_value: f64,
}

#[derive(Debug, Serialize)]
struct Baseline {
    holds: bool,
    tolerance: f64,
    compared: usize,
    new: usize,
    gone: usize,
    ndcg_at_10_then: Option<f64>,
    ndcg_at_10_now: Option<f64>,
    /// The words of the questions that were answered then and are not now.
    lost: Vec<String>,
    /// The words of the questions that show what they must not, and did not then.
    newly_forbidden: Vec<String>,
}

impl From<Figures> for Scores {
    fn from(figures: Figures) -> Self {
        Self { ndcg_at_10: figures.ndcg_at_10, recall_at_k: figures.recall, mrr_at_10: figures.mrr_at_10 }
    }
}

impl EvaluationReport {
    /// The JSON of an outcome.
    pub(super) fn new(questions: &[Question], outcome: &Outcome) -> Self {
        let evaluation = &outcome.asked.evaluation;
        let notices = evaluation.notices.iter();
        let notices = notices
            .map(|(notice, questions)| CountedNotice { text: notice.to_string(), questions: *questions });
        let missed = outcome.misses.iter().map(|miss| {
            let question = &questions[miss.question];
            Missed {
                line: question.line,
                text: question.text.as_str().to_owned(),
                expected: question.expect[miss.expectation].passage.to_string(),
                reason: miss.reason.as_str(),
                rank: miss.reason.rank(),
                detail: miss.reason.detail(),
            }
        });
        Self {
            top_k: evaluation.top_k,
            generation: evaluation.generation.0,
            modes: modes(evaluation),
            notices: notices.collect(),
            settings: settings(&outcome.asked),
            figures: evaluation.means().map(Scores::from),
            answerable: nothing_fits(evaluation, true),
            unanswerable: nothing_fits(evaluation, false),
            questions: scored(questions, evaluation),
            misses: missed.collect(),
            forbidden: shown(questions, evaluation),
            compared: outcome.compared.as_ref().map(|(second, comparison)| Compared {
                settings: settings(second),
                figures: second.evaluation.means().map(Scores::from),
                difference: comparison.difference,
                better: comparison.better,
                worse: comparison.worse,
                equal: comparison.equal,
                p_value: comparison.p_value,
            }),
            baseline: outcome
                .verdict
                .as_ref()
                .map(|(verdict, tolerance)| Baseline::new(questions, verdict, *tolerance)),
        }
    }
}

impl Baseline {
    fn new(questions: &[Question], verdict: &BaselineVerdict, tolerance: f64) -> Self {
        let texts = |of: &[usize]| of.iter().map(|at| questions[*at].text.as_str().to_owned()).collect();
        Self {
            holds: verdict.holds(),
            tolerance,
            compared: verdict.compared,
            new: verdict.new,
            gone: verdict.gone,
            ndcg_at_10_then: verdict.ndcg_at_10.map(|(then, _)| then),
            ndcg_at_10_now: verdict.ndcg_at_10.map(|(_, now)| now),
            lost: texts(&verdict.lost),
            newly_forbidden: texts(&verdict.newly_forbidden),
        }
    }
}

fn settings(asked: &EvaluationRun) -> BTreeMap<String, String> {
    asked.configuration.settings.iter().cloned().collect()
}

fn nothing_fits(evaluation: &Evaluation, answerable: bool) -> NothingFits {
    let (questions, nothing_fits) = evaluation.nothing_fits(answerable);
    NothingFits { questions, nothing_fits }
}

/// How many questions were answered in which mode.
pub(super) fn modes(evaluation: &Evaluation) -> BTreeMap<&'static str, usize> {
    let mut modes = BTreeMap::new();
    for result in &evaluation.results {
        *modes.entry(result.mode.as_str()).or_default() += 1;
    }
    modes
}

fn scored(questions: &[Question], evaluation: &Evaluation) -> Vec<Scored> {
    let scored = questions.iter().zip(&evaluation.results).map(|(question, result)| Scored {
        line: question.line,
        text: question.text.as_str().to_owned(),
        mode: result.mode.as_str(),
        nothing_fits: result.nothing_fits,
        figures: result.figures.map(Scores::from),
        ranks: result.ranks.clone(),
    });
    scored.collect()
}

fn shown(questions: &[Question], evaluation: &Evaluation) -> Vec<ForbiddenHit> {
    let of = questions.iter().zip(&evaluation.results);
    let shown = of.flat_map(|(question, result)| {
        result.forbidden.iter().map(|forbidden| ForbiddenHit {
            line: question.line,
            text: question.text.as_str().to_owned(),
            must_not: question.must_not[forbidden.entry].to_string(),
            rank: forbidden.rank,
            source_file: forbidden.source_path.clone(),
            lines: LineSpan { first: forbidden.lines.first, last: forbidden.lines.last },
        })
    });
    shown.collect()
}
