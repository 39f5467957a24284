//! `tune`: searches better weights and writes them down as a proposal. It never changes a setting.

use std::path::{Path, PathBuf};

use atocore_engine::{
    RankWeights,
    evaluation::tuning::{self, CONFIRMED_BELOW, Confirmation, FEW_QUESTIONS, Half, Tuning},
};
use atocore_model::{error::ErrorCode, ranking::Fusion};
use clap::Args;
use serde::Serialize;

use super::{
    console::Console,
    evaluate::{self, QuestionFile, p},
    exit::Exit,
    output::{Output, Style},
    typeset::{Table, count, plain},
};
use crate::{config::Key, operations::ApiError};

#[derive(Debug, Args)]
pub(super) struct Tune {
    /// The file of questions; docs/evaluation.md says what is in it
    #[arg(value_name = "QUESTIONS")]
    questions: PathBuf,
    /// Write the proposal to this file instead of printing it
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// The first line of every proposal.
const MARK: &str = "# A proposal of `atocore tune`. Nothing was changed.";

impl Tune {
    pub(super) fn run(self, console: &Console<'_>) -> Result<Exit, ApiError> {
        if let Some(path) = &self.out {
            check_target(path)?;
        }
        let file = QuestionFile::read(&self.questions)?;
        let config = console.config;
        let monitor = console.watch();
        let engine = evaluate::open(config, &monitor)?;
        let questions = file.checked(&engine)?;
        if questions.iter().filter(|question| !question.expect.is_empty()).count() < 2 {
            let message =
                format!("`{}` has fewer than two questions that expect something", self.questions.display());
            return Err(ApiError::new(ErrorCode::InvalidRequest, message)
                .with_hint("one half is searched and the other held out: write more questions"));
        }
        let tuning = tuning::tune(&engine, questions, &config.engine.weights, &monitor)?;
        drop(monitor);
        let proposal = proposal(&self.questions, &tuning);
        if let Some(path) = &self.out {
            evaluate::write(path, &proposal)?;
        }
        let written = self.out.as_deref();
        console.output.answer(&TuningReport::new(&tuning, &proposal, written), |_, output| {
            print(&tuning, &proposal, written, output);
        });
        Ok(Exit::Done)
    }
}

/// A proposal goes neither where it would be read as settings nor over a file of somebody else.
fn check_target(path: &Path) -> Result<(), ApiError> {
    let refused = |why: &str| {
        ApiError::new(
            ErrorCode::InvalidRequest,
            format!("the proposal is not written to `{}`: {why}", path.display()),
        )
        .with_hint("name another file; what you like of it goes into atocore.toml by your own hand")
    };
    if path.file_name().is_some_and(|name| name.eq_ignore_ascii_case("atocore.toml")) {
        return Err(refused("it would be read as settings"));
    }
    match evaluate::read(path, "a file") {
        Ok(text) if !text.starts_with(MARK) => Err(refused("there is a file that is no proposal")),
        _ if path.is_dir() => Err(refused("it is a folder")),
        _ => Ok(()),
    }
}

/// The settings that weights come from.
fn settings_of(weights: &RankWeights) -> Vec<(Key, String)> {
    let mut settings = match weights.fusion {
        Fusion::Convex { meaning_weight } => vec![
            (Key::RankFusion, "\"convex\"".to_owned()),
            (Key::RankMeaningWeight, meaning_weight.to_string()),
        ],
        Fusion::Reciprocal { k } => {
            vec![(Key::RankFusion, "\"rrf\"".to_owned()), (Key::RankRrfK, k.to_string())]
        }
    };
    let factors = [
        (Key::RankProjectMatchBoost, weights.project_match_boost),
        (Key::RankQueryTokenStep, weights.query_token_step),
        (Key::RankQueryTokenCap, weights.query_token_cap),
        (Key::RankPathHighSignalBoost, weights.path_high_signal_boost),
        (Key::RankPathLowSignalPenalty, weights.path_low_signal_penalty),
    ];
    settings.extend(factors.map(|(key, value)| (key, value.to_string())));
    settings
}

/// The settings that are found otherwise than they were: name, value before when it had one, value found.
fn changes(tuning: &Tuning) -> Vec<(String, Option<String>, String)> {
    let before = settings_of(&tuning.before);
    let value_before =
        |key: Key| before.iter().find(|(known, _)| *known == key).map(|(_, value)| value.clone());
    let found = settings_of(&tuning.found).into_iter();
    let changed = found.filter(|(key, value)| value_before(*key).as_ref() != Some(value));
    changed.map(|(key, value)| (key.file_name(), value_before(key), value)).collect()
}

/// The proposal as a piece of `atocore.toml`. What the held-out half does not confirm stands there as a comment only.
fn proposal(questions: &Path, tuning: &Tuning) -> String {
    let about = |name: &str, half: &Half| {
        let p = p(half.comparison.p_value);
        let questions = count(half.questions as u64, "question");
        format!("# {name}: {questions}, nDCG@10 {:.4} before and {:.4} after, {p}", half.before, half.after)
    };
    let mut lines = vec![
        MARK.to_owned(),
        format!("# From `{}`, {} weights tried.", plain(questions.display().to_string()), tuning.tried),
        about("Searched half", &tuning.searched),
        about("Held-out half", &tuning.held_out),
        format!("# {}", conclusion(tuning.confirmation())),
    ];
    let comment = if tuning.confirmation() == Confirmation::Confirmed { "" } else { "# " };
    lines.extend(changes(tuning).into_iter().map(|(name, _, value)| format!("{comment}{name} = {value}")));
    lines.join("\n") + "\n"
}

const fn conclusion(confirmation: Confirmation) -> &'static str {
    match confirmation {
        Confirmation::NothingFound => "Nothing better was found: keep the present settings.",
        Confirmation::Confirmed => {
            "Confirmed by the held-out half. To use it, put these lines into atocore.toml."
        }
        Confirmation::MayBeChance => {
            "Not confirmed: on the held-out half the gain may be chance. Keep the present settings."
        }
        Confirmation::NotConfirmed => {
            "Not confirmed: the held-out half gains nothing. Keep the present settings."
        }
    }
}

