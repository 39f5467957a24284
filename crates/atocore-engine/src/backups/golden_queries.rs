//! Golden queries: questions that the store answers at the recovery point of a snapshot, so that a restored copy can be held
//! against them.
//!
//! Nothing here can make a snapshot fail: what could not be asked or answered is noted instead.

use std::{
    thread,
    time::{Duration, Instant},
};

use atocore_backup::{
    golden_queries::{GoldenHit, GoldenQueries, GoldenQuery, Weights},
    take,
};
use atocore_model::{
    document::conditions::DocumentConditions,
    fit::Fit,
    monitor::{Monitor, Progress},
    query::{Answer, Hit, ProjectHint, QueryRequest, TopK},
    ranking::{Fusion, Mode},
};
use atocore_storage::{
    files,
    sqlite::{Store, StoreRecord},
    vector::VectorError,
};

use super::{sampling, scratch_dir::ScratchDir};
use crate::{
    embedding::{Embedding, VectorStore},
    engine::Engine,
    error::Error,
    evaluation::{self, question_file},
    retrieval::{self, RankWeights},
};

/// The user's own questions, beside the registry.
const QUESTION_FILE: &str = "questions.toml";

/// More of the user's questions are not asked.
const MOST_QUESTIONS: usize = 50;

/// No further question is asked after this, so that a snapshot does not become slow.
const MOST_TIME: Duration = Duration::from_secs(2);

/// An index in files is not made for longer than this where the vectors are on a server.
const MOST_INDEXING: Duration = Duration::from_secs(10);

/// How long to wait until answers show what is committed.
const MOST_WAIT: Duration = Duration::from_millis(500);

/// What was recorded for a recovery point.
#[derive(Debug)]
pub(super) struct Recorded {
    /// The bytes of the file; `None` when they could not be made.
    pub(super) bytes: Option<Vec<u8>>,
    /// Why the snapshot cannot be proven by its answers, as far as that is known already: the disk does not let an index
    /// be brought up to date.
    pub(super) unasked: Option<String>,
}

/// Records questions and answers for a recovery point, while the files are copied.
///
/// The live store is asked, so the answers count only when what is asked for is still, before and after, what the
/// recovery point holds. Other things may be written meanwhile.
///
/// Nothing is asked of an index that the disk does not let be brought up to date: its answers are those of an earlier
/// state, and a restored copy would rightly give others. The questions are recorded without answers, and why; so the
/// snapshot is unproven to the depth `answers` and says so, and one that is taken once there is space is not. No other
/// index is made for it elsewhere: it would take its space from the copy.
pub(super) fn record(engine: &Engine, store: &Store, point: &StoreRecord, monitor: &dyn Monitor) -> Recorded {
    let mut recording = Recording {
        engine,
        store,
        questions: Vec::new(),
        source: "questions",
        notes: Vec::new(),
        unasked: None,
    };
    if let Err(error) = recording.find_questions() {
        recording.notes.push(format!("no question could be drawn: {error}"));
    }
    let answers = recording.answers(point, monitor).unwrap_or_else(|error| {
        recording.notes.push(format!("the questions could not be answered: {error}"));
        None
    });
    let unasked = recording.unasked.clone();
    Recorded { bytes: recording.into_file(answers, point).to_bytes().ok(), unasked }
}

/// What questions are asked of by meaning: the same as when a restored copy is asked.
enum Meaning<'e> {
    /// The index in files that there is.
    Own(&'e Embedding),
    /// One that was made for this, because the vectors are on a server: that may be away, and its graph may miss a
    /// passage that an index in files finds.
    InFiles(Box<Embedding>, #[expect(dead_code, reason = "it is there to be dropped")] ScratchDir),
    /// Nothing: it would take too long.
    Nothing,
}

impl Meaning<'_> {
    fn embedding(&self) -> Option<&Embedding> {
        match self {
            Self::Own(embedding) => Some(embedding),
            Self::InFiles(embedding, _) => Some(embedding),
            Self::Nothing => None,
        }
    }
}

