//! `eval`: asks the questions of a file, judges the answers, says what is missed and why, and compares.

mod configuration;
mod questions;
mod report;
mod shape;
mod stored;

use std::path::{Path, PathBuf};

use atocore_engine::{
    Access, Engine,
    evaluation::{
        Evaluation, baseline, baseline::BaselineVerdict, evaluate, misses, misses::Miss, question::Question,
        significance::PairedComparison,
    },
    files,
};
use atocore_model::{error::ErrorCode, monitor::Monitor, query::TopK, ranking::Mode};
use clap::{Args, builder::PossibleValuesParser};

use super::{console::Console, exit::Exit};
use crate::{
    config::Config,
    operations::ApiError,
    runner::{Runner, engine_config},
};
use configuration::WeightConfiguration;
pub(super) use questions::QuestionFile;
pub(super) use report::p;
use stored::Stored;

#[derive(Debug, Args)]
pub(super) struct Evaluate {
    /// The file of questions; docs/evaluation.md says what is in it
    #[arg(value_name = "QUESTIONS")]
    questions: PathBuf,
    /// How many passages count for a question: 1 to 200
    #[arg(long, value_name = "N", default_value_t = 10)]
    top_k: u64,
    /// How passages are found, where a question does not say
    #[arg(long, value_name = "MODE", value_parser = PossibleValuesParser::new(Mode::WORDS))]
    mode: Option<String>,
    /// Try another value of a setting that ranks: `rank_meaning_weight=0.5`; can be given several times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Ask again with this as well, and say which is better; can be given several times
    #[arg(long, value_name = "KEY=VALUE")]
    compare: Vec<String>,
    /// End with 2 when it is worse than this stored result
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// How much nDCG@10 may fall below the baseline
    #[arg(long, value_name = "PART", default_value_t = 0.01, requires = "baseline")]
    tolerance: f64,
    /// Store the result, for `--baseline`; not when it is worse than the one given there
    #[arg(long, value_name = "FILE")]
    save_baseline: Option<PathBuf>,
    /// List what is missed, each with the reason
    #[arg(long)]
    misses: bool,
}

/// Everything that was found out.
#[derive(Debug)]
struct Outcome {
    top_k: TopK,
    asked: EvaluationRun,
    misses: Vec<Miss>,
    compared: Option<(EvaluationRun, PairedComparison)>,
    verdict: Option<(BaselineVerdict, f64)>,
    saved: Option<PathBuf>,
}

/// A configuration and what came of it.
#[derive(Debug)]
struct EvaluationRun {
    configuration: WeightConfiguration,
    evaluation: Evaluation,
}

impl Evaluate {
    pub(super) fn run(self, console: &Console<'_>) -> Result<Exit, ApiError> {
        let Console { config, flags, environment, output, .. } = *console;
        let top_k = TopK::new(self.top_k)
            .map_err(|error| ApiError::invalid("top_k", &error, "give a number from 1 to 200"))?;
        if !self.tolerance.is_finite() || self.tolerance < 0.0 {
            let message = format!("`tolerance` is {}, it must be a number from 0", self.tolerance);
            return Err(ApiError::new(ErrorCode::InvalidRequest, message));
        }
        let mut tried = configuration::parsed(&self.set, "--set")?;
        tried.extend(self.mode.iter().map(|mode| configuration::mode(mode)));
        let first = WeightConfiguration::load(config, flags, environment, &tried)?;
        let compared = configuration::parsed(&self.compare, "--compare")?;
        let second = match compared.as_slice() {
            [] => None,
            changes => Some(first.changed(flags, environment, changes)?),
        };
        let baseline = self.baseline.as_deref().map(|path| Stored::read(path, top_k)).transpose()?;
        let file = QuestionFile::read(&self.questions)?;
        let monitor = console.watch();
        let engine = open(config, &monitor)?;
        let questions = file.checked(&engine)?;
        let mut outcome = ask(&engine, &questions, top_k, first, second, &monitor)?;
        drop(monitor);
        outcome.verdict = baseline.map(|stored| {
            let evaluation = &outcome.asked.evaluation;
            (baseline::compare(&questions, evaluation, &stored.scores(), self.tolerance), self.tolerance)
        });
        let holds = outcome.verdict.as_ref().is_none_or(|(verdict, _)| verdict.holds());
        if let Some(path) = self.save_baseline.as_deref().filter(|_| holds) {
            save(path, &Stored::new(&questions, &outcome.asked))?;
            outcome.saved = Some(path.to_owned());
        }
        output.answer(&shape::EvaluationReport::new(&questions, &outcome), |_, output| {
            report::print(&questions, &outcome, self.misses, output);
            if self.save_baseline.is_some() && !holds {
                output.line("the result was not stored, because it is worse than the baseline");
            }
        });
        Ok(if holds { Exit::Done } else { Exit::Problems })
    }
}

fn ask(
    engine: &Engine,
    questions: &[Question],
    top_k: TopK,
    first: WeightConfiguration,
    second: Option<WeightConfiguration>,
    monitor: &dyn Monitor,
) -> Result<Outcome, ApiError> {
    let asked = |configuration: WeightConfiguration| {
        let evaluation = evaluate(engine, questions, &configuration.weights, top_k, monitor)?;
        Ok::<_, ApiError>(EvaluationRun { configuration, evaluation })
    };
    let first = asked(first)?;
    let compared = second.map(asked).transpose()?.map(|second| {
        let comparison = PairedComparison::new(&first.evaluation.ndcgs(), &second.evaluation.ndcgs());
        (second, comparison)
    });
    let misses =
        misses::explain(engine, questions, &first.evaluation, &first.configuration.weights, monitor)?;
    Ok(Outcome { top_k, asked: first, misses, compared, verdict: None, saved: None })
}

/// An engine of this process that only reads, beside a server if there is one: a server answers with its own weights
/// only. Indexes that nobody looks after are brought up to date first.
pub(super) fn open(config: &Config, monitor: &dyn Monitor) -> Result<Engine, ApiError> {
    // Closed before the questions are asked, which may take minutes: others may own the store meanwhile.
    drop(Runner::reading(config, monitor)?);
    Ok(Engine::open(engine_config(config), Access::Read, monitor)?)
}

fn save(path: &Path, stored: &Stored) -> Result<(), ApiError> {
    let mut text = serde_json::to_string_pretty(stored)
        .map_err(|error| ApiError::new(ErrorCode::Internal, error.to_string()))?;
    text.push('\n');
    write(path, &text)
}

/// Writes a file of the user, whole or not at all.
pub(super) fn write(path: &Path, text: &str) -> Result<(), ApiError> {
    files::write_atomic(path, text.as_bytes()).map_err(|error| atocore_engine::Error::from(error).into())
}

/// Reads a file of the user.
pub(super) fn read(path: &Path, what: &str) -> Result<String, ApiError> {
    let wrong = |why: &str| {
        ApiError::new(ErrorCode::InvalidRequest, format!("`{}` {why}", path.display()))
            .with_hint(format!("name {what}"))
    };
    let bytes = files::read_named(path).map_err(|error| wrong(&format!("cannot be read: {error}")))?;
    String::from_utf8(bytes.ok_or_else(|| wrong("does not exist"))?).map_err(|_| wrong("is not UTF-8"))
}
