//! The command line: the tree of commands, and what happens around each of them.
//!
//! A command parses its words, runs operations in a [`crate::runner::Runner`], and sets the answer. It decides nothing.

mod archive;
mod backups;
mod by_itself;
mod changes;
mod console;
mod context;
mod demo;
mod doctor;
mod document;
mod embed;
mod evaluate;
mod exit;
mod index;
mod ingest;
mod interactions;
mod memory;
mod model;
mod original;
mod output;
mod progress;
mod projects;
mod prune;
mod questions;
mod reference;
mod restore;
mod search;
mod serve;
mod settings;
mod state;
mod trust;
mod tune;
mod typeset;
mod watch;

use std::{ffi::OsString, io::IsTerminal, path::PathBuf, process::ExitCode};

use atocore_engine::{extract, files};
use atocore_model::error::ErrorCode;
use clap::{CommandFactory, Parser, Subcommand};

use crate::{
    config::{Config, Environment, Flags, LogLevel},
    logging, mcp,
    operations::{ApiError, Doctor, Embed, Status},
    runner::{COPY_COMMAND, EXTRACT_COMMAND},
};
use console::Console;
use exit::Exit;

// What the demo's story is set with.
pub(crate) use backups::stamp_of;
// And the answers of tools.
pub(crate) use by_itself::cell;
pub(crate) use model::announcement;
pub use output::note;
pub(crate) use output::{Form, Output, Style};
pub(crate) use progress::Terminal;
pub(crate) use search::{arithmetic, heading, place};
pub(crate) use typeset::{count, excerpt, indented, plain, shell, size};

/// A context engine on your own machine: documents in, ranked passages out, and snapshots you can trust.
#[derive(Debug, Parser)]
#[command(name = "atocore", version = version(), disable_help_subcommand = true)]
struct Cli {
    /// The folder that holds everything: `data/`, `config/`, `backups/` (`ATOCORE_HOME`)
    #[arg(long, global = true, value_name = "DIR", display_order = 900)]
    data_dir: Option<PathBuf>,
    /// Answer with the JSON of the HTTP API instead of text
    #[arg(long, global = true, display_order = 900)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows everything at work on real documents, in a folder of its own
    Demo(demo::DemoCommand),
    /// Serves HTTP until it is told to stop
    Serve(serve::Serve),
    /// Reads what changes in the files of all projects as it changes, until it is told to stop; a server does so by itself
    Watch(watch::WatchCommand),
    /// Serves one MCP client, such as an agent or an editor, over standard input and output
    Mcp,
    /// Registers, lists, changes and removes projects
    #[command(subcommand)]
    Project(projects::ProjectCommands),
    /// Reads what changed in the documents of projects
    Refresh(ingest::Refresh),
    /// Makes the vectors that are missing; `refresh` and a server do so by themselves
    Embed(Embed),
    /// Compares the vector index with the store, and builds it anew
    #[command(subcommand)]
    Index(index::Index),
    /// Asks a question
    Query(search::Search),
    /// Records what is true of a project, lists it, and says what no longer holds
    #[command(subcommand)]
    State(state::States),
    /// Records memories, and decides about those that agents propose
    #[command(subcommand)]
    Memory(memory::Memories),
    /// Lists and records exchanges with models
    #[command(subcommand)]
    Interaction(interactions::Interactions),
    /// Lists every change of facts, and takes one back
    #[command(subcommand)]
    Fact(changes::Facts),
    /// Prints lines of a document
    Get(document::Get),
    /// Makes a context pack for an agent: facts and passages within a budget
    Context(context::ContextCommand),
    /// Judges the answers to questions of yours, and compares settings
    Eval(evaluate::Evaluate),
    /// Lists the questions that are kept, makes cases for an evaluation of them, and forgets them
    #[command(subcommand)]
    Questions(questions::Questions),
    /// Searches better weights on one half of your questions and tries them on the other
    Tune(tune::Tune),
    /// Takes, lists, validates and restores snapshots
    #[command(subcommand)]
    Backup(backups::Backups),
    /// Takes over an installation of the original AtoCore, the program in Python, into a new one
    ImportOriginal(original::ImportOriginal),
    /// Fetches, lists and verifies the models that search by meaning
    #[command(subcommand)]
    Model(model::ModelCommands),
    Status(Status),
    /// Looks for problems and says how to fix them
    Doctor(Doctor),
    /// Shows the settings
    #[command(subcommand)]
    Config(settings::ConfigCommands),
    /// Lets the `atocore.toml` of a folder count for whoever stands in it, lists such folders, and takes it back
    Trust(trust::Trust),
    #[command(flatten)]
    ByItself(by_itself::Typed),
}