/// Calls work off when it takes too long.
struct Until<'m> {
    monitor: &'m dyn Monitor,
    began: Instant,
}

impl Monitor for Until<'_> {
    fn progress(&self, progress: Progress) {
        self.monitor.progress(progress);
    }

    fn cancelled(&self) -> bool {
        self.monitor.cancelled() || self.began.elapsed() > MOST_INDEXING
    }
}

/// Questions while they are found and answered.
struct Recording<'e> {
    engine: &'e Engine,
    store: &'e Store,
    questions: Vec<QueryRequest>,
    source: &'static str,
    notes: Vec<String>,
    /// Why they are not asked at all.
    unasked: Option<String>,
}

impl<'e> Recording<'e> {
    fn into_file(mut self, answers: Option<Vec<GoldenQuery>>, point: &StoreRecord) -> GoldenQueries {
        let weights = &self.engine.config().weights;
        let answered = answers.is_some();
        let unanswered =
            || self.questions.iter().map(|query| golden_query(query, weights.mode.as_str(), &[])).collect();
        let golden_queries: Vec<GoldenQuery> = answers.unwrap_or_else(unanswered);
        if self.questions.is_empty() {
            self.notes.push("there is no passage to ask about".to_owned());
        } else if let Some(why) = self.unasked {
            self.notes.push(why);
        } else if !answered {
            self.notes.push("documents or vectors changed while the questions were answered".to_owned());
        } else if golden_queries.is_empty() {
            self.notes.push("no question had a hit".to_owned());
        }
        GoldenQueries {
            format_version: GoldenQueries::FORMAT_VERSION,
            program_version: env!("CARGO_PKG_VERSION").to_owned(),
            generation: point.generation.0,
            token: take::token(point),
            source: self.source.to_owned(),
            answered,
            notes: self.notes,
            ranking: retrieval::VERSION,
            weights: recorded(weights),
            golden_queries,
        }
    }

    /// The user's own questions when there are some, else some that are drawn.
    fn find_questions(&mut self) -> Result<(), Error> {
        let folder = self.engine.layout().registry.parent();
        let path = folder.map(|folder| folder.join(QUESTION_FILE)).unwrap_or_default();
        match files::read_if_present(&path).map(|bytes| bytes.map(String::from_utf8)) {
            Ok(None) => {}
            Ok(Some(Ok(text))) => match question_file::read(&text) {
                Ok(questions) => {
                    let faults = evaluation::check(self.engine, &questions)?;
                    let about_known =
                        questions.iter().filter(|asked| faults.iter().all(|fault| fault.line != asked.line));
                    self.questions =
                        about_known.take(MOST_QUESTIONS).map(|asked| asked.query(TopK::DEFAULT)).collect();
                    let left_out = questions.len() - self.questions.len();
                    if left_out > 0 {
                        self.notes.push(format!("{left_out} questions of `{QUESTION_FILE}` are left out"));
                    }
                }
                Err(faults) => self.notes.push(format!("`{QUESTION_FILE}` has {} faults", faults.len())),
            },
            Ok(Some(Err(_))) => self.notes.push(format!("`{QUESTION_FILE}` is not UTF-8")),
            Err(error) => self.notes.push(format!("`{QUESTION_FILE}`: {error}")),
        }
        if self.questions.is_empty() {
            self.source = "corpus";
            self.questions = sampling::sample(self.engine, self.store)?;
        }
        Ok(())
    }

