//! `state set`, `list`, `invalidate`: what is known to be true of a project.

use atocore_engine::ProjectState;
use atocore_model::fact::{Confidence, StateEntry, StateStatus};
use clap::Subcommand;

use super::{
    console::Console,
    exit::Exit,
    output::{Output, Style},
    typeset::{day, plain},
};
use crate::operations::{ApiError, InvalidateState, ListState, SetState};

#[derive(Debug, Subcommand)]
pub(super) enum States {
    Set(SetState),
    List(ListState),
    Invalidate(InvalidateState),
}

impl States {
    pub(super) fn run(self, console: &Console<'_>) -> Result<Exit, ApiError> {
        match self {
            Self::Set(set) => console.run(set, print_entry("is recorded")),
            Self::List(list) => console.run(list, print_list),
            Self::Invalidate(entry) => console.run(entry, print_entry("is invalidated")),
        }
    }
}

fn print_list(state: &ProjectState, output: &Output) {
    if state.entries.is_empty() {
        let id = &state.project;
        output.advise(format!(
            "no entries of {id} to show; `atocore state list {id} --all` shows what holds no longer, and `atocore state set {id} decision KEY \"what was decided\"` records something"
        ));
    }
    for of_category in state.entries.chunk_by(|a, b| a.category == b.category) {
        output.line(output.paint(Style::Bold, plain(&of_category[0].category)));
        for entry in of_category {
            output.line(listed(entry));
        }
    }
}

/// An entry as it is listed: its key and value, and in brackets what is worth knowing of it.
fn listed(entry: &StateEntry) -> String {
    let mut notes = vec![day(entry.updated_at)];
    if !entry.source.as_str().is_empty() {
        notes.push(plain(&entry.source));
    }
    if entry.confidence < Confidence::CERTAIN {
        notes.push(format!("confidence {}", entry.confidence));
    }
    if entry.status != StateStatus::Active {
        notes.push(entry.status.to_string());
    }
    format!("  {}: {} ({})", plain(&entry.key), plain(&entry.value), notes.join(", "))
}

fn print_entry(what: &str) -> impl FnOnce(&StateEntry, &Output) {
    move |entry, output| {
        let (category, key) = (plain(&entry.category), plain(&entry.key));
        let (project, generation) = (&entry.project, entry.generation);
        output.line(format!("{project}: {category} / {key} {what}, generation {generation}"));
    }
}
