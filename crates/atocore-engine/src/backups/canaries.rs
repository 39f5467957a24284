//! Canaries: questions that the store answers at the recovery point of a snapshot, so that a restored copy can be held
//! against them.
//!
//! Nothing here can make a snapshot fail: what could not be asked or answered is noted instead.

use std::{
    thread,
    time::{Duration, Instant},
};

use atocore_backup::{
    canaries::{Canaries, Canary, CanaryHit, Weights},
    take,
};
use atocore_model::{
    id::Generation,
    monitor::Monitor,
    query::{Answer, Hit, ProjectHint, Query, TopK},
    ranking::Fusion,
};
use atocore_storage::{
    files,
    sqlite::{Store, StoreRecord},
};

use super::drawing;
use crate::{
    engine::Engine,
    error::Error,
    evaluation::{self, question_file},
    exclusive::Turn,
    retrieval::RankWeights,
};

/// The user's own questions, beside the registry.
const QUESTION_FILE: &str = "questions.toml";

/// More of the user's questions are not asked.
const MOST_QUESTIONS: usize = 50;

/// No further question is asked after this, so that a snapshot does not become slow.
const MOST_TIME: Duration = Duration::from_secs(3);

/// How long to wait until answers show what is committed.
const MOST_WAIT: Duration = Duration::from_millis(500);

/// Questions and their answers while a snapshot is taken.
pub(super) struct Recording<'e> {
    engine: &'e Engine,
    store: &'e Store,
    questions: Vec<Query>,
    source: &'static str,
    notes: Vec<String>,
    answers: Option<(Generation, Vec<Canary>)>,
    /// Keeps ingestion out until the recovery point is taken.
    turn: Option<Turn<'e>>,
}

impl<'e> Recording<'e> {
    /// Finds the questions and answers them, so that they only need to be answered again when somebody writes between
    /// this and the recovery point.
    pub(super) fn start(engine: &'e Engine, store: &'e Store, monitor: &dyn Monitor) -> Self {
        let mut recording = Self {
            engine,
            store,
            questions: Vec::new(),
            source: "questions",
            notes: Vec::new(),
            answers: None,
            turn: None,
        };
        if let Err(error) = recording.find_questions() {
            recording.notes.push(format!("no question could be drawn: {error}"));
        }
        if let Some(first) = recording.questions.first() {
            // Loads the model while nobody has to wait for it.
            drop(engine.query(first));
            recording.turn = engine.pause("snapshot");
            recording.answer(monitor);
        }
        recording
    }

    /// The bytes of the file for the recovery point that was taken; `None` when they could not be made.
    pub(super) fn finish(&mut self, point: &StoreRecord, monitor: &dyn Monitor) -> Option<Vec<u8>> {
        let is_of_point = |answers: &Option<(Generation, Vec<Canary>)>| {
            answers.as_ref().is_some_and(|(generation, _)| *generation == point.generation)
        };
        if !is_of_point(&self.answers) && self.store.generation().is_ok_and(|now| now == point.generation) {
            self.answer(monitor);
        }
        self.turn = None;
        let answered = is_of_point(&self.answers);
        let weights = &self.engine.config().weights;
        let canaries = if answered {
            self.answers.take().map(|(_, canaries)| canaries).unwrap_or_default()
        } else {
            self.questions.iter().map(|query| canary(query, &weights.mode.to_string(), &[])).collect()
        };
        if self.questions.is_empty() {
            self.notes.push("there is no passage to ask about".to_owned());
        } else if !answered {
            self.notes.push("the store went on while the questions were answered".to_owned());
        } else if canaries.is_empty() {
            self.notes.push("no question had a hit".to_owned());
        }
        let file = Canaries {
            format_version: Canaries::FORMAT_VERSION,
            program_version: env!("CARGO_PKG_VERSION").to_owned(),
            generation: point.generation.0,
            token: take::token(point),
            source: self.source.to_owned(),
            answered,
            notes: std::mem::take(&mut self.notes),
            weights: recorded(weights),
            canaries,
        };
        file.to_bytes().ok()
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
            self.questions = drawing::draw(self.engine, self.store)?;
        }
        Ok(())
    }

    /// Answers the questions; the answers count when they are all of one generation.
    fn answer(&mut self, monitor: &dyn Monitor) {
        self.answers = None;
        match self.answers_of_one_generation(monitor) {
            Ok(answers) => self.answers = answers,
            Err(error) => self.notes.push(format!("the questions could not be answered: {error}")),
        }
    }

    fn answers_of_one_generation(
        &mut self,
        monitor: &dyn Monitor,
    ) -> Result<Option<(Generation, Vec<Canary>)>, Error> {
        let started = Instant::now();
        while !self.engine.is_current()? {
            if started.elapsed() > MOST_WAIT {
                return Ok(None);
            }
            thread::sleep(Duration::from_millis(10));
        }
        let before = self.store.generation()?;
        let weights = &self.engine.config().weights;
        let mut canaries = Vec::new();
        for (asked, query) in self.questions.iter().enumerate() {
            if monitor.cancelled() {
                return Ok(None);
            }
            if started.elapsed() > MOST_TIME {
                let left = self.questions.len() - asked;
                self.notes.push(format!("{left} questions were not asked, to take no more time"));
                break;
            }
            canaries.extend(ask(self.engine, query, weights)?);
        }
        let is_one = self.store.generation()? == before && self.engine.is_current()?;
        Ok(is_one.then_some((before, canaries)))
    }
}

