//! `refresh`: reads what changed in the documents of projects, and lists what became of every file.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use atocore_engine::ingest::hint;
use atocore_model::{
    error::ErrorCode,
    monitor::{Monitor, Silent},
    refresh::{FileCounts, FileState, RefreshStatus},
};
use clap::Args;
use serde::Serialize;

use super::{
    Terminal,
    console::Console,
    embed,
    exit::Exit,
    output::{Form, Output, Style},
    projects::none_registered,
    typeset::{Table, plain},
};
use crate::{
    operations::{
        ApiError, FileResult, ListProjects, Problem, RefreshProject, RefreshResult, RootResult, Status,
    },
    runner::Runner,
};

/// How many files of one state are listed for a person.
const LISTED: usize = 20;

#[derive(Debug, Args)]
pub(super) struct Refresh {
    /// Ids or aliases of projects, in any case; every project when none is named
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Every project, also with `--allow-empty`
    #[arg(long, conflicts_with = "names")]
    all: bool,
    #[command(flatten)]
    refresh: RefreshProject,
    /// List every file that is left out, not only those that were not left out before
    #[arg(long)]
    skipped: bool,
    /// Say only what went wrong
    #[arg(long, short, conflicts_with = "skipped")]
    quiet: bool,
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
    pub(super) fn run(self, console: &Console<'_>) -> Result<Exit, ApiError> {
        let all = self.names.is_empty();
        if all && !self.all && self.refresh.allow_empty {
            return Err(ApiError::new(ErrorCode::InvalidRequest, "no project is named to be emptied")
                .with_hint("name one or more, or give `--all` for every project"));
        }
        let (config, output) = (console.config, console.output);
        let monitor = console.watch();
        let activity =
            if all { "refresh --all".to_owned() } else { format!("refresh {}", self.names.join(" ")) };
        if let [name] = self.names.as_slice() {
            Runner::refuse(config, &RefreshProject::of(name))?;
        }
        let runner = Runner::writing(config, &plain(&activity), &monitor)?;
        let names = if all {
            runner
                .run(ListProjects {}, &Silent)?
                .projects
                .into_iter()
                .map(|project| project.id.to_string())
                .collect()
        } else {
            self.names
        };
        let refresh = |name: &String| RefreshProject { name: name.clone(), ..self.refresh.clone() };
        let shown = Detail::of(self.skipped, self.quiet);
        // One name is answered as HTTP answers it.
        let exit = if let ([name], false) = (names.as_slice(), all) {
            let result = runner.run(refresh(name), &monitor)?;
            monitor.clear();
            output.answer(&result, |result, output| print(result, shown, output));
            exit_of(&result)
        } else {
            several(&runner, names.iter().map(refresh).collect(), shown, &monitor, output)?
        };
        let exit =
            if names.is_empty() { none_registered(&runner.run(Status {}, &Silent)?, output) } else { exit };
        if self.no_embed {
            return Ok(exit);
        }
        embed::after_refresh(exit, runner, console, &monitor, shown == Detail::Problems)
    }
}

/// Refreshes one project after the other; what one cannot do does not keep the next from it.
fn several(
    runner: &Runner,
    refreshes: Vec<RefreshProject>,
    shown: Detail,
    monitor: &Terminal,
    output: &Output,
) -> Result<Exit, ApiError> {
    let (mut exit, mut all) = (Exit::Done, Vec::new());
    for refresh in refreshes {
        if monitor.cancelled() {
            exit = Exit::Failed;
            break;
        }
        let refreshed = runner.run(refresh, monitor);
        monitor.clear();
        match refreshed {
            Ok(result) => {
                if exit == Exit::Done {
                    exit = exit_of(&result);
                }
                if output.form() == Form::Human {
                    print(&result, shown, output);
                }
                all.push(Each::Refreshed(result));
            }
            Err(error) => {
                exit = Exit::Failed;
                if output.form() == Form::Human {
                    output.error(&error);
                }
                all.push(Each::Failed(Problem::new(&error)));
            }
        }
    }
    if output.form() == Form::Json {
        output.json(&all);
    }
    Ok(exit)
}

fn exit_of(result: &RefreshResult) -> Exit {
    if result.counts.failed > 0 || result.roots_skipped > 0 || result.nothing_read.is_some() {
        Exit::Problems
    } else {
        Exit::Done
    }
}

/// How much of a refresh a person is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Detail {
    /// What went wrong.
    Problems,
    /// What became of the files, and which are left out that were not before.
    News,
    /// Every file that is left out too.
    Everything,
}

impl Detail {
    const fn of(skipped: bool, quiet: bool) -> Self {
        match (skipped, quiet) {
            (true, _) => Self::Everything,
            (_, true) => Self::Problems,
            _ => Self::News,
        }
    }
}

