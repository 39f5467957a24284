//! `refresh`: reads what changed in the documents of projects, and lists what became of every file.

use atocore_model::{
    error::ErrorCode,
    monitor::{Monitor, Silent},
};
use clap::Args;
use serde::Serialize;

use super::{
    Terminal, embed,
    exit::Exit,
    output::{Form, Output, Style},
    typeset::{Table, plain},
};
use crate::{
    config::Config,
    session::Session,
    verb::{self, ListProjects, VerbError},
    wire::{FileCounts, FileResult, Problem, RefreshResult, RootResult},
};

/// How many files of one state are listed for a person.
const LISTED: usize = 20;

#[derive(Debug, Args)]
pub(super) struct Refresh {
    /// Ids or aliases of projects, in any case
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Every project
    #[arg(long, conflicts_with = "names")]
    all: bool,
    /// Leave the vectors to `atocore embed` or to a server: passages are found by their words until then
    #[arg(long)]
    no_embed: bool,
}

/// What became of one project when several were asked for.
#[derive(Serialize)]
#[serde(untagged)]
enum Each {
    Refreshed(RefreshResult),
    Failed(Problem),
}

impl Refresh {
    pub(super) fn run(self, config: &Config, output: &Output) -> Result<Exit, VerbError> {
        if self.names.is_empty() && !self.all {
            return Err(VerbError::new(ErrorCode::InvalidRequest, "no project is named")
                .with_hint("name one or more, or give `--all` for every project"));
        }
        let monitor = Terminal::watch(output.form());
        let activity =
            if self.all { "refresh --all".to_owned() } else { format!("refresh {}", self.names.join(" ")) };
        let session = Session::writing(config, &plain(&activity), &monitor)?;
        let names = if self.all {
            session.run(ListProjects, &Silent)?.projects.into_iter().map(|project| project.id).collect()
        } else {
            self.names
        };
        if names.is_empty() && output.form() == Form::Human {
            output.advise("no project is registered; `atocore project add ID --root FOLDER` registers one");
        }
        let with_vectors = |exit| {
            if self.no_embed { Ok(exit) } else { embed::after_refresh(exit, &session, &monitor, output) }
        };
        // One name is answered as HTTP answers it.
        if let ([name], false) = (names.as_slice(), self.all) {
            let result = session.run(verb::Refresh { name: name.clone() }, &monitor)?;
            monitor.clear();
            match output.form() {
                Form::Json => output.json(&result),
                Form::Human => print(&result, output),
            }
            return with_vectors(exit_of(&result));
        }
        with_vectors(several(&session, names, &monitor, output)?)
    }
}

/// Refreshes one project after the other; what one cannot do does not keep the next from it.
fn several(
    session: &Session,
    names: Vec<String>,
    monitor: &Terminal,
    output: &Output,
) -> Result<Exit, VerbError> {
    let (mut exit, mut all) = (Exit::Done, Vec::new());
    for name in names {
        if monitor.cancelled() {
            exit = Exit::Failed;
            break;
        }
        let refreshed = session.run(verb::Refresh { name }, monitor);
        monitor.clear();
        match refreshed {
            Ok(result) => {
                if exit == Exit::Done {
                    exit = exit_of(&result);
                }
                if output.form() == Form::Human {
                    print(&result, output);
                }
                all.push(Each::Refreshed(result));
            }
            Err(error) => {
                exit = Exit::Failed;
                if output.form() == Form::Human {
                    output.error(&error);
                }
                all.push(Each::Failed(Problem::new(&error, crate::http::status(error.code).as_u16())));
            }
        }
    }
    if output.form() == Form::Json {
        output.json(&all);
    }
    Ok(exit)
}

fn exit_of(result: &RefreshResult) -> Exit {
    if result.counts.failed > 0 || result.roots_skipped > 0 { Exit::Problems } else { Exit::Done }
}

/// Sets the result of a refresh for a person.
pub(super) fn print(result: &RefreshResult, output: &Output) {
    let status = match result.status.as_str() {
        "ingested" => output.paint(Style::Green, "ingested"),
        "partial" => output.paint(Style::Yellow, "partial: some roots were skipped"),
        "nothing_to_ingest" => output.paint(Style::Yellow, "nothing to ingest: no root could be read"),
        other => other.to_owned(),
    };
    output.line(format!("{}  {status}", output.paint(Style::Bold, &result.project)));
    for root in &result.roots {
        print_root(root, output);
    }
    output.line(format!("  generation {}", result.generation));
}

fn print_root(root: &RootResult, output: &Output) {
    let place =
        if root.path.is_empty() { format!("{}:{}", root.source, root.subpath) } else { root.path.clone() };
    output.line(format!("  {}", plain(&place)));
    if let Some(reason) = &root.reason {
        output.line(format!("    {} {}", output.paint(Style::Yellow, "skipped:"), why_root(reason)));
        return;
    }
    output.line(format!("    {}", counts(&root.counts)));
    for state in ["failed", "skipped", "removed", "ingested"] {
        print_files(root.files.iter().filter(|file| file.state == state).collect(), state, output);
    }
}

fn print_files(files: Vec<&FileResult>, state: &str, output: &Output) {
    let mut table = Table::bare();
    for file in files.iter().take(LISTED) {
        let why = if file.detail.is_empty() {
            file.reason.replace('_', " ")
        } else {
            format!("{}: {}", file.reason.replace('_', " "), plain(&file.detail))
        };
        table.row([format!("    {state:<8}"), plain(&file.path), why]);
    }
    for line in table.lines(output.width()) {
        output.line(if state == "failed" { output.paint(Style::Red, line) } else { line });
    }
    if files.len() > LISTED {
        output.line(format!("    {state:<8}  … and {} more; --json lists all", files.len() - LISTED));
    }
}

/// The counts that are not zero, as one line.
pub(super) fn counts(counts: &FileCounts) -> String {
    let all = [
        (counts.ingested, "ingested"),
        (counts.unchanged, "unchanged"),
        (counts.removed, "removed"),
        (counts.skipped, "skipped"),
        (counts.failed, "failed"),
    ];
    let told: Vec<_> = all
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format!("{number} {word}"))
        .collect();
    if told.is_empty() { "no documents".to_owned() } else { told.join(" · ") }
}

fn why_root(reason: &str) -> &str {
    match reason {
        "missing" => "there is no such folder",
        "not_a_folder" => "it is not a folder",
        "not_configured" => {
            "the folder that it lies in is not configured (ATOCORE_VAULT_DIR, ATOCORE_DRIVE_DIR)"
        }
        "outside" => "links lead it out of the folder that it must lie in",
        "unreadable" => "the system refused to read it",
        other => other,
    }
}
