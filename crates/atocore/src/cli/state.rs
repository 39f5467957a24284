//! `state set`, `list`, `invalidate`: what is known to be true of a project.

use atocore_model::monitor::Silent;
use clap::{Args, Subcommand};

use super::{
    exit::Exit,
    output::{Form, Output, Style},
    typeset::{day, plain},
};
use crate::{
    config::Config,
    operations::{ApiError, InvalidateState, ListState, SetState},
    session::Session,
    wire::StateEntry,
};

#[derive(Debug, Subcommand)]
pub(super) enum States {
    /// Records what is true of a project, in place of what category and key said before
    Set(Set),
    /// Lists what is recorded of a project
    List(List),
    /// Says that an entry no longer holds; it stays, with every value it had
    Invalidate(Entry),
}

#[derive(Debug, Args)]
pub(super) struct Entry {
    /// The project: its id or an alias
    project: String,
    /// What sort of thing: one word, such as `decision`
    category: String,
    /// Which one of its category, such as `database`
    key: String,
}

#[derive(Debug, Args)]
pub(super) struct Set {
    #[command(flatten)]
    entry: Entry,
    /// What is true
    value: String,
    /// Where it comes from: a path, an address, a name
    #[arg(long, value_name = "WHERE", default_value = "")]
    source: String,
    /// How sure you are: 0 to 1
    #[arg(long, value_name = "C")]
    confidence: Option<f64>,
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// The project: its id or an alias
    project: String,
    /// Only this category
    #[arg(long, value_name = "WORD")]
    category: Option<String>,
    /// Also what no longer holds
    #[arg(long)]
    all: bool,
}

impl States {
    pub(super) fn run(self, config: &Config, output: &Output) -> Result<Exit, ApiError> {
        match self {
            Self::Set(set) => set.run(config, output),
            Self::List(list) => list.run(config, output),
            Self::Invalidate(Entry { project, category, key }) => {
                let activity = format!("invalidate state of {}", plain(&project));
                let operation = InvalidateState { project, category, key };
                let entry = Session::write(config, &activity, operation, &Silent)?;
                answer(&entry, "does not hold any more", output);
                Ok(Exit::Done)
            }
        }
    }
}

impl Set {
    fn run(self, config: &Config, output: &Output) -> Result<Exit, ApiError> {
        let Self { entry: Entry { project, category, key }, value, source, confidence } = self;
        let activity = format!("set state of {}", plain(&project));
        let operation = SetState { project, category, key, value, source, confidence };
        let entry = Session::write(config, &activity, operation, &Silent)?;
        answer(&entry, "is recorded", output);
        Ok(Exit::Done)
    }
}

impl List {
    fn run(self, config: &Config, output: &Output) -> Result<Exit, ApiError> {
        let Self { project, category, all } = self;
        let state = Session::looking(config)?.run(ListState { project, category, all }, &Silent)?;
        if output.form() == Form::Json {
            output.json(&state);
            return Ok(Exit::Done);
        }
        if state.entries.is_empty() {
            let id = &state.project;
            output.advise(format!(
                "nothing is recorded of {id}; `atocore state set {id} decision KEY \"what was decided\"` records something"
            ));
        }
        let mut category = "";
        for entry in &state.entries {
            if entry.category != category {
                category = &entry.category;
                output.line(output.paint(Style::Bold, plain(category)));
            }
            output.line(set(entry));
        }
        Ok(Exit::Done)
    }
}

/// An entry as it is listed: its key and value, and in brackets what is worth knowing of it.
fn set(entry: &StateEntry) -> String {
    let mut notes = vec![day(&entry.updated_at).to_owned()];
    if !entry.source.is_empty() {
        notes.push(plain(&entry.source));
    }
    if entry.confidence < 1.0 {
        notes.push(format!("confidence {}", entry.confidence));
    }
    if entry.status != "active" {
        notes.push(entry.status.clone());
    }
    format!("  {}: {} ({})", plain(&entry.key), plain(&entry.value), notes.join(", "))
}

fn answer(entry: &StateEntry, what: &str, output: &Output) {
    match output.form() {
        Form::Json => output.json(entry),
        Form::Human => output.line(format!(
            "{}: {} / {} {what}, generation {}",
            entry.project,
            plain(&entry.category),
            plain(&entry.key),
            entry.generation
        )),
    }
}
