//! Why what was expected is not shown. Every reason is looked up in answers and in the store, none is guessed.

use atocore_model::{
    id::ProjectId,
    monitor::{Monitor, Progress},
    query::{ProjectHint, TopK},
};
use atocore_storage::sqlite::StoredChunk;

use super::{Evaluation, first_rank, question::Question};
use crate::{
    engine::Engine,
    error::Error,
    retrieval::{RankWeights, path_filter::PathFilter},
};

/// An expectation that the first `top_k` hits do not fulfil.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Miss {
    /// Which question.
    pub question: usize,
    /// Which of its expectations.
    pub expectation: usize,
    /// Why not.
    pub reason: MissReason,
}

/// Why an expectation is not fulfilled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissReason {
    /// No document of the store fits.
    NotIngested,
    /// A document fits, but none of its passages has the heading or the text.
    NoSuchPassage,
    /// The passages that fit lie outside what the question is limited to.
    LeftOut,
    /// The passages that fit are not among the first ones, as many as can be asked for.
    NotFound,
    /// It is found, too far down: at this rank.
    RankedLow(usize),
}

impl MissReason {
    /// The words for it, without the rank.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotIngested | Self::NoSuchPassage => "not ingested",
            Self::LeftOut | Self::NotFound => "not found",
            Self::RankedLow(_) => "ranked low",
        }
    }

    /// The rank at which it is found; `None` when it is not.
    #[must_use]
    pub const fn rank(self) -> Option<usize> {
        match self {
            Self::RankedLow(rank) => Some(rank),
            _ => None,
        }
    }

    /// What more is known.
    #[must_use]
    pub fn detail(self) -> String {
        match self {
            Self::NotIngested => "no document in the store fits".to_owned(),
            Self::NoSuchPassage => {
                "the document is there, but no passage of it has this heading or text".to_owned()
            }
            Self::LeftOut => {
                "it lies outside the project, tags or path that the question is limited to".to_owned()
            }
            Self::NotFound => format!("it is not among the first {}", TopK::LIMIT),
            Self::RankedLow(rank) => format!("rank {rank}"),
        }
    }
}

/// Finds out the reason of every miss of an evaluation: asks again for as many hits as can be asked for, then looks
/// through the store.
///
/// # Errors
/// What a question fails with, or the store.
///
/// # Cancellation
/// Between two questions; [`Error::Cancelled`].
pub fn explain(
    engine: &Engine,
    questions: &[Question],
    evaluation: &Evaluation,
    weights: &RankWeights,
    monitor: &dyn Monitor,
) -> Result<Vec<Miss>, Error> {
    let all = TopK::new(TopK::LIMIT as u64).unwrap_or(TopK::DEFAULT);
    let mut misses = Vec::new();
    for (index, (question, result)) in questions.iter().zip(&evaluation.results).enumerate() {
        let missed: Vec<usize> =
            (0..result.ranks.len()).filter(|expectation| result.ranks[*expectation].is_none()).collect();
        if missed.is_empty() {
            continue;
        }
        if monitor.cancelled() {
            return Err(Error::Cancelled);
        }
        let answer = engine.query_with(&question.query(all), weights)?;
        for expectation in missed {
            let rank = first_rank(engine, &question.expect[expectation].passage, &answer)?;
            let reason = rank.map_or(MissReason::NotFound, MissReason::RankedLow);
            misses.push(Miss { question: index, expectation, reason });
        }
        let (done, total) = (index as u64 + 1, Some(questions.len() as u64));
        monitor.progress(Progress { phase: "looking for what was missed".into(), done, total });
    }
    look_in_store(engine, questions, &mut misses)?;
    Ok(misses)
}

/// What the store has of something that was not found.
#[derive(Debug, Clone, Copy, Default)]
struct StoreCheck {
    document: bool,
    passage: bool,
    within_limits: bool,
}

/// What a question is limited to.
struct QuestionLimits {
    project: Option<ProjectId>,
    path: Option<PathFilter>,
}

impl QuestionLimits {
    fn of(engine: &Engine, question: &Question) -> Result<Self, Error> {
        let project = match &question.project {
            ProjectHint::Scope(name) => Some(engine.project(name)?.id),
            ProjectHint::None | ProjectHint::Boost(_) => None,
        };
        Ok(Self { project, path: question.path.as_deref().map(PathFilter::new).transpose()? })
    }

    fn allow(&self, question: &Question, passage: &StoredChunk) -> bool {
        self.project.as_ref().is_none_or(|project| project.as_str() == passage.project)
            && self
                .path
                .as_ref()
                .is_none_or(|path| path.fit(&passage.source_path, &passage.file_path).is_some())
            && question.tags.iter().all(|tag| passage.tags.iter().any(|has| has.is_within(&tag.folded())))
    }
}

/// Tells what is not in the store, or not where the question looks, from what was not found. Goes through all passages
/// once, whatever the number of misses.
fn look_in_store(engine: &Engine, questions: &[Question], misses: &mut [Miss]) -> Result<(), Error> {
    let mut open = Vec::new();
    for miss in misses.iter_mut().filter(|miss| miss.reason == MissReason::NotFound) {
        let limits = QuestionLimits::of(engine, &questions[miss.question])?;
        open.push((miss, limits, StoreCheck::default()));
    }
    let Some(store) = engine.store_if_any()?.filter(|_| !open.is_empty()) else { return Ok(()) };
    store.read(|read| {
        read.each_chunk(|passage| {
            for (miss, limits, seen) in &mut open {
                let question = &questions[miss.question];
                let pattern = &question.expect[miss.expectation].passage;
                if seen.within_limits || !pattern.fits_document(&passage.source_path) {
                    continue;
                }
                seen.document |= pattern.names_document();
                if pattern.fits_place(&passage.source_path, &passage.heading_path)
                    && pattern.fits_text(&passage.content)
                {
                    seen.passage = true;
                    seen.within_limits = limits.allow(question, &passage);
                }
            }
            Ok::<_, Error>(())
        })
    })?;
    for (miss, _, seen) in open {
        miss.reason = match seen {
            StoreCheck { within_limits: true, .. } => MissReason::NotFound,
            StoreCheck { passage: true, .. } => MissReason::LeftOut,
            StoreCheck { document: true, .. } => MissReason::NoSuchPassage,
            StoreCheck { .. } => MissReason::NotIngested,
        };
    }
    Ok(())
}
