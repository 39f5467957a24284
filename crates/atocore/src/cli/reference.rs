//! The reference page of the command line, made from the tree of commands.

use std::fmt::Write as _;

use clap::{Arg, Command};

/// The page: every command with what it takes, in the order of the help.
pub(super) fn page(mut tree: Command) -> String {
    tree.build();
    let mut page = "# Reference: command line\n\n\
                    Made from the tree of commands; `atocore COMMAND --help` prints the same.\n"
        .to_owned();
    let (global, _) = arguments(&tree);
    page.push_str("\n## Every command\n\n");
    page.push_str(&table(&global));
    add(&mut page, &mut tree);
    page
}

/// Adds the commands below one, each with those below it behind it.
fn add(page: &mut String, above: &mut Command) {
    for command in above.get_subcommands_mut().filter(|command| !command.is_hide_set()) {
        let name = command.get_bin_name().unwrap_or_else(|| command.get_name()).to_owned();
        let about = command.get_long_about().or(command.get_about()).map(ToString::to_string);
        let _written = write!(page, "\n## {name}\n\n{}\n", about.unwrap_or_default());
        let usage = command.render_usage().to_string();
        let (_, own) = arguments(command);
        if !own.is_empty() || !command.has_subcommands() {
            let usage = usage.trim_start_matches("Usage:").lines().map(str::trim).collect::<Vec<_>>();
            let _written = write!(page, "\n```text\n{}\n```\n", usage.join("\n"));
            if !own.is_empty() {
                let _written = write!(page, "\n{}", table(&own));
            }
        }
        add(page, command);
    }
}

/// The arguments of a command that are for every command, and its own.
fn arguments(command: &Command) -> (Vec<&Arg>, Vec<&Arg>) {
    let visible = command.get_arguments().filter(|argument| !argument.is_hide_set());
    visible.partition(|argument| {
        argument.is_global_set() || ["help", "version"].contains(&argument.get_id().as_str())
    })
}

fn table(arguments: &[&Arg]) -> String {
    let mut table = "| argument | |\n|---|---|\n".to_owned();
    for argument in arguments {
        let help = argument.get_long_help().or(argument.get_help()).map(ToString::to_string);
        let mut words = help.unwrap_or_default().replace('\n', " ");
        if takes_value(argument) {
            let possible = argument.get_possible_values();
            let possible: Vec<_> = possible.iter().map(|value| format!("`{}`", value.get_name())).collect();
            if !possible.is_empty() {
                let _written = write!(words, " ({})", possible.join(", "));
            }
            let default: Vec<_> =
                argument.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
            if !default.is_empty() {
                let _written = write!(words, " [default: `{}`]", default.join(" "));
            }
        }
        let _written = writeln!(table, "| {} | {} |", name(argument), words.replace('|', "\\|"));
    }
    table
}

/// As it is typed: `--port PORT`, `-n`, `NAME`.
fn name(argument: &Arg) -> String {
    let values = argument.get_value_names().unwrap_or_default().join(" ");
    let short = argument.get_short().map(|short| format!("-{short}"));
    let long = argument.get_long().map(|long| format!("--{long}"));
    let flags: Vec<String> = short.into_iter().chain(long).collect();
    match (flags.is_empty(), takes_value(argument)) {
        (true, _) => format!("`{values}`"),
        (false, true) => format!("`{} {values}`", flags.join(", ")),
        (false, false) => format!("`{}`", flags.join(", ")),
    }
}

fn takes_value(argument: &Arg) -> bool {
    argument.get_action().takes_values()
}
