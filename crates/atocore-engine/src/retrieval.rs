//! From a question to ranked passages: candidates by words and by meaning, put together, multiplied by the contract's
//! factors, then cut.
//!
//! More passages are ranked than were asked for, so that a factor can bring in what the search alone would have cut, and
//! more still where too few different ones are among them.

mod candidates;
mod exact;
mod exact_terms;
mod filters;
mod fit_floor;
mod near_duplicates;
pub(crate) mod path_filter;
mod rank;
mod recency;
mod signals;
mod versions;

use std::{ops::ControlFlow, panic::resume_unwind, thread};

use atocore_model::{
    document::DocumentState,
    fit::Fit,
    id::ProjectId,
    name::QueryText,
    query::{Answer, Hit, Notice, ProjectHint, QueryRequest},
    ranking::{Fusion, Mode},
    time::Timestamp,
};
use atocore_storage::{
    lexical::{self, LexicalIndex, LexicalMatch},
    sqlite::{ReadTransaction, Store},
    vector::{VectorError, VectorIndex, VectorMatch},
};

use crate::{
    behind::{IndexFault, LEXICAL_INDEX},
    embedding::{Asking, Embedding, Missing, QueryVector},
    error::Error,
    file_check::{FileCheck, FileTally},
    projects::Projects,
    status::records,
};
pub(crate) use candidates::cosine;
use candidates::{CandidateSearch, Candidates, SearchHalf};
use filters::{ExcludedTexts, Filters};
use rank::{Ranked, Ranking};
use recency::Recency;
use signals::Signals;

/// Goes up whenever the same passages get other scores or another order by the same weights: answers that are kept in
/// snapshots can then be compared in what they found only.
pub(crate) const VERSION: u32 = 6;

/// How hits are ranked, and which are shown. Every weight is finite and above 0.
#[derive(Debug, Clone, PartialEq)]
pub struct RankWeights {
    /// How passages are found when a question does not say.
    pub mode: Mode,
    /// How the two halves are put together.
    pub fusion: Fusion,
    /// Factor of the named project.
    pub project_match_boost: f64,
    /// What each word of the question adds that is found in path, title or heading.
    pub query_token_step: f64,
    /// The most that those words make of it.
    pub query_token_cap: f64,
    /// Factor of places that people come back to.
    pub path_high_signal_boost: f64,
    /// Factor of places where things were put aside.
    pub path_low_signal_penalty: f64,
    /// Factor of what is dated now, but in mode `dense`; 1 for no difference.
    pub recency_boost: f64,
    /// After how many days half of that is left.
    pub recency_half_life_days: f64,
    /// Passages that fit less are left out, but in mode `dense`, and where a question says otherwise.
    pub min_fit: Fit,
}

impl Default for RankWeights {
    fn default() -> Self {
        Self {
            mode: Mode::Hybrid,
            fusion: Fusion::default(),
            project_match_boost: 2.0,
            query_token_step: 0.08,
            query_token_cap: 1.32,
            path_high_signal_boost: 1.18,
            path_low_signal_penalty: 0.72,
            recency_boost: 1.0,
            recency_half_life_days: 90.0,
            min_fit: Fit::FLOOR,
        }
    }
}

/// What answers come from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retrieval<'e> {
    pub(crate) store: &'e Store,
    pub(crate) lexical_index: &'e LexicalIndex,
    pub(crate) embedding: &'e Embedding,
    pub(crate) weights: &'e RankWeights,
    pub(crate) projects: &'e Projects,
    /// What ages are counted to.
    pub(crate) now: Timestamp,
    /// The indexes that could not be brought up to date, which the answer says.
    pub(crate) faults: &'e [IndexFault],
    /// What looks at the files; `None` to be answered from the store as it is.
    pub(crate) files: Option<&'e FileCheck>,
    /// Only passages of these documents; `None` for those of all.
    pub(crate) within: Option<&'e [u64]>,
}

