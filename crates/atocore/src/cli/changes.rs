//! `fact log` and `fact undo`: the journal of facts.

use atocore_model::monitor::Silent;
use clap::{Args, Subcommand};

use super::{
    exit::Exit,
    output::{Form, Output, Style},
    typeset::{plain, second},
};
use crate::{
    config::Config,
    operations::{ApiError, ListChanges, ReverseChange},
    session::Session,
    wire::FactChange,
};

#[derive(Debug, Subcommand)]
pub(super) enum Facts {
    /// Lists what was recorded and decided, newest first
    Log(Log),
    /// Takes a change back; that is a change too, and can be taken back
    Undo {
        /// Its number, as `fact log` shows it
        number: u64,
    },
}

#[derive(Debug, Args)]
pub(super) struct Log {
    /// Only facts of this project
    #[arg(long, value_name = "P")]
    project: Option<String>,
    /// Only this kind: `state`, `memory` or `interaction`
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// Only the fact with this id
    #[arg(long, value_name = "ID")]
    fact: Option<String>,
    /// Only then or later: a date, or a time with or without an offset
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// How many at most: 1 to 500
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// The number at which the page before ended
    #[arg(long, value_name = "N")]
    after: Option<u64>,
}

impl Facts {
    pub(super) fn run(self, config: &Config, output: &Output) -> Result<Exit, ApiError> {
        match self {
            Self::Log(log) => log.run(config, output),
            Self::Undo { number } => {
                let session = Session::writing(config, &format!("undo change {number}"), &Silent)?;
                let change = session.run(ReverseChange { number }, &Silent)?;
                match output.form() {
                    Form::Json => output.json(&change),
                    Form::Human => output.advise(format!(
                        "change {number} is taken back; `atocore fact undo {}` brings it back",
                        change.number
                    )),
                }
                Ok(Exit::Done)
            }
        }
    }
}

impl Log {
    fn run(self, config: &Config, output: &Output) -> Result<Exit, ApiError> {
        let Self { project, kind, fact, since, limit, after } = self;
        let operation = ListChanges { project, kind, fact, since, limit, after };
        let list = Session::looking(config)?.run(operation, &Silent)?;
        if output.form() == Form::Json {
            output.json(&list);
            return Ok(Exit::Done);
        }
        if list.changes.is_empty() {
            output.line("no fact was recorded or changed");
        }
        for change in &list.changes {
            output.line(line(change));
            if let Some(text) = change.after.text.as_deref().filter(|_| change.action != "reverse") {
                output.line(output.paint(Style::Dim, format!("      {}", beginning(text))));
            }
        }
        if let Some(next) = list.next {
            output.line(format!("`--after {next}` shows earlier ones"));
        }
        Ok(Exit::Done)
    }
}

/// A change in one line: `12  2026-04-06T18:42:19Z  http  set  state  notes  decision / database  sta_…`.
pub(super) fn line(change: &FactChange) -> String {
    let reverses = change.reverses.map(|number| format!(" (of {number})")).unwrap_or_default();
    let project = if change.project.is_empty() { "-" } else { &change.project };
    format!(
        "{}  {}  {}  {}{reverses}  {}  {project}  {}  {}",
        change.number,
        second(&change.at),
        plain(&change.door),
        change.action,
        change.kind,
        beginning(&change.subject),
        change.fact
    )
}

/// The first words of a fact in one line.
pub(super) fn beginning(text: &str) -> String {
    const LONGEST: usize = 80;
    let line = plain(text);
    if line.chars().count() <= LONGEST {
        return line;
    }
    line.chars().take(LONGEST).chain(['…']).collect()
}
