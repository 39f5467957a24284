//! `interaction list`, `show`, `record`.

use atocore_model::monitor::Silent;
use clap::{Args, Subcommand};

use super::{
    changes::beginning,
    exit::Exit,
    output::{Form, Output, Style},
    typeset::{Table, plain, second},
};
use crate::{
    config::Config,
    operations::{ApiError, ListInteractions, RecordInteraction, ShowInteraction},
    session::Session,
    wire::Interaction,
};

#[derive(Debug, Subcommand)]
pub(super) enum Interactions {
    /// Lists exchanges with models, newest first
    List(List),
    /// Shows one of them
    Show {
        /// Its id
        id: String,
    },
    /// Records one
    Record(Record),
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Only about this project
    #[arg(long, value_name = "P")]
    project: Option<String>,
    /// Only of this conversation
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// Only of this program
    #[arg(long, value_name = "NAME")]
    client: Option<String>,
    /// Only then or later: a date, or a time with or without an offset
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// How many at most: 1 to 500
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// The id at which the page before ended
    #[arg(long, value_name = "ID")]
    after: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Record {
    /// What was asked
    prompt: String,
    /// What was answered
    #[arg(default_value = "")]
    response: String,
    /// The project it was about: its id or an alias
    #[arg(long, value_name = "P")]
    project: Option<String>,
    /// Who asked: the name of a program
    #[arg(long, value_name = "NAME", default_value = "")]
    client: String,
    /// Which conversation
    #[arg(long, value_name = "ID", default_value = "")]
    session: String,
}

impl Interactions {
    pub(super) fn run(self, config: &Config, output: &Output) -> Result<Exit, ApiError> {
        match self {
            Self::List(list) => list.run(config, output),
            Self::Show { id } => {
                let interaction = Session::looking(config)?.run(ShowInteraction { id }, &Silent)?;
                show(&interaction, output);
                Ok(Exit::Done)
            }
            Self::Record(record) => record.run(config, output),
        }
    }
}

impl List {
    fn run(self, config: &Config, output: &Output) -> Result<Exit, ApiError> {
        let Self { project, session, client, since, limit, after } = self;
        let operation = ListInteractions { project, session_id: session, client, since, limit, after };
        let list = Session::looking(config)?.run(operation, &Silent)?;
        if output.form() == Form::Json {
            output.json(&list);
            return Ok(Exit::Done);
        }
        if list.interactions.is_empty() {
            output.line("no interaction is like that");
            return Ok(Exit::Done);
        }
        let mut table = Table::new(&["ID", "WHEN", "PROJECT", "CLIENT", "PROMPT"]);
        for interaction in &list.interactions {
            table.row([
                interaction.id.clone(),
                second(&interaction.created_at),
                interaction.project.clone(),
                plain(&interaction.client),
                beginning(&interaction.prompt),
            ]);
        }
        for (index, line) in table.lines(output.width()).iter().enumerate() {
            output.line(if index == 0 { output.paint(Style::Dim, line) } else { line.clone() });
        }
        if let Some(next) = list.next {
            output.line(format!("`--after {next}` shows earlier ones"));
        }
        Ok(Exit::Done)
    }
}

impl Record {
    fn run(self, config: &Config, output: &Output) -> Result<Exit, ApiError> {
        let Self { prompt, response, project, client, session } = self;
        let operation = RecordInteraction {
            prompt,
            response,
            project,
            client,
            session_id: session,
            ..RecordInteraction::default()
        };
        let interaction = Session::write(config, "record an interaction", operation, &Silent)?;
        match output.form() {
            Form::Json => output.json(&interaction),
            Form::Human => output.line(format!("{} is recorded", interaction.id)),
        }
        Ok(Exit::Done)
    }
}

fn show(interaction: &Interaction, output: &Output) {
    if output.form() == Form::Json {
        output.json(interaction);
        return;
    }
    let about = [&interaction.project, &interaction.client, &interaction.session_id]
        .into_iter()
        .filter(|word| !word.is_empty())
        .map(|word| plain(word))
        .collect::<Vec<_>>()
        .join(", ");
    output.line(format!(
        "{}  {}  {about}",
        output.paint(Style::Bold, &interaction.id),
        second(&interaction.created_at)
    ));
    for (name, text) in [("asked", &interaction.prompt), ("answered", &interaction.response)] {
        output.line(output.paint(Style::Dim, name));
        for line in text.lines() {
            output.line(format!("  {}", plain(line)));
        }
    }
    for (name, ids) in [("memories", &interaction.memories_used), ("passages", &interaction.chunks_used)] {
        if !ids.is_empty() {
            output.line(format!("{name} given: {}", plain(&ids.join(", "))));
        }
    }
}
