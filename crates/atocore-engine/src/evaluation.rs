//! Retrieval judged by a user's own questions: how good the answers are, what they miss and why, whether another
//! configuration is better by more than chance, and which weights would be.
//!
//! It asks the same questions in the same way as everybody else, and changes nothing: neither store nor settings.

pub mod baseline;
pub mod metrics;
pub mod misses;
pub mod question;
pub mod question_file;
pub mod significance;
pub mod tuning;

use atocore_model::{
    document::LineSpan,
    id::Generation,
    monitor::{Monitor, Progress},
    name::ProjectName,
    query::{Answer, Notice, ProjectHint, TopK},
    ranking::Mode,
};
use metrics::{DEPTH, Judged, mean};
use question::{PassagePattern, Question};
use question_file::QuestionFault;

use crate::{engine::Engine, error::Error, retrieval::RankWeights};

/// How well a configuration answers some questions.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// How many passages counted for each question.
    pub top_k: usize,
    /// One for each question, in their order.
    pub results: Vec<QuestionResult>,
    /// What the answers said of themselves, each kind once, with the number of questions it was said for; but for that
    /// nothing fits, which the results have.
    pub notices: Vec<(Notice, usize)>,
    /// The newest generation that an answer showed.
    pub generation: Generation,
}

/// How well one question was answered.
#[derive(Debug, Clone, PartialEq)]
pub struct QuestionResult {
    /// How its passages were found.
    pub mode: Mode,
    /// Whether something here answers it, as its file says.
    pub answerable: bool,
    /// Whether the answer shows nothing, or says that nothing fits well.
    pub nothing_fits: bool,
    /// Its figures; `None` when nothing is expected.
    pub figures: Option<Figures>,
    /// For each expectation the rank of the first hit that fulfils it, from 1; `None` when that is not among the
    /// first `top_k`.
    pub ranks: Vec<Option<usize>>,
    /// What is shown among the first `top_k` although it must not be, best rank first.
    pub forbidden: Vec<Forbidden>,
}

/// A passage that is shown although it must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forbidden {
    /// Which entry of `must_not` it fits.
    pub entry: usize,
    /// The rank of its hit, from 1.
    pub rank: usize,
    /// Its path below its root.
    pub source_path: String,
    /// Its lines there.
    pub lines: LineSpan,
}

/// The figures of merit of an answer, or their means over several: each 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    /// nDCG down to rank 10.
    pub ndcg_at_10: f64,
    /// The part of the expectations that the first `top_k` hits fulfil.
    pub recall: f64,
    /// 1 / the rank of the first fulfilled expectation, down to rank 10.
    pub mrr_at_10: f64,
}

impl Figures {
    /// The means; `None` of nothing.
    #[must_use]
    pub fn mean(of: &[Self]) -> Option<Self> {
        let part = |part: fn(&Self) -> f64| mean(of.iter().map(part));
        Some(Self {
            ndcg_at_10: part(|figures| figures.ndcg_at_10)?,
            recall: part(|figures| figures.recall)?,
            mrr_at_10: part(|figures| figures.mrr_at_10)?,
        })
    }
}

impl QuestionResult {
    /// Whether something that was expected is among the first `top_k`.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        self.ranks.iter().any(Option::is_some)
    }
}

impl Evaluation {
    /// The means over the questions that expect something; `None` when none does.
    #[must_use]
    pub fn means(&self) -> Option<Figures> {
        Figures::mean(&self.results.iter().filter_map(|result| result.figures).collect::<Vec<_>>())
    }

    /// How many questions there are that something here answers, or that nothing does, and for how many of them the answer
    /// shows nothing or says that nothing fits well.
    #[must_use]
    pub fn nothing_fits(&self, answerable: bool) -> (usize, usize) {
        let of: Vec<_> = self.results.iter().filter(|result| result.answerable == answerable).collect();
        (of.len(), of.iter().filter(|result| result.nothing_fits).count())
    }

    /// nDCG@10 of the questions that expect something, in their order.
    #[must_use]
    pub fn ndcgs(&self) -> Vec<f64> {
        self.results.iter().filter_map(|result| Some(result.figures?.ndcg_at_10)).collect()
    }
}

