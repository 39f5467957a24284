//! `memory add`, `list`, `show`, `update`, `promote`, `reject`, `invalidate`.

use atocore_model::fact::{Memory, MemoryStatus};
use clap::{Args, Subcommand};

use super::{
    changes::beginning,
    console::Console,
    exit::Exit,
    output::{Output, Style},
    typeset::{Table, day, or_empty, plain, second},
};
use crate::operations::{
    ApiError, CreateMemory, InvalidateMemory, ListMemories, MemoryList, PromoteMemory, RejectMemory,
    ShowMemory, UpdateMemory,
};

#[derive(Debug, Subcommand)]
pub(super) enum Memories {
    /// Records a memory
    Add(AddMemoryCommand),
    List(ListMemories),
    Show(ShowMemory),
    Update(UpdateMemory),
    Promote(PromoteMemory),
    Reject(RejectMemory),
    Invalidate(InvalidateMemory),
}

#[derive(Debug, Args)]
pub(super) struct AddMemoryCommand {
    #[command(flatten)]
    memory: CreateMemory,
    /// Only proposes it: it counts once it is promoted
    #[arg(long)]
    candidate: bool,
}

impl Memories {
    pub(super) fn run(self, console: &Console<'_>) -> Result<Exit, ApiError> {
        match self {
            Self::Add(AddMemoryCommand { memory, candidate }) => {
                let status = candidate.then(|| "candidate".to_owned());
                console.run(CreateMemory { status, ..memory }, print_added)
            }
            Self::List(list) => console.run(list, print_list),
            Self::Show(show) => console.run(show, print),
            Self::Update(update) => console.run(update, print_line),
            Self::Promote(promote) => console.run(promote, print_line),
            Self::Reject(reject) => console.run(reject, print_line),
            Self::Invalidate(invalidate) => console.run(invalidate, print_line),
        }
    }
}

fn print_added(memory: &Memory, output: &Output) {
    print_line(memory, output);
    if memory.status == MemoryStatus::Candidate {
        output.advise(format!("`atocore memory promote {}` makes it count", memory.id));
    }
}

fn print_list(list: &MemoryList, output: &Output) {
    if list.memories.is_empty() {
        return output.advise("no memory matches; `atocore memory add TYPE TEXT` records one");
    }
    let mut table = Table::new(&["ID", "TYPE", "STATUS", "PROJECT", "CHANGED", "TEXT"]);
    for memory in &list.memories {
        table.row([
            memory.id.to_string(),
            memory.memory_type.to_string(),
            memory.status.to_string(),
            or_empty(memory.project.as_ref()),
            day(memory.updated_at),
            beginning(&memory.content),
        ]);
    }
    output.table(&table);
    output.earlier(list.next.as_ref());
}

fn print_line(memory: &Memory, output: &Output) {
    let status = output.paint(Style::Bold, memory.status);
    output.line(format!("{} is {status}: {}", memory.id, beginning(&memory.content)));
}

fn print(memory: &Memory, output: &Output) {
    let Memory { id, memory_type, status, .. } = memory;
    output.line(format!("{}  {memory_type}, {status}", output.paint(Style::Bold, id)));
    for line in memory.content.as_str().lines() {
        output.line(format!("  {}", plain(line)));
    }
    let mut table = Table::bare();
    table.fact("project", or_empty(memory.project.as_ref()));
    table.fact("source", plain(&memory.source));
    table.fact("confidence", memory.confidence.to_string());
    table.fact("superseded by", or_empty(memory.superseded_by.as_ref()));
    table.fact("recorded", second(memory.created_at));
    table.fact("changed", second(memory.updated_at));
    output.table(&table);
}
