//! `memory add`, `list`, `show`, `update`, `promote`, `reject`, `invalidate`.

use atocore_model::monitor::Silent;
use clap::{Args, Subcommand};

use super::{
    changes::beginning,
    exit::Exit,
    output::{Form, Output, Style},
    typeset::{Table, day, plain, second},
};
use crate::{
    config::Config,
    operations::{
        ApiError, CreateMemory, InvalidateMemory, ListMemories, Operation, PromoteMemory, RejectMemory,
        ShowMemory, UpdateMemory,
    },
    session::Session,
    wire::Memory,
};

#[derive(Debug, Subcommand)]
pub(super) enum Memories {
    /// Records a memory
    Add(Add),
    /// Lists memories, newest first
    List(List),
    /// Shows one memory
    Show {
        /// Its id
        id: String,
    },
    /// Changes a memory; what is not named stays
    Update(Update),
    /// Makes a proposed memory count
    Promote {
        /// Its id
        id: String,
    },
    /// Refuses a proposed memory
    Reject {
        /// Its id
        id: String,
    },
    /// Says that a memory no longer counts; it stays, with everything it said
    Invalidate {
        /// Its id
        id: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct Add {
    /// `identity`, `preference`, `project`, `episodic`, `knowledge` or `adaptation`
    memory_type: String,
    /// What is to be remembered
    content: String,
    /// The project it is about: its id or an alias; without it, every one
    #[arg(long, value_name = "P")]
    project: Option<String>,
    /// Where it comes from: a path, an address, a name
    #[arg(long, value_name = "WHERE", default_value = "")]
    source: String,
    /// How sure you are: 0 to 1
    #[arg(long, value_name = "C")]
    confidence: Option<f64>,
    /// Only proposes it: it counts once it is promoted
    #[arg(long)]
    candidate: bool,
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Only this type
    #[arg(long = "type", value_name = "TYPE")]
    memory_type: Option<String>,
    /// Only those about this project
    #[arg(long, value_name = "P")]
    project: Option<String>,
    /// Only `candidate`, `active`, `superseded` or `invalid`
    #[arg(long, value_name = "STATUS")]
    status: Option<String>,
    /// Only those of which somebody is at least so sure
    #[arg(long, value_name = "C")]
    min_confidence: Option<f64>,
    /// How many at most: 1 to 500
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// The id at which the page before ended
    #[arg(long, value_name = "ID")]
    after: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Update {
    /// Its id
    id: String,
    /// What is remembered from now on
    #[arg(long, value_name = "TEXT")]
    content: Option<String>,
    /// How sure you are: 0 to 1
    #[arg(long, value_name = "C")]
    confidence: Option<f64>,
    /// `active`, `superseded` or `invalid`
    #[arg(long, value_name = "STATUS")]
    status: Option<String>,
    /// The id of the memory that takes its place
    #[arg(long, value_name = "ID")]
    superseded_by: Option<String>,
}

impl Memories {
    pub(super) fn run(self, config: &Config, output: &Output) -> Result<Exit, ApiError> {
        match self {
            Self::Add(add) => add.run(config, output),
            Self::List(list) => list.run(config, output),
            Self::Show { id } => {
                let memory = Session::looking(config)?.run(ShowMemory { id }, &Silent)?;
                show(&memory, output);
                Ok(Exit::Done)
            }
            Self::Update(update) => update.run(config, output),
            Self::Promote { id } => decide(PromoteMemory { id }, config, output),
            Self::Reject { id } => decide(RejectMemory { id }, config, output),
            Self::Invalidate { id } => decide(InvalidateMemory { id }, config, output),
        }
    }
}

impl Add {
    fn run(self, config: &Config, output: &Output) -> Result<Exit, ApiError> {
        let Self { memory_type, content, project, source, confidence, candidate } = self;
        let status = candidate.then(|| "candidate".to_owned());
        let operation = CreateMemory { memory_type, content, project, source, confidence, status };
        let memory = Session::write(config, "record a memory", operation, &Silent)?;
        answer(&memory, output);
        if output.form() == Form::Human && memory.status == "candidate" {
            output.advise(format!("`atocore memory promote {}` makes it count", memory.id));
        }
        Ok(Exit::Done)
    }
}

impl List {
    fn run(self, config: &Config, output: &Output) -> Result<Exit, ApiError> {
        let Self { memory_type, project, status, min_confidence, limit, after } = self;
        let operation =
            ListMemories { memory_type, project, status, active_only: false, min_confidence, limit, after };
        let list = Session::looking(config)?.run(operation, &Silent)?;
        if output.form() == Form::Json {
            output.json(&list);
            return Ok(Exit::Done);
        }
        if list.memories.is_empty() {
            output.advise("no memory is like that; `atocore memory add TYPE TEXT` records one");
            return Ok(Exit::Done);
        }
        let mut table = Table::new(&["ID", "TYPE", "STATUS", "PROJECT", "CHANGED", "TEXT"]);
        for memory in &list.memories {
            table.row([
                memory.id.clone(),
                memory.memory_type.clone(),
                memory.status.clone(),
                memory.project.clone(),
                day(&memory.updated_at).to_owned(),
                beginning(&memory.content),
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

impl Update {
    fn run(self, config: &Config, output: &Output) -> Result<Exit, ApiError> {
        let Self { id, content, confidence, status, superseded_by } = self;
        let update = UpdateMemory { id, content, confidence, status, superseded_by };
        let memory = Session::write(config, "change a memory", update, &Silent)?;
        answer(&memory, output);
        Ok(Exit::Done)
    }
}

fn decide(
    decision: impl Operation<Reply = Memory>,
    config: &Config,
    output: &Output,
) -> Result<Exit, ApiError> {
    let memory = Session::write(config, "decide about a memory", decision, &Silent)?;
    answer(&memory, output);
    Ok(Exit::Done)
}

fn answer(memory: &Memory, output: &Output) {
    match output.form() {
        Form::Json => output.json(memory),
        Form::Human => output.line(format!(
            "{} is {}: {}",
            memory.id,
            output.paint(Style::Bold, &memory.status),
            beginning(&memory.content)
        )),
    }
}

fn show(memory: &Memory, output: &Output) {
    if output.form() == Form::Json {
        output.json(memory);
        return;
    }
    let Memory { id, memory_type, status, .. } = memory;
    output.line(format!("{}  {memory_type}, {status}", output.paint(Style::Bold, id)));
    for line in memory.content.lines() {
        output.line(format!("  {}", plain(line)));
    }
    let mut table = Table::bare();
    for (name, value) in [
        ("project", memory.project.clone()),
        ("source", plain(&memory.source)),
        ("confidence", memory.confidence.to_string()),
        ("superseded by", memory.superseded_by.clone().unwrap_or_default()),
        ("recorded", second(&memory.created_at)),
        ("changed", second(&memory.updated_at)),
    ] {
        if !value.is_empty() {
            table.row([format!("  {name}"), value]);
        }
    }
    for line in table.lines(output.width()) {
        output.line(line);
    }
}