    /// The answers of a recovery point; `None` when the store holds others already, or before they are all there.
    fn answers(
        &mut self,
        point: &StoreRecord,
        monitor: &dyn Monitor,
    ) -> Result<Option<Vec<GoldenQuery>>, Error> {
        let meaning = self.meaning(monitor)?;
        if let Some(fault) = self.engine.index_faults().first() {
            self.unasked = Some(format!("the questions were not asked: {fault}"));
            return Ok(None);
        }
        let started = Instant::now();
        while !self.is_current(&meaning)? {
            if started.elapsed() > MOST_WAIT {
                return Ok(None);
            }
            thread::sleep(Duration::from_millis(10));
        }
        let weights = &self.engine.config().weights;
        let mut golden_queries = Vec::new();
        for (asked, query) in self.questions.iter().enumerate() {
            if monitor.cancelled() || !self.is_as(point)? {
                return Ok(None);
            }
            if started.elapsed() > MOST_TIME {
                let left = self.questions.len() - asked;
                self.notes.push(format!("{left} questions were not asked, to take no more time"));
                break;
            }
            golden_queries.extend(ask(self.engine, &meaning, query, weights)?);
        }
        Ok((self.is_as(point)? && self.is_current(&meaning)?).then_some(golden_queries))
    }

    /// What to ask by meaning.
    fn meaning(&mut self, monitor: &dyn Monitor) -> Result<Meaning<'e>, Error> {
        let engine = self.engine;
        let is_asked =
            |query: &QueryRequest| query.mode.unwrap_or(engine.config().weights.mode) != Mode::Lexical;
        if engine.config().vectors == VectorStore::Embedded || !self.questions.iter().any(is_asked) {
            return Ok(Meaning::Own(engine.embedding()));
        }
        let scratch_dir = ScratchDir::new(&engine.layout().scratch(), "canaries");
        let embedding = engine.embedding().in_files(scratch_dir.dir())?;
        match embedding.catch_up(self.store, &Until { monitor, began: Instant::now() }) {
            Ok(()) => Ok(Meaning::InFiles(Box::new(embedding), scratch_dir)),
            Err(Error::Cancelled | Error::Vector(VectorError::Cancelled)) if !monitor.cancelled() => {
                let limit = MOST_INDEXING.as_secs();
                self.notes.push(format!(
                    "the golden queries were asked with lexical search only: the embedded index takes more than {limit} s"
                ));
                Ok(Meaning::Nothing)
            }
            Err(error) => Err(error),
        }
    }

    /// Whether answers show what is committed.
    fn is_current(&self, meaning: &Meaning<'_>) -> Result<bool, Error> {
        let vectors = meaning.embedding().map_or(Ok(true), |embedding| embedding.is_current(self.store))?;
        Ok(vectors && self.engine.lexical_is_current()?)
    }

    /// Whether the store would answer as the recovery point.
    fn is_as(&self, point: &StoreRecord) -> Result<bool, Error> {
        self.store.read(|read| {
            let changed = read.last_document_change()?.max(read.last_vector_change()?);
            let serving = read.serving_space()?.map(|space| space.space.fingerprint.to_string());
            Ok(changed <= point.generation && serving == point.vector_fingerprint)
        })
    }
}

/// Asks a question in the mode that can be used now, by its name; `None` when nothing is found, which proves nothing.
fn ask(
    engine: &Engine,
    meaning: &Meaning<'_>,
    query: &QueryRequest,
    weights: &RankWeights,
) -> Result<Option<GoldenQuery>, Error> {
    let wanted = match meaning {
        Meaning::Nothing => Mode::Lexical,
        Meaning::Own(_) | Meaning::InFiles(..) => query.mode.unwrap_or(weights.mode),
    };
    // A copy that is asked later finds everything older.
    let weights = &RankWeights { recency_boost: 1.0, ..weights.clone() };
    let embedding = meaning.embedding().unwrap_or(engine.embedding());
    let mut query = QueryRequest { mode: Some(wanted), min_fit: Some(Fit::ZERO), ..query.clone() };
    let mut answer = match engine.query_on(embedding, &query, weights) {
        Err(Error::NoModel(_)) => return Ok(None),
        answer => answer?,
    };
    if answer.mode != wanted {
        query.mode = Some(answer.mode);
        answer = engine.query_on(embedding, &query, weights)?;
    }
    let found = !answer.hits.is_empty();
    Ok(found.then(|| golden_query(&query, answer.mode.as_str(), &answer.hits)))
}