/// What of a set of questions does not go with an installation: projects that are not registered.
///
/// # Errors
/// When the registry is not valid.
pub fn check(engine: &Engine, questions: &[Question]) -> Result<Vec<QuestionFault>, Error> {
    let mut faults = Vec::new();
    for question in questions {
        let Some(name) = project_of(question) else { continue };
        match engine.project(name) {
            Ok(_) => {}
            Err(error @ Error::ProjectUnknown { .. }) => faults.push(QuestionFault {
                line: question.line,
                problem: error.to_string(),
                hint: error.hint().unwrap_or_default(),
            }),
            Err(error) => return Err(error),
        }
    }
    Ok(faults)
}

const fn project_of(question: &Question) -> Option<&ProjectName> {
    match &question.project {
        ProjectHint::None => None,
        ProjectHint::Boost(name) | ProjectHint::Scope(name) => Some(name),
    }
}

/// Asks every question with these weights and judges the answers. An answer shows at least [`DEPTH`] hits, so that
/// nDCG@10 means the same for every `top_k`.
///
/// # Errors
/// What a question fails with.
///
/// # Cancellation
/// Between two questions; [`Error::Cancelled`].
pub fn evaluate(
    engine: &Engine,
    questions: &[Question],
    weights: &RankWeights,
    top_k: TopK,
    monitor: &dyn Monitor,
) -> Result<Evaluation, Error> {
    let shown = TopK::new(top_k.get().max(DEPTH) as u64).unwrap_or(top_k);
    let mut evaluation = Evaluation {
        top_k: top_k.get(),
        results: Vec::with_capacity(questions.len()),
        notices: Vec::new(),
        generation: Generation::default(),
    };
    for (index, question) in questions.iter().enumerate() {
        if monitor.cancelled() {
            return Err(Error::Cancelled);
        }
        let answer = engine.query_with(&question.query(shown), weights)?;
        evaluation.results.push(judge(engine, question, &answer, top_k.get())?);
        evaluation.generation = evaluation.generation.max(answer.generation);
        for notice in answer.notices.into_iter().filter(|notice| !notice.says_nothing_fits()) {
            evaluation.note(notice);
        }
        let (done, total) = (index as u64 + 1, Some(questions.len() as u64));
        monitor.progress(Progress { phase: "asking questions".into(), done, total });
    }
    Ok(evaluation)
}

impl Evaluation {
    /// Keeps one notice of each kind.
    fn note(&mut self, notice: Notice) {
        let kind = std::mem::discriminant(&notice);
        match self.notices.iter_mut().find(|(known, _)| std::mem::discriminant(known) == kind) {
            Some((_, count)) => *count += 1,
            None => self.notices.push((notice, 1)),
        }
    }
}

/// Judges one answer.
fn judge(
    engine: &Engine,
    question: &Question,
    answer: &Answer,
    top_k: usize,
) -> Result<QuestionResult, Error> {
    let patterns = question.expect.iter().map(|expected| &expected.passage);
    let ranks: Vec<Option<usize>> =
        patterns.map(|pattern| first_rank(engine, pattern, answer)).collect::<Result<_, _>>()?;
    let grades: Vec<f64> = question.expect.iter().map(|expected| expected.grade).collect();
    let figures = (!grades.is_empty()).then(|| figures(&ranks, &grades, answer.hits.len(), top_k));
    let mut forbidden = Vec::new();
    for (entry, pattern) in question.must_not.iter().enumerate() {
        forbidden
            .extend(all_shown(engine, pattern, answer, top_k)?.into_iter().map(|shown| shown.named(entry)));
    }
    forbidden.sort_by_key(|forbidden| (forbidden.rank, forbidden.entry));
    let ranks = ranks.into_iter().map(|rank| rank.filter(|rank| *rank <= top_k)).collect();
    let says_so = answer.notices.iter().any(Notice::says_nothing_fits);
    Ok(QuestionResult {
        mode: answer.mode,
        answerable: question.answerable,
        nothing_fits: says_so || answer.hits.is_empty(),
        figures,
        ranks,
        forbidden,
    })
}