fn print(tuning: &Tuning, proposal: &str, written: Option<&Path>, output: &Output) {
    if tuning.has_few_questions() {
        let text = format!("fewer than {FEW_QUESTIONS} questions: the result means little");
        output.line(output.paint(Style::Yellow, text));
    }
    let mut table = Table::new(&["", "QUESTIONS", "BEFORE", "AFTER", "DIFFERENCE", "BETTER", "WORSE", ""]);
    for (name, half) in [("searched half", &tuning.searched), ("held-out half", &tuning.held_out)] {
        let compared = &half.comparison;
        table.row([
            name.to_owned(),
            half.questions.to_string(),
            format!("{:.4}", half.before),
            format!("{:.4}", half.after),
            format!("{:+.4}", compared.difference),
            compared.better.to_string(),
            compared.worse.to_string(),
            p(compared.p_value),
        ]);
    }
    output.table(&table);
    output.line("");
    for (name, before, value) in changes(tuning) {
        output.line(format!("{name}: {} → {value}", before.as_deref().unwrap_or("not used")));
    }
    let colour = if tuning.confirmation() == Confirmation::Confirmed { Style::Green } else { Style::Yellow };
    output.line(output.paint(colour, conclusion(tuning.confirmation())));
    match written {
        Some(path) => output.line(format!("the proposal is in `{}`; nothing was changed", path.display())),
        None => {
            output.line("");
            output.line(proposal.trim_end());
        }
    }
}

/// The JSON of a search.
#[derive(Debug, Serialize)]
struct TuningReport<'a> {
    few_questions: bool,
    tried: usize,
    searched: HalfScores,
    held_out: HalfScores,
    /// `nothing_found`, `confirmed`, `may_be_chance` or `not_confirmed`.
    confirmation: &'static str,
    confirmed_below: f64,
    changes: Vec<WeightDifference>,
    proposal: &'a str,
    /// Null when it was not asked for.
    written_to: Option<String>,
}

