//! `interaction list`, `show`, `record`.

use atocore_model::fact::Interaction;
use clap::Subcommand;

use super::{
    changes::beginning,
    console::Console,
    exit::Exit,
    output::{Output, Style},
    typeset::{Table, or_empty, plain, second},
};
use crate::operations::{ApiError, InteractionList, ListInteractions, RecordInteraction, ShowInteraction};

#[derive(Debug, Subcommand)]
pub(super) enum Interactions {
    List(ListInteractions),
    Show(ShowInteraction),
    Record(RecordInteraction),
}

impl Interactions {
    pub(super) fn run(self, console: &Console<'_>) -> Result<Exit, ApiError> {
        match self {
            Self::List(list) => console.run(list, print_list),
            Self::Show(show) => console.run(show, print),
            Self::Record(record) => console
                .run(record, |interaction, output| output.line(format!("{} is recorded", interaction.id))),
        }
    }
}

fn print_list(list: &InteractionList, output: &Output) {
    if list.interactions.is_empty() {
        return output.line("no interaction matches");
    }
    let mut table = Table::new(&["ID", "WHEN", "PROJECT", "CLIENT", "PROMPT"]);
    for interaction in &list.interactions {
        table.row([
            interaction.id.to_string(),
            second(interaction.created_at),
            or_empty(interaction.project.as_ref()),
            plain(&interaction.client),
            beginning(&interaction.prompt),
        ]);
    }
    output.table(&table);
    output.earlier(list.next.as_ref());
}

fn print(interaction: &Interaction, output: &Output) {
    let project = or_empty(interaction.project.as_ref());
    let about = [project.as_str(), interaction.client.as_str(), interaction.session_id.as_str()]
        .into_iter()
        .filter(|word| !word.is_empty())
        .map(plain)
        .collect::<Vec<_>>()
        .join(", ");
    output.line(format!(
        "{}  {}  {about}",
        output.paint(Style::Bold, &interaction.id),
        second(interaction.created_at)
    ));
    for (name, text) in [("asked", &interaction.prompt), ("answered", &interaction.response)] {
        output.line(output.paint(Style::Dim, name));
        for line in text.as_str().lines() {
            output.line(format!("  {}", plain(line)));
        }
    }
    for (name, ids) in [("memories", &interaction.memories_used), ("passages", &interaction.chunks_used)] {
        if !ids.is_empty() {
            output.line(format!("{name} given: {}", plain(ids.join(", "))));
        }
    }
}