/// The figures of an answer with `hits` hits. A hit that fulfils several expectations, as one that stands for its
/// copies can, takes one place for each: collapsing them into one hit neither gains nor loses anything.
fn figures(ranks: &[Option<usize>], grades: &[f64], hits: usize, top_k: usize) -> Figures {
    let mut ranking = Vec::with_capacity(hits);
    for rank in 1..=hits {
        let fulfilled = ranks.iter().zip(grades).filter(|(at, _)| **at == Some(rank));
        let mut fulfilled: Vec<f64> = fulfilled.map(|(_, grade)| *grade).collect();
        fulfilled.sort_by(|a, b| b.total_cmp(a));
        ranking.extend(if fulfilled.is_empty() { vec![0.0] } else { fulfilled });
    }
    let judged = Judged { ranking: &ranking, answers: grades };
    let found = ranks.iter().flatten().filter(|rank| **rank <= top_k).count();
    Figures {
        ndcg_at_10: judged.ndcg(DEPTH),
        recall: found as f64 / grades.len().max(1) as f64,
        mrr_at_10: judged.reciprocal_rank(DEPTH),
    }
}

/// Where a passage is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ShownPassage {
    rank: usize,
    source_path: String,
    lines: LineSpan,
}

impl ShownPassage {
    fn named(self, entry: usize) -> Forbidden {
        Forbidden { entry, rank: self.rank, source_path: self.source_path, lines: self.lines }
    }
}

/// The rank of the first hit that is such a passage, or has one as a copy.
fn first_rank(engine: &Engine, pattern: &PassagePattern, answer: &Answer) -> Result<Option<usize>, Error> {
    for (index, hit) in answer.hits.iter().enumerate() {
        if fits_hit(engine, pattern, hit)?.is_some() {
            return Ok(Some(index + 1));
        }
    }
    Ok(None)
}

/// Every hit of the first `top_k` that is such a passage or has one as a copy.
fn all_shown(
    engine: &Engine,
    pattern: &PassagePattern,
    answer: &Answer,
    top_k: usize,
) -> Result<Vec<ShownPassage>, Error> {
    let mut all = Vec::new();
    for (index, hit) in answer.hits.iter().enumerate().take(top_k) {
        let place = fits_hit(engine, pattern, hit)?;
        all.extend(place.map(|(source_path, lines)| ShownPassage { rank: index + 1, source_path, lines }));
    }
    Ok(all)
}

/// Where the passage stands that fits: the hit itself, or the first of its copies.
fn fits_hit(
    engine: &Engine,
    pattern: &PassagePattern,
    hit: &atocore_model::query::Hit,
) -> Result<Option<(String, LineSpan)>, Error> {
    let place = |path: &str, lines| Ok(Some((path.to_owned(), lines)));
    if pattern.fits_place(hit.source_path.as_str(), hit.heading_path.as_str())
        && pattern.fits_text(&hit.content)
    {
        return place(hit.source_path.as_str(), hit.lines);
    }
    for copy in &hit.copies {
        if !pattern.fits_place(copy.source_path.as_str(), copy.heading_path.as_str()) {
            continue;
        }
        // A copy says the same, set in another way, so whether it has these very words is known from its own text alone.
        let fits = !pattern.names_text()
            || engine.passage_text(&copy.chunk_id)?.is_some_and(|text| pattern.fits_text(&text));
        if fits {
            return place(copy.source_path.as_str(), copy.lines);
        }
    }
    Ok(None)
}

impl Engine {
    fn passage_text(&self, id: &atocore_model::id::ChunkId) -> Result<Option<String>, Error> {
        match self.store_if_any()? {
            Some(store) => Ok(store.read(|read| read.chunk_text(id))?),
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hit_that_stands_for_two_expectations_takes_two_places() {
        let together = figures(&[Some(2), Some(2)], &[1.0, 1.0], 3, 10);
        let apart = figures(&[Some(2), Some(3)], &[1.0, 1.0], 4, 10);
        assert_eq!(together, apart);
        assert!((together.mrr_at_10 - 0.5).abs() < 1e-12);
        assert!((figures(&[Some(1), Some(1)], &[1.0, 2.0], 1, 10).ndcg_at_10 - 1.0).abs() < 1e-12);
    }

    #[test]
    fn recall_looks_at_the_hits_asked_for_and_ndcg_at_ten() {
        let figures = figures(&[Some(1), Some(4), None], &[1.0; 3], 10, 3);
        assert!((figures.recall - 1.0 / 3.0).abs() < 1e-12);
        let ideal = 1.0 + 1.0 / 3_f64.log2() + 0.5;
        assert!((figures.ndcg_at_10 - (1.0 + 1.0 / 5_f64.log2()) / ideal).abs() < 1e-12);
    }
}