/// Asks a question in the mode that can be used now, by its name; `None` when nothing is found, which proves nothing.
fn ask(engine: &Engine, query: &Query, weights: &RankWeights) -> Result<Option<Canary>, Error> {
    let wanted = query.mode.unwrap_or(weights.mode);
    let mut query = Query { mode: Some(wanted), ..query.clone() };
    let mut answer = match engine.query_with(&query, weights) {
        Err(Error::NoModel(_)) => return Ok(None),
        answer => answer?,
    };
    if answer.mode != wanted {
        query.mode = Some(answer.mode);
        answer = engine.query_with(&query, weights)?;
    }
    let found = !answer.hits.is_empty();
    Ok(found.then(|| canary(&query, answer.mode.as_str(), &answer.hits)))
}

fn canary(query: &Query, mode: &str, hits: &[Hit]) -> Canary {
    let (project, scope) = match &query.project {
        ProjectHint::None => (None, false),
        ProjectHint::Boost(name) => (Some(name.to_string()), false),
        ProjectHint::Scope(name) => (Some(name.to_string()), true),
    };
    Canary {
        text: query.text.as_str().to_owned(),
        project,
        scope,
        tags: query.tags.iter().map(|tag| tag.as_str().to_owned()).collect(),
        path: query.path.clone(),
        mode: mode.to_owned(),
        top_k: query.top_k.get() as u64,
        hits: hits.iter().map(recorded_hit).collect(),
    }
}

fn recorded_hit(hit: &Hit) -> CanaryHit {
    CanaryHit {
        chunk_id: hit.chunk_id.to_string(),
        score: hit.explanation.score(),
        content_blake3: blake3::hash(hit.content.as_bytes()).to_string(),
    }
}

/// The hits of an answer as they are recorded.
pub(super) fn recorded_hits(answer: &Answer) -> Vec<CanaryHit> {
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
pub(super) fn query(canary: &Canary) -> Option<Query> {
    let name = canary.project.as_deref().map(str::parse).transpose().ok()?;
    Some(Query {
        top_k: TopK::new(canary.top_k).ok()?,
        project: match name {
            None => ProjectHint::None,
            Some(name) if canary.scope => ProjectHint::Scope(name),
            Some(name) => ProjectHint::Boost(name),
        },
        tags: canary.tags.iter().map(|tag| tag.parse().ok()).collect::<Option<_>>()?,
        path: canary.path.clone(),
        mode: Some(canary.mode.parse().ok()?),
        ..Query::new(canary.text.parse().ok()?)
    })
}