fn golden_query(query: &QueryRequest, mode: &str, hits: &[Hit]) -> GoldenQuery {
    let (project, scope) = match &query.project {
        ProjectHint::None => (None, false),
        ProjectHint::Boost(name) => (Some(name.to_string()), false),
        ProjectHint::Scope(name) => (Some(name.to_string()), true),
    };
    GoldenQuery {
        text: query.text.as_str().to_owned(),
        project,
        scope,
        tags: query.conditions.tags.iter().map(|tag| tag.as_str().to_owned()).collect(),
        path: query.path.clone(),
        mode: mode.to_owned(),
        top_k: query.top_k.get() as u64,
        hits: hits.iter().map(recorded_hit).collect(),
    }
}

fn recorded_hit(hit: &Hit) -> GoldenHit {
    GoldenHit {
        chunk_id: hit.chunk_id.to_string(),
        score: hit.score,
        content_blake3: blake3::hash(hit.content.as_bytes()).to_string(),
    }
}

/// The hits of an answer as they are recorded.
pub(super) fn recorded_hits(answer: &Answer) -> Vec<GoldenHit> {
    answer.hits.iter().map(recorded_hit).collect()
}

fn recorded(weights: &RankWeights) -> Weights {
    let (fusion, fusion_parameter) = match weights.fusion {
        Fusion::Convex { meaning_weight } => ("convex", meaning_weight),
        Fusion::Reciprocal { k } => ("rrf", k),
    };
    Weights {
        fusion: fusion.to_owned(),
        fusion_parameter,
        project_match_boost: weights.project_match_boost,
        query_token_step: weights.query_token_step,
        query_token_cap: weights.query_token_cap,
        path_high_signal_boost: weights.path_high_signal_boost,
        path_low_signal_penalty: weights.path_low_signal_penalty,
    }
}

/// The weights as the engine takes them; `None` when they are none that it could have had.
pub(super) fn weights(recorded: &Weights) -> Option<RankWeights> {
    let parameter = recorded.fusion_parameter;
    let fusion = match recorded.fusion.as_str() {
        "convex" if (0.0..=1.0).contains(&parameter) => Fusion::Convex { meaning_weight: parameter },
        "rrf" if parameter > 0.0 => Fusion::Reciprocal { k: parameter },
        _ => return None,
    };
    let weights = RankWeights {
        fusion,
        project_match_boost: recorded.project_match_boost,
        query_token_step: recorded.query_token_step,
        query_token_cap: recorded.query_token_cap,
        path_high_signal_boost: recorded.path_high_signal_boost,
        path_low_signal_penalty: recorded.path_low_signal_penalty,
        ..RankWeights::default()
    };
    Some(weights)
}

/// The question as the engine takes it; `None` when it is none that could have been asked.
pub(super) fn query(golden_query: &GoldenQuery) -> Option<QueryRequest> {
    let tags = golden_query.tags.iter().map(|tag| tag.parse().ok()).collect::<Option<_>>()?;
    let name = golden_query.project.as_deref().map(str::parse).transpose().ok()?;
    Some(QueryRequest {
        top_k: TopK::new(golden_query.top_k).ok()?,
        project: match name {
            None => ProjectHint::None,
            Some(name) if golden_query.scope => ProjectHint::Scope(name),
            Some(name) => ProjectHint::Boost(name),
        },
        conditions: DocumentConditions::tagged(tags),
        path: golden_query.path.clone(),
        mode: Some(golden_query.mode.parse().ok()?),
        min_fit: Some(Fit::ZERO),
        ..QueryRequest::new(golden_query.text.parse().ok()?)
    })
}