/// Runs the program with `arguments`, the first of which is its own name, and says how it ended.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<_> = arguments.into_iter().collect();
    // First of all: whatever is made from here on, by whatever library or child, is this user's alone.
    files::create_privately();
    // Before anything else is opened: the copy is made by a process that has nothing but two files.
    if arguments.get(1).is_some_and(|argument| argument == COPY_COMMAND) {
        return backups::copy_pages(&arguments[2..]);
    }
    if arguments.get(1).is_some_and(|argument| argument == EXTRACT_COMMAND) {
        return serve_extraction(&arguments[2..]);
    }
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => return refused(&error).into(),
    };
    let environment = Environment::read();
    let form = if cli.json { Form::Json } else { Form::Human };
    let installation = cli.data_dir.as_ref().map(|folder| environment.current_dir.join(folder));
    let output = Output::new(form, environment.no_color, installation.as_deref());
    let program = arguments.first().map_or("atocore".into(), |program| program.to_string_lossy());
    let ended = dispatch(cli, &program, &environment, &output);
    let exit = ended.unwrap_or_else(|error| {
        output.error(&error);
        Exit::of(error.kind())
    });
    match output.failure() {
        Some(error) => {
            note(&format!("error: the answer could not be printed: {error}"));
            Exit::Failed.into()
        }
        None => exit.into(),
    }
}

/// What the hidden command does: reads documents until nobody asks for more.
fn serve_extraction(command: &[OsString]) -> ExitCode {
    match extract::serve(command, extract::ExtractLimits::DEFAULT) {
        Ok(()) => Exit::Done.into(),
        Err(error) => {
            note(&format!("error: {error}"));
            Exit::Failed.into()
        }
    }
}

fn dispatch(cli: Cli, program: &str, environment: &Environment, output: &Output) -> Result<Exit, ApiError> {
    let mut flags = Flags { data_dir: cli.data_dir, ..Flags::default() };
    match &cli.command {
        Command::Demo(demo) => flags.data_dir = Some(demo.home(flags.data_dir.take())),
        Command::Serve(serve) => serve.add_to(&mut flags),
        _ => {}
    }
    if let Command::Trust(trust) = &cli.command {
        // Without settings: those of a folder that is to be trusted no more may be wrong.
        return trust.run(environment, output);
    }
    let config = Config::load(&flags, environment).map_err(|error| {
        ApiError::new(ErrorCode::InvalidSetting, error.to_string()).with_hint(error.hint())
    })?;
    start_logging(&cli.command, &config, environment);
    trust::say(&config, output);
    let console = Console { program, config: &config, flags: &flags, environment, output };
    match cli.command {
        Command::Demo(demo) => demo.run(&console),
        Command::Serve(serve) => serve.run(&console),
        Command::Watch(watch) => watch.run(&console),
        Command::Mcp => mcp::serve(config.clone()).map(|()| Exit::Done),
        Command::Project(projects) => projects.run(&console),
        Command::Refresh(refresh) => refresh.run(&console),
        Command::Embed(Embed {}) => embed::run(&console),
        Command::Index(index) => index.run(&console),
        Command::Query(search) => search.run(&console),
        Command::State(states) => states.run(&console),
        Command::Memory(memories) => memories.run(&console),
        Command::Interaction(interactions) => interactions.run(&console),
        Command::Fact(facts) => facts.run(&console),
        Command::Get(get) => get.run(&console),
        Command::Context(context) => context.run(&console),
        Command::Eval(evaluate) => evaluate.run(&console),
        Command::Questions(questions) => questions.run(&console),
        Command::Tune(tune) => tune.run(&console),
        Command::Backup(backups) => backups.run(&console),
        Command::ImportOriginal(import) => import.run(&console),
        Command::Model(models) => models.run(&console),
        Command::Status(status) => doctor::status(status, &console),
        Command::Doctor(doctor) => doctor::doctor(doctor, &console),
        Command::Config(settings) => settings.run(&console),
        Command::Trust(trust) => trust.run(environment, output),
        Command::ByItself(typed) => typed.run(&console),
    }
}