/// Sets for a person what is new in the result of a refresh.
pub(super) fn print_news(result: &RefreshResult, output: &Output) {
    print(result, Detail::News, output);
}

/// Sets the result of a refresh for a person.
fn print(result: &RefreshResult, shown: Detail, output: &Output) {
    if shown == Detail::Problems && exit_of(result) == Exit::Done {
        return;
    }
    let status = match result.status {
        RefreshStatus::Ingested => output.paint(Style::Green, "ingested"),
        RefreshStatus::Partial => output.paint(Style::Yellow, "partial: some roots were skipped"),
        RefreshStatus::NothingToIngest => {
            output.paint(Style::Yellow, "nothing to ingest: no root could be read")
        }
    };
    output.line(format!("{}  {status}", output.paint(Style::Bold, &result.project)));
    if let Some(found) = &result.nothing_read {
        let word = output.paint(Style::Yellow, "no file could be read:");
        output.line(format!("  {word} {found}"));
        output.advise("  `atocore formats` lists what is read");
    }
    for root in &result.roots {
        print_root(result.project.as_str(), root, shown, output);
    }
    if shown != Detail::Problems {
        output.line(format!("  generation {}", result.generation));
    }
}

fn print_root(project: &str, root: &RootResult, shown: Detail, output: &Output) {
    let place =
        if root.path.is_empty() { format!("{}:{}", root.source, root.subpath) } else { root.path.clone() };
    output.line(format!("  {}", plain(&place)));
    if let Some(reason) = &root.reason {
        let why = if reason == "documents_gone" { plain(&root.detail) } else { why_root(reason).to_owned() };
        output.line(format!("    {} {why}", output.paint(Style::Yellow, "skipped:")));
        if reason == "documents_gone" {
            advise_mounting(project, output);
        }
        return;
    }
    if shown != Detail::Problems {
        output.line(format!("    {}", counts(&root.counts)));
    }
    let in_state =
        |state: FileState| root.files.iter().filter(|file| file.state == state).collect::<Vec<_>>();
    let states: &[FileState] = match shown {
        Detail::Problems => &[FileState::Failed],
        _ => &[FileState::Ingested, FileState::Removed, FileState::Failed],
    };
    for state in states {
        print_files(in_state(*state), *state, LISTED, output);
    }
    let (gone, unread): (Vec<_>, Vec<_>) =
        in_state(FileState::Failed).into_iter().partition(|file| file.reason == "documents_gone");
    if !gone.is_empty() {
        advise_mounting(project, output);
    }
    let hints: BTreeSet<String> = unread.iter().map(|file| hint(&file.reason, &file.detail)).collect();
    hints.iter().for_each(|hint| output.line(format!("    {hint}")));
    let skipped = in_state(FileState::Skipped);
    match shown {
        Detail::Problems => {}
        Detail::Everything => print_files(skipped, FileState::Skipped, usize::MAX, output),
        Detail::News => {
            let (new, all) =
                (skipped.iter().copied().filter(|file| file.is_new).collect::<Vec<_>>(), skipped.len());
            if new.len() < all || all > LISTED {
                output.line(format!("    skipped   {}; --skipped lists all", reasons(&skipped)));
            }
            print_files(new, FileState::Skipped, LISTED, output);
        }
    }
}

fn advise_mounting(project: &str, output: &Output) {
    output.advise(format!(
        "    is its disk mounted? `atocore refresh {project} --allow-empty` removes what is gone"
    ));
}

/// How many files there are of each reason, the most first.
fn reasons(files: &[&FileResult]) -> String {
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for file in files {
        *reasons.entry(&file.reason).or_default() += 1;
    }
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by_key(|(_, count)| Reverse(*count));
    let words = reasons.iter().map(|(reason, count)| format!("{count} {}", reason.replace('_', " ")));
    words.collect::<Vec<_>>().join(" · ")
}

fn print_files(files: Vec<&FileResult>, state: FileState, most: usize, output: &Output) {
    let mut table = Table::bare();
    for file in files.iter().take(most) {
        let why = if file.detail.is_empty() {
            file.reason.replace('_', " ")
        } else {
            format!("{}: {}", file.reason.replace('_', " "), plain(&file.detail))
        };
        table.row([format!("    {:<8}", state.as_str()), plain(&file.path), why]);
    }
    for line in table.rows(output.width()).into_iter().flatten() {
        output.line(if state == FileState::Failed { output.paint(Style::Red, line) } else { line });
    }
    if files.len() > most {
        output.line(format!(
            "    {:<8}  … and {} more; --json lists all",
            state.as_str(),
            files.len() - most
        ));
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
        "no_answer" => "its file system does not answer; nothing of it was changed",
        other => other,
    }
}
