//! Commands that operations are by themselves: their parameters are the arguments, and their reply is set as it is.

use atocore_model::time::Timestamp;
use clap::{ArgMatches, Args, Command, FromArgMatches, Subcommand};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    console::Console,
    exit::Exit,
    output::Output,
    typeset::{Table, plain, second},
};
use crate::operations::{ApiError, CommandVisitor, Operation, visit_commands};

/// What was typed behind the name of an operation.
#[derive(Debug)]
pub(super) struct Typed(ArgMatches);

impl Typed {
    pub(super) fn run(&self, console: &Console<'_>) -> Result<Exit, ApiError> {
        let mut running = Running { typed: &self.0, console, ended: Ok(Exit::Usage) };
        visit_commands(&mut running);
        running.ended
    }
}

impl FromArgMatches for Typed {
    fn from_arg_matches(typed: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self(typed.clone()))
    }

    fn update_from_arg_matches(&mut self, typed: &ArgMatches) -> Result<(), clap::Error> {
        self.0 = typed.clone();
        Ok(())
    }
}

impl Subcommand for Typed {
    fn augment_subcommands(tree: Command) -> Command {
        let mut tree = Tree(tree);
        visit_commands(&mut tree);
        tree.0
    }

    fn augment_subcommands_for_update(tree: Command) -> Command {
        Self::augment_subcommands(tree)
    }

    fn has_subcommand(name: &str) -> bool {
        Self::augment_subcommands(Command::new("none")).find_subcommand(name).is_some()
    }
}

struct Tree(Command);

impl CommandVisitor for Tree {
    fn visit<O: Operation + Args>(&mut self, noun: &'static str, verb: Option<&'static str>) {
        let tree = std::mem::take(&mut self.0);
        let Some(verb) = verb else {
            self.0 = tree.subcommand(O::augment_args(Command::new(noun)));
            return;
        };
        let tree = match tree.find_subcommand(noun) {
            Some(_) => tree,
            None => tree.subcommand(
                Command::new(noun)
                    .about(format!("What there is to do with {noun}"))
                    .subcommand_required(true)
                    .arg_required_else_help(true),
            ),
        };
        self.0 = tree.mut_subcommand(noun, |below| below.subcommand(O::augment_args(Command::new(verb))));
    }
}

struct Running<'t> {
    typed: &'t ArgMatches,
    console: &'t Console<'t>,
    ended: Result<Exit, ApiError>,
}

impl CommandVisitor for Running<'_> {
    fn visit<O: Operation + Args>(&mut self, noun: &'static str, verb: Option<&'static str>) {
        let typed = self.typed.subcommand_matches(noun);
        let typed = typed.and_then(|typed| verb.map_or(Some(typed), |verb| typed.subcommand_matches(verb)));
        let Some(arguments) = typed else { return };
        // The tree of commands was made from the same parameters.
        if let Ok(operation) = O::from_arg_matches(arguments) {
            let operation = operation.in_folder(&self.console.environment.current_dir);
            self.ended = self.console.run(operation, print);
        }
    }
}

/// Sets a reply: its lists of records as tables, what it says beside them, and how to list what comes after them; one without a
/// list as what it says, line by line.
fn print(reply: &impl Serialize, output: &Output) {
    let Ok(Value::Object(reply)) = serde_json::to_value(reply) else { return };
    if reply.values().all(|value| !value.is_array()) {
        let width = reply.keys().map(String::len).max().unwrap_or_default();
        let said = reply.iter().map(|(name, value)| (name.replace('_', " "), cell(value)));
        for (name, value) in said.filter(|(_, value)| !value.is_empty()) {
            output.line(format!("{name:width$}  {value}"));
        }
        return;
    }
    let has_more = reply.values().filter(|value| value.is_array()).count() > 1;
    for (name, value) in &reply {
        match records(value).as_deref() {
            None if ["next", "generation"].contains(&name.as_str()) => {}
            None => output.line(format!("{}: {}", name.replace('_', " "), cell(value))),
            Some([]) => output.line(format!("no {name} to show")),
            Some(records) => {
                if has_more {
                    output.line(format!("{name}:"));
                }
                output.table(&table(records));
            }
        }
    }
    if let Some(next) = reply.get("next").filter(|next| !next.is_null()) {
        output.line(format!("`--after {}` shows more", cell(next)));
    }
}

fn records(value: &Value) -> Option<Vec<&Map<String, Value>>> {
    value.as_array()?.iter().map(Value::as_object).collect()
}

/// A column for each key of the first record.
fn table(records: &[&Map<String, Value>]) -> Table {
    let keys: Vec<&String> = records.iter().take(1).flat_map(|first| first.keys()).collect();
    let heads: Vec<_> = keys.iter().map(|key| key.replace('_', " ").to_uppercase()).collect();
    let mut table = Table::new(&heads.iter().map(String::as_str).collect::<Vec<_>>());
    for record in records {
        table.cells(keys.iter().map(|key| record.get(*key).map(cell).unwrap_or_default()).collect());
    }
    table
}

/// A value as people see it.
pub(crate) fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if Timestamp::parse(text).is_some() => second(text),
        Value::String(text) => plain(text),
        Value::Array(values) => values.iter().map(cell).collect::<Vec<_>>().join(", "),
        // What is named within a record.
        Value::Object(named) => named.get("path").map(cell).unwrap_or_default(),
        other => plain(other),
    }
}