#[derive(Debug, Serialize)]
struct HalfScores {
    questions: usize,
    ndcg_at_10_before: f64,
    ndcg_at_10_after: f64,
    difference: f64,
    better: usize,
    worse: usize,
    equal: usize,
    p_value: f64,
}

#[derive(Debug, Serialize)]
struct WeightDifference {
    setting: String,
    before: Option<String>,
    found: String,
}

impl<'a> TuningReport<'a> {
    fn new(tuning: &Tuning, proposal: &'a str, written: Option<&Path>) -> Self {
        let bare = |text: String| text.trim_matches('"').to_owned();
        let change = |(setting, before, found): (String, Option<String>, String)| WeightDifference {
            setting,
            before: before.map(bare),
            found: bare(found),
        };
        Self {
            few_questions: tuning.has_few_questions(),
            tried: tuning.tried,
            searched: HalfScores::of(&tuning.searched),
            held_out: HalfScores::of(&tuning.held_out),
            confirmation: match tuning.confirmation() {
                Confirmation::NothingFound => "nothing_found",
                Confirmation::Confirmed => "confirmed",
                Confirmation::MayBeChance => "may_be_chance",
                Confirmation::NotConfirmed => "not_confirmed",
            },
            confirmed_below: CONFIRMED_BELOW,
            changes: changes(tuning).into_iter().map(change).collect(),
            proposal,
            written_to: written.map(|path| path.display().to_string()),
        }
    }
}

impl HalfScores {
    fn of(half: &Half) -> Self {
        let compared = &half.comparison;
        Self {
            questions: half.questions,
            ndcg_at_10_before: half.before,
            ndcg_at_10_after: half.after,
            difference: compared.difference,
            better: compared.better,
            worse: compared.worse,
            equal: compared.equal,
            p_value: compared.p_value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Environment, Flags};
    use atocore_engine::evaluation::significance::PairedComparison;

    fn half(before: f64, after: f64) -> Half {
        let comparison = PairedComparison::new(&[before; 12], &[after; 12]);
        Half { questions: 12, before, after, comparison }
    }

    fn tuning(found: RankWeights, held_out: Half) -> Tuning {
        Tuning { before: RankWeights::default(), found, tried: 9, searched: half(0.5, 0.6), held_out }
    }

    #[test]
    fn a_confirmed_proposal_reads_back_as_the_weights_that_were_found() {
        for fusion in [Fusion::Convex { meaning_weight: 0.45 }, Fusion::Reciprocal { k: 30.0 }] {
            let found = RankWeights {
                fusion,
                project_match_boost: 1.5,
                query_token_step: 0.12,
                query_token_cap: 1.0,
                path_high_signal_boost: 1.09,
                path_low_signal_penalty: 0.85,
                ..RankWeights::default()
            };
            let text = proposal(Path::new("q.toml"), &tuning(found.clone(), half(0.5, 0.6)));
            let dir = tempfile::tempdir().unwrap();
            evaluate::write(&dir.path().join("atocore.toml"), &text).unwrap();
            let flags = Flags { data_dir: Some(dir.path().to_owned()), ..Flags::default() };
            assert_eq!(
                Config::load(&flags, &Environment::default()).unwrap().engine.weights,
                found,
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_not_confirmed_is_only_a_comment() {
        let found = RankWeights { query_token_cap: 1.0, ..RankWeights::default() };
        let text = proposal(Path::new("q.toml"), &tuning(found, half(0.5, 0.4)));
        assert!(text.contains("# rank_query_token_cap = 1\n") && text.contains("Keep the present"), "{text}");
        assert!(text.lines().all(|line| line.starts_with('#')), "{text}");
    }

    #[test]
    fn a_proposal_is_not_written_over_settings_or_other_files() {
        let dir = tempfile::tempdir().unwrap();
        assert!(check_target(&dir.path().join("atocore.toml")).is_err());
        assert!(check_target(dir.path()).is_err());
        let path = dir.path().join("proposal.toml");
        assert!(check_target(&path).is_ok());
        evaluate::write(&path, MARK).unwrap();
        assert!(check_target(&path).is_ok());
        evaluate::write(&path, "mine = 1").unwrap();
        assert!(check_target(&path).is_err());
    }
}
