//! The arithmetic of a score: the halves, their fusion, the contract's factors, and the order that comes of it.

use atocore_model::{
    query::{Explanation, Factor},
    ranking::{Bm25, Fusion, LexicalScore, Mode, SemanticScore},
};
use atocore_storage::sqlite::ChunkKey;

use super::{
    candidates::{Candidate, Candidates},
    signals::{ChunkLocation, Signals},
};

/// A little more than nothing, so that an order does not hang on how a division is rounded.
pub(super) const STEP: f64 = f64::EPSILON * 4.0;
/// The name of the factor of what has an exact term of the question, or has it otherwise.
pub(super) const EXACT_TERM: &str = "exact_term";

/// How candidates are ranked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ranking<'q> {
    pub(super) mode: Mode,
    pub(super) fusion: Fusion,
    pub(super) signals: &'q Signals<'q>,
    /// The BM25 of a passage of average length that has every word of the question.
    pub(super) attainable: f64,
}

/// A passage with its score, before the cut.
#[derive(Debug)]
pub(super) struct Ranked {
    pub(super) passage: ChunkKey,
    halves: Explanation,
    pub(super) score: f64,
    /// The score without the lift.
    pub(super) unlifted: f64,
    /// What lifts it above its factors, or puts it below.
    pub(super) lift: Option<Factor>,
}

impl Ranked {
    /// Notes that it has all that the question says.
    pub(super) fn covers_question(&mut self) {
        if let Some(lexical) = &mut self.halves.lexical {
            lexical.coverage = 1.0;
        }
    }

    /// How its score came about.
    pub(super) fn explanation(&self, signals: &Signals<'_>) -> Explanation {
        let mut factors = signals.found(&self.passage.project, location(&self.passage)).factors();
        factors.extend(self.lift.clone());
        Explanation { factors, ..self.halves.clone() }
    }
}

fn location(passage: &ChunkKey) -> ChunkLocation<'_> {
    ChunkLocation {
        source_path: &passage.source_path,
        title: &passage.title,
        heading_path: &passage.heading_path,
        date: passage.date,
    }
}

impl Ranking<'_> {
    /// Ranks every candidate that its mode has a use for: best first, then by path and place.
    pub(super) fn rank(&self, candidates: Candidates) -> Vec<Ranked> {
        let Candidates { list, most, cosines } = candidates;
        let ranked = list.into_iter().filter_map(|candidate| {
            let halves = self.halves(&candidate, most, cosines)?;
            let found = self.signals.found(&candidate.passage.project, location(&candidate.passage));
            let score = found.applied_to(halves.similarity);
            Some(Ranked { passage: candidate.passage, halves, score, unlifted: score, lift: None })
        });
        let mut ranked: Vec<Ranked> = ranked.collect();
        sort(&mut ranked);
        ranked
    }

    /// What the halves make of a candidate; `None` when the mode has no use for it.
    fn halves(&self, candidate: &Candidate, most: Bm25, cosines: Option<(f64, f64)>) -> Option<Explanation> {
        let words = LexicalScore::new(candidate.bm25, most, self.attainable, candidate.word_rank);
        let meaning = cosines.map(|(most, least)| {
            let cosine = candidate.cosine.unwrap_or(least + (most - least) * words.part);
            SemanticScore::new(cosine, most, candidate.meaning_rank, candidate.cosine.is_none())
        });
        let one = |similarity, words, meaning| {
            Some(Explanation {
                lexical: words,
                semantic: meaning,
                fusion: None,
                similarity,
                factors: Vec::new(),
            })
        };
        match (self.mode, meaning) {
            (Mode::Dense, Some(meaning)) if !meaning.assumed => {
                // Below 0 a boost would push a passage down.
                one(meaning.cosine.max(0.0), None, Some(meaning))
            }
            (Mode::Dense, _) => None,
            (Mode::Hybrid, Some(meaning)) => Some(Explanation {
                similarity: self.fusion.similarity(&words, &meaning),
                lexical: Some(words),
                semantic: Some(meaning),
                fusion: Some(self.fusion),
                factors: Vec::new(),
            }),
            (Mode::Lexical, _) | (Mode::Hybrid, None) => {
                (words.bm25 > 0.0).then_some(()).and_then(|()| one(words.part, Some(words), None))
            }
        }
    }
}

/// Best first; equal scores by path and place.
pub(super) fn sort(ranked: &mut [Ranked]) {
    ranked.sort_by(|a, b| {
        let by_place = |ranked: &Ranked| (ranked.passage.index, ranked.passage.key);
        b.score
            .total_cmp(&a.score)
            .then_with(|| a.passage.source_path.cmp(&b.passage.source_path))
            .then_with(|| by_place(a).cmp(&by_place(b)))
    });
}