impl Retrieval<'_> {
    /// Answers a question for which the project has been resolved. `also` reads what else is wanted of the very state
    /// of the store that the answer shows.
    pub(crate) fn answer<T>(
        &self,
        query: &QueryRequest,
        project: Option<&ProjectId>,
        also: impl Fn(&ReadTransaction<'_>) -> Result<T, Error>,
    ) -> Result<(Answer, T), Error> {
        let mut notices = Vec::new();
        let wanted = query.mode.unwrap_or(self.weights.mode);
        let Filters { documents, chunks } = self.filters(query, project, &mut notices)?;
        let terms = exact_terms::terms(query.text.as_str());
        // BM25 adds up over words, so all wordings are searched as one text.
        let text = query.wordings().collect::<Vec<_>>().join("\n");
        let search = CandidateSearch {
            text: &text,
            terms: &terms,
            tags: &query.conditions.tags,
            documents: documents.as_deref(),
            chunks: chunks.as_ref(),
            hint: &query.project,
            project,
            top_k: query.top_k.get(),
            halves: if wanted == Mode::Hybrid { 2 } else { 1 },
            breadth: 1,
        };
        let mut found = self.find(search, query, wanted, &mut notices)?;
        loop {
            let wider = found.search.wider().filter(|_| found.is_cut());
            // The view of the store is opened after the search, so that it is never older than the index.
            let answered = self.store.read(|read| {
                let mut notices = notices.clone();
                let version = self.lexical_index.version().filter(|version| version.generation.0 > 0);
                if !version.map_or(Ok(read.last_document_change()?.0 == 0), |version| read.has(version))? {
                    return Err(Error::IndexNotReady);
                }
                let shown = version.map(|version| version.generation).unwrap_or_default();
                let store_generation = read.generation()?;
                let generation = if read.last_document_change()? <= shown { store_generation } else { shown };
                if generation < store_generation {
                    notices.push(Notice::LexicalIndexBehind { shown: generation, store: store_generation });
                }
                let concerns = |fault: &&IndexFault| fault.index == LEXICAL_INDEX || wanted != Mode::Lexical;
                notices.extend(
                    self.faults
                        .iter()
                        .filter(concerns)
                        .map(|fault| Notice::IndexBehind { why: fault.to_string(), hint: fault.hint() }),
                );
                let Best { mode, candidates, hits, left_out, is_short } =
                    self.best(read, query, project, &found, &mut notices)?;
                if let Some(wider) = wider.filter(|_| is_short) {
                    return Ok(ControlFlow::Continue(wider));
                }
                let project = project.cloned();
                let answer = Answer {
                    hits,
                    project,
                    generation,
                    store_generation,
                    fresh_as_of: None,
                    candidates,
                    left_out,
                    mode,
                    notices,
                };
                Ok(ControlFlow::Break((answer, also(read)?)))
            })?;
            match answered {
                ControlFlow::Break(answered) => return Ok(answered),
                ControlFlow::Continue(wider) => self.widen(&mut found, wider)?,
            }
        }
    }

    /// Searches in the ways that the question wants and that there are.
    fn find<'q>(
        &self,
        search: CandidateSearch<'q>,
        query: &QueryRequest,
        wanted: Mode,
        notices: &mut Vec<Notice>,
    ) -> Result<SearchHalves<'q>, Error> {
        // Words are looked up on another core while the model is at work.
        let (words, asked, near) = thread::scope(|scope| {
            let words = (wanted == Mode::Hybrid).then(|| scope.spawn(|| search.words(self.lexical_index)));
            let (asked, near) = self.meaning(&search, query, notices)?;
            let words = words.map(|words| words.join().unwrap_or_else(|panic| resume_unwind(panic)));
            Ok::<_, Error>((words.transpose()?, asked, near))
        })?;
        let mode = match (query.mode, &asked) {
            (Some(Mode::Dense), None) => Mode::Dense,
            (_, None) => Mode::Lexical,
            (_, Some(_)) => wanted,
        };
        let words = match words {
            None if mode == Mode::Lexical => Some(search.words(self.lexical_index)?),
            words => words,
        };
        Ok(SearchHalves { search, words, near, asked, mode })
    }

    /// Searches again, for more candidates.
    fn widen<'q>(&self, found: &mut SearchHalves<'q>, wider: CandidateSearch<'q>) -> Result<(), Error> {
        found.search = wider;
        if found.words.is_some() {
            found.words = Some(wider.words(self.lexical_index)?);
        }
        if let (Some(asked), Some(index), Some(_)) = (&found.asked, self.embedding.index(), &found.near) {
            match wider.meaning(index, &asked.vector) {
                // A server that gives no more has given enough for an answer.
                Err(Error::Vector(_)) => {}
                near => found.near = Some(near?),
            }
        }
        Ok(())
    }

    /// The best of what was found.
    fn best(
        &self,
        read: &ReadTransaction<'_>,
        query: &QueryRequest,
        project: Option<&ProjectId>,
        found: &SearchHalves<'_>,
        notices: &mut Vec<Notice>,
    ) -> Result<Best, Error> {
        let question = query.text.as_str();
        let scope = project.filter(|_| matches!(query.project, ProjectHint::Scope(_)));
        let (words, near) = (found.words.as_ref(), found.near.as_ref());
        let candidates = Candidates::gather(read, scope, words, near, found.asked.as_ref())?;
        // Where nothing was found, nothing was found by lexical search alone either.
        let by_words_alone = candidates.cosines.is_none() && !candidates.list.is_empty();
        let mode = if by_words_alone && found.mode == Mode::Hybrid { Mode::Lexical } else { found.mode };
        // One that cannot be asked counts like any other.
        let rarity = |word: &str| self.lexical_index.rarity(word).unwrap_or(1.0);
        let rarity = (mode != Mode::Dense).then_some(&rarity as &dyn Fn(&str) -> f64);
        let recency = Recency::new(self.weights, self.now).filter(|_| mode != Mode::Dense);
        let signals = Signals::new(self.weights, question, project.map(ProjectId::as_str), rarity);
        let signals = signals.with_recency(recency);
        // A passage that has all the words of one wording has all that is asked for.
        let wordings = 1.0 + query.alternatives.len() as f64;
        let attainable = match mode {
            Mode::Dense => 0.0,
            _ => self.lexical_index.attainable(found.search.text)? / wordings,
        };
        let ranking = Ranking { mode, fusion: self.weights.fusion, signals: &signals, attainable };
        let mut ranked = ranking.rank(candidates);
        let mut is_short = false;
        if mode != Mode::Dense {
            let unfound = exact::rank(read, self.lexical_index, question, found.search.terms, &mut ranked)?;
            is_short = unfound.iter().any(|term| term.may_be_further);
            let too_common = unfound.into_iter().filter(|term| term.is_too_common).map(|term| term.text);
            let is_question = ranked.is_empty() && lexical::is_too_common(question);
            let too_common = if is_question { vec![question.to_owned()] } else { too_common.collect() };
            notices.extend(too_common.into_iter().map(Notice::TooCommon));
        }
        let candidates = ranked.len();
        let (mut hits, tally) = self.hits(read, ranked, query, &signals)?;
        if mode != Mode::Dense {
            versions::newest_first(&mut hits, question);
        }
        is_short |= tally.has_gone() && hits.len() < query.top_k.get();
        notices.extend(tally.notices());
        if let Some(project) = project.filter(|project| hits.iter().all(|hit| hit.project != **project)) {
            let found = records::nothing_read(read.refreshes()?, project);
            notices.extend(found.map(|found| Notice::NothingRead { project: project.clone(), found }));
        }
        is_short |= query.collapse && hits.len() < query.top_k.get();
        let stock = if mode == Mode::Dense { Fit::ZERO } else { self.weights.min_fit };
        let left_out = fit_floor::keep_fitting(&mut hits, query.min_fit.unwrap_or(stock), notices);
        Ok(Best { mode, candidates, hits, left_out, is_short })
    }

    /// The best of what was ranked, each passage whole, and what has become of their files.
    fn hits(
        &self,
        read: &ReadTransaction<'_>,
        ranked: Vec<Ranked>,
        query: &QueryRequest,
        signals: &Signals<'_>,
    ) -> Result<(Vec<Hit>, FileTally), Error> {
        let mut excluded = ExcludedTexts::new(&query.passages);
        let mut hits = near_duplicates::Hits::new(query.top_k.get(), query.collapse);
        let mut tally = FileTally::default();
        for ranked in ranked {
            if hits.is_complete() {
                break;
            }
            let explanation = ranked.explanation(signals);
            let passage = read.chunk(ranked.passage.key)?.filter(|passage| !excluded.are_in(passage));
            let Some(passage) = passage else { continue };
            let state = match self.files {
                Some(files) => files.state(read, &passage, &mut tally)?,
                None => Some(DocumentState::Unchecked),
            };
            if let Some(state) = state {
                hits.add(passage, state, explanation);
            }
        }
        Ok((hits.into_hits(), tally))
    }

    /// Searches by meaning; nothing where that cannot be done, which the notices then say.
    fn meaning(
        &self,
        search: &CandidateSearch<'_>,
        query: &QueryRequest,
        notices: &mut Vec<Notice>,
    ) -> Result<(Option<QueryVector>, Option<SearchHalf<VectorMatch>>), Error> {
        let found = self.ask(query, notices).and_then(|asked| {
            let near = match (&asked, self.embedding.index()) {
                (Some(asked), Some(index)) => Some(search.meaning(index, &asked.vector)?),
                _ => None,
            };
            Ok((asked, near))
        });
        match found {
            // Meaning alone was asked for by name: lexical search alone would be another answer.
            Err(Error::Vector(VectorError::Unavailable(outage))) if query.mode != Some(Mode::Dense) => {
                self.embedding.note_outage(&outage);
                let (since, why, hint) = (outage.since, outage.why, outage.hint);
                notices.push(Notice::VectorsUnavailable { since, why, hint });
                Ok((None, None))
            }
            found => found,
        }
    }

    /// Embeds the question when its mode needs that; `None` when words have to do, which the notices then say.
    fn ask(&self, query: &QueryRequest, notices: &mut Vec<Notice>) -> Result<Option<QueryVector>, Error> {
        let mode = query.mode.unwrap_or(self.weights.mode);
        if mode == Mode::Lexical {
            return Ok(None);
        }
        let hypothetical = query.hypothetical.iter().map(QueryText::as_str);
        let wordings: Vec<&str> = query.wordings().chain(hypothetical).collect();
        let asked = match self.embedding.ask(self.store, &wordings) {
            Ok(Asking::NoVectors) => None,
            Ok(Asking::NotUnderstood) => {
                notices.push(Notice::QuestionNotUnderstood);
                return Ok(None);
            }
            Ok(Asking::Vector(asked)) => Some(asked),
            // Meaning alone was asked for by name: lexical search alone would be another answer.
            Err(Error::NoModel(failure)) if query.mode != Some(Mode::Dense) => {
                notices.push(Notice::NoModel { why: failure.why, hint: failure.hint });
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        // Counted only when there may be some: every question would wait for it.
        let found = self.embedding.index().map_or(0, VectorIndex::vectors);
        if found < self.lexical_index.chunks() || !self.faults.is_empty() {
            let Missing { missing, passages } = self.store.read(|read| self.embedding.missing(read))?;
            if missing > 0 {
                notices.push(Notice::VectorsMissing { missing, chunks: passages });
            }
        }
        if let Some((tokens, window)) = asked.as_ref().and_then(|asked| asked.cut) {
            notices.push(Notice::QuestionCut { tokens, window });
        }
        Ok(asked)
    }
}

/// What the searches for a question gave.
struct SearchHalves<'q> {
    search: CandidateSearch<'q>,
    words: Option<SearchHalf<LexicalMatch>>,
    near: Option<SearchHalf<VectorMatch>>,
    asked: Option<QueryVector>,
    mode: Mode,
}

impl SearchHalves<'_> {
    /// Whether there may be more.
    fn is_cut(&self) -> bool {
        self.words.as_ref().is_some_and(|half| half.is_cut)
            || self.near.as_ref().is_some_and(|half| half.is_cut)
    }
}

/// The hits of an answer, and how they were found.
struct Best {
    mode: Mode,
    candidates: usize,
    hits: Vec<Hit>,
    /// How many hits fit too little to be shown.
    left_out: usize,
    /// Whether more candidates would help: too few passages that differ were found, or a term of the question by none.
    is_short: bool,
}