/// A command that ends at once says what matters in its answer; a server has only its log.
fn start_logging(command: &Command, config: &Config, environment: &Environment) {
    let default = if matches!(command, Command::Serve(_)) { LogLevel::Info } else { LogLevel::Warn };
    let colour = !environment.no_color && std::io::stderr().is_terminal();
    logging::start(config.log.unwrap_or(default), config.log_format, colour);
}

/// Help and version are answers; everything else is wrong usage.
fn refused(error: &clap::Error) -> Exit {
    if error.use_stderr() {
        note(error.render().to_string().trim_end());
        Exit::Usage
    } else {
        output::help(error.render());
        Exit::Done
    }
}

/// The reference page of the command line.
#[must_use]
pub fn reference() -> String {
    reference::page(Cli::command())
}

fn version() -> &'static str {
    concat!(env!("CARGO_PKG_VERSION"), " (", env!("SOURCE_COMMIT"), ")")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::operations::{Operation, Visitor, visit_all};

    /// The operations whose parameters no command takes as they are, and why.
    const NOT_TAKEN: &[(&str, &str)] = &[
        ("Health", "for programs that watch a server: people have `status`"),
        ("Sources", "`project list` and `status` name the roots"),
        ("ShowTemplate", "for clients of the original that write a registry"),
        ("ProposeProject", "`project add --dry-run`"),
        ("RemoveProject", "`project remove --yes` removes what the plan says"),
        ("ReadDocumentAt", "`get PATH --project P`"),
        ("ShowContext", "`context diff` with a hash"),
        ("ValidateBackup", "`backup validate STAMP`, which may be `--all` instead"),
        ("RestoreBackup", "`backup restore --yes`"),
        ("UndoRestore", "`backup undo --yes`"),
        ("ListJobs", "a command waits for its work and starts no job"),
        ("ShowJob", "a command waits for its work and starts no job"),
        ("CancelJob", "a command is cancelled with Ctrl-C"),
    ];

    #[test]
    fn the_tree_of_commands_is_sound() {
        Cli::command().debug_assert();
    }

    /// The commands below a command, as they are typed.
    fn typed(command: &clap::Command) -> Vec<String> {
        let below = |below: &clap::Command| {
            let rest = typed(below).into_iter().map(|rest| format!("{} {rest}", below.get_name()));
            if below.has_subcommands() && below.is_subcommand_required_set() {
                rest.collect()
            } else {
                std::iter::once(below.get_name().to_owned()).chain(rest).collect::<Vec<_>>()
            }
        };
        command.get_subcommands().flat_map(below).collect()
    }

    #[test]
    fn commands_keep_their_names() {
        let known = "demo, serve, watch, mcp, project add, project list, project show, project update, project remove, \
            refresh, embed, index verify, index rebuild, query, state set, state list, state invalidate, \
            memory add, memory list, memory show, memory update, memory promote, memory reject, memory invalidate, \
            interaction list, interaction show, interaction record, fact log, fact undo, get, context, context diff, \
            eval, questions list, questions case, questions forget, tune, backup create, backup list, backup validate, backup drill, backup restore, backup undo, \
            backup export, backup import, backup prune, backup pin, backup unpin, import-original, \
            model fetch, model list, model verify, status, doctor, config show, trust, formats, documents list, documents recent, documents links, documents unresolved, documents related, documents unfound, why";
        assert_eq!(typed(&Cli::command()).join(", "), known);
    }

    /// Everything that a command takes the parameters of: clap has a group for each struct.
    fn taken(command: &clap::Command) -> BTreeSet<String> {
        let groups = command.get_groups().map(|group| group.get_id().to_string());
        groups.chain(command.get_subcommands().flat_map(taken)).collect()
    }

    /// What the parameters of every operation are called.
    #[derive(Default)]
    struct Names(BTreeSet<String>);

    impl Visitor for Names {
        fn visit<O: Operation>(&mut self) {
            self.0.insert(O::name().into_owned());
        }
    }

    #[test]
    fn every_operation_has_a_command_or_a_reason_to_have_none() {
        let taken = taken(&Cli::command());
        let mut known = Names::default();
        visit_all(&mut known);
        for name in &known.0 {
            let has_reason = NOT_TAKEN.iter().any(|(not_taken, _)| not_taken == name);
            assert_ne!(taken.contains(name), has_reason, "{name}");
        }
        for (name, why) in NOT_TAKEN {
            assert!(known.0.contains(*name), "there is no operation {name}: {why}");
        }
    }
}
