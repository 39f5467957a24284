//! `fact log` and `fact undo`: the journal of facts.

use std::fmt::Display;

use atocore_model::{
    fact::{Action, FactChange},
    id::ProjectId,
};
use clap::Subcommand;

use super::{
    console::Console,
    exit::Exit,
    output::{Output, Style},
    typeset::{plain, second},
};
use crate::operations::{ApiError, FactChangeList, ListChanges, ReverseChange};

#[derive(Debug, Subcommand)]
pub(super) enum Facts {
    Log(ListChanges),
    Undo(ReverseChange),
}

impl Facts {
    pub(super) fn run(self, console: &Console<'_>) -> Result<Exit, ApiError> {
        match self {
            Self::Log(list) => console.run(list, print_list),
            Self::Undo(reverse) => {
                let number = reverse.number;
                console.run(reverse, |change, output| {
                    output.advise(format!(
                        "change {number} is taken back; `atocore fact undo {}` brings it back",
                        change.number
                    ));
                })
            }
        }
    }
}

fn print_list(list: &FactChangeList, output: &Output) {
    if list.changes.is_empty() {
        output.line("no changes to show");
    }
    for change in &list.changes {
        output.line(line(change));
        if let Some(text) = change.after.text.as_deref().filter(|_| change.action != Action::Reverse) {
            output.line(output.paint(Style::Dim, format!("      {}", beginning(text))));
        }
    }
    output.earlier(list.next.as_ref());
}

/// A change in one line: `12  2026-04-06T18:42:19Z  http  set  state  notes  decision / database  sta_…`.
pub(super) fn line(change: &FactChange) -> String {
    let reverses = change.reverses.map(|number| format!(" (of {number})")).unwrap_or_default();
    let project = change.project.as_ref().map_or("-", ProjectId::as_str);
    format!(
        "{}  {}  {}  {}{reverses}  {}  {project}  {}  {}",
        change.number,
        second(change.at),
        plain(&change.interface),
        change.action,
        change.kind,
        beginning(&change.subject),
        change.fact
    )
}

/// The first words of a fact in one line.
pub(super) fn beginning(text: impl Display) -> String {
    const LONGEST: usize = 80;
    let line = plain(text);
    if line.chars().count() <= LONGEST {
        return line;
    }
    line.chars().take(LONGEST).chain(['…']).collect()
}
