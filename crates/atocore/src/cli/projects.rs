//! `project add`, `list`, `show`, `update`, `remove`.

use std::{
    io,
    path::{Component, Path, PathBuf},
};

use atocore_engine::{InstallationStatus, RemovalPlan};
use atocore_model::{
    error::ErrorCode,
    monitor::Silent,
    name::Alias,
    project::{Project, Root, RootRecord},
};
use clap::{Args, Subcommand};

use super::{
    console::Console,
    exit::Exit,
    output::{Form, Output, Style},
    typeset::{Table, count, plain},
};
use crate::{
    operations::{
        AddProject, ApiError, ListProjects, PlanRemoval, ProjectList, ProposeProject, RemoveProject,
        ShowProject, Status, UpdateProject,
    },
    runner::Runner,
};

#[derive(Debug, Subcommand)]
pub(super) enum ProjectCommands {
    /// Registers a project
    Add(AddProjectCommand),
    List(ListProjects),
    Show(ShowProject),
    /// Changes a project; what is not named stays
    Update(Update),
    /// Says what removing a project would delete; with --yes, removes it
    Remove(Remove),
}

#[derive(Debug, Args)]
pub(super) struct AddProjectCommand {
    #[command(flatten)]
    project: AddProject,
    #[command(flatten)]
    roots: RootArguments,
    /// Says what would be registered, and registers nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Args)]
struct RootArguments {
    /// A folder of documents: a path, `vault:SUB` or `drive:SUB`; can be given several times
    #[arg(long = "root", value_name = "PATH")]
    roots: Vec<String>,
    /// A word about a root: the first for the first --root, and so on
    #[arg(long = "label", value_name = "WORD", requires = "roots")]
    labels: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct Update {
    #[command(flatten)]
    update: UpdateProject,
    #[command(flatten)]
    roots: RootArguments,
    /// Takes all other names away
    #[arg(long, conflicts_with = "aliases")]
    no_aliases: bool,
}

#[derive(Debug, Args)]
pub(super) struct Remove {
    #[command(flatten)]
    plan: PlanRemoval,
    /// Removes it
    #[arg(long)]
    yes: bool,
}

impl ProjectCommands {
    pub(super) fn run(self, console: &Console<'_>) -> Result<Exit, ApiError> {
        match self {
            Self::Add(add) => add.run(console),
            Self::List(list) => list_projects(list, console),
            Self::Show(show) => console.run(show, print),
            Self::Update(update) => update.run(console),
            Self::Remove(remove) => remove.run(console),
        }
    }
}

impl AddProjectCommand {
    fn run(self, console: &Console<'_>) -> Result<Exit, ApiError> {
        let add = AddProject { ingest_roots: self.roots.read(console)?, ..self.project };
        if self.dry_run {
            return console.run(ProposeProject(add), |proposal, output| {
                print(&proposal.project, output);
                output.line("\nthis is what would be registered; without `--dry-run` it is");
            });
        }
        console.run(add, |project, output| {
            print(project, output);
            output.advise(format!("\nregistered; `atocore refresh {}` reads its documents", project.id));
        })
    }
}

impl Update {
    fn run(self, console: &Console<'_>) -> Result<Exit, ApiError> {
        let Self { mut update, roots, no_aliases } = self;
        if no_aliases {
            update.aliases = Some(Vec::new());
        }
        update.ingest_roots = Some(roots.read(console)?).filter(|roots| !roots.is_empty());
        if update == (UpdateProject { name: update.name.clone(), ..UpdateProject::default() }) {
            return Err(ApiError::new(ErrorCode::InvalidRequest, "nothing was named that should change")
                .with_hint("give `--root`, `--alias`, `--no-aliases` or `--description`"));
        }
        console.run(update, print)
    }
}

impl Remove {
    fn run(self, console: &Console<'_>) -> Result<Exit, ApiError> {
        let Self { plan, yes } = self;
        if !yes {
            return console.run(plan, print_plan);
        }
        let name = plan.name.clone();
        let mut remove = RemoveProject { name, generation: None };
        let runner = Runner::for_operation(console.config, &remove, &Silent)?;
        remove.generation = Some(runner.run(plan, &Silent)?.generation.0);
        let removal = runner.run(remove, &Silent)?;
        console.output.answer(&removal, |removal, output| {
            output.line(format!(
                "removed {}: {} and {} forgotten, no file was touched",
                removal.removed,
                count(removal.documents, "document"),
                count(removal.chunks, "passage")
            ));
        });
        Ok(Exit::Done)
    }
}

impl RootArguments {
    /// The roots as they are sent: a folder of this machine is absolute, with the links that it was given with.
    fn read(&self, console: &Console<'_>) -> Result<Vec<RootRecord>, ApiError> {
        if self.labels.len() > self.roots.len() {
            let message = format!(
                "{} for {} were given",
                count(self.labels.len() as u64, "label"),
                count(self.roots.len() as u64, "root")
            );
            return Err(
                ApiError::new(ErrorCode::InvalidRequest, message).with_hint("give a `--root` for each")
            );
        }
        let labels = self.labels.iter().cloned().chain(std::iter::repeat(String::new()));
        self.roots.iter().zip(labels).map(|(root, label)| read_root(root, label, console)).collect()
    }
}

fn read_root(text: &str, label: String, console: &Console<'_>) -> Result<RootRecord, ApiError> {
    if let Some((source @ ("vault" | "drive"), subpath)) = text.split_once(':') {
        return Ok(RootRecord { source: source.to_owned(), subpath: subpath.to_owned(), label });
    }
    let unusable = |why: &str| {
        ApiError::new(ErrorCode::RootUnusable, format!("the folder `{}` cannot be a root: {why}", plain(text)))
            .with_hint("give an existing folder, `vault:SUB` below ATOCORE_VAULT_DIR, or `drive:SUB` below ATOCORE_DRIVE_DIR")
    };
    if text.is_empty() {
        return Err(unusable("the name is empty"));
    }
    let folder = existing(&console.path(text)).map_err(|error| unusable(&error.to_string()))?;
    let subpath = folder.to_str().ok_or_else(|| unusable("its name is not UTF-8"))?.to_owned();
    Ok(RootRecord { source: "folder".to_owned(), subpath, label })
}

/// The path of a folder that is there, without `.` and `..`. Its links stay, so that it is followed when they are
/// re-pointed, but for those before a `..`, which leads out of where they lead to.
fn existing(path: &Path) -> io::Result<PathBuf> {
    let _real = path.canonicalize()?;
    let parts: Vec<Component<'_>> = path.components().collect();
    let last = parts.iter().rposition(|part| *part == Component::ParentDir);
    let (before, after) = parts.split_at(last.map_or(0, |last| last + 1));
    let mut folder: PathBuf = before.iter().collect();
    if last.is_some() {
        folder = folder.canonicalize()?;
    }
    folder.extend(after);
    Ok(folder)
}

fn list_projects(list: ListProjects, console: &Console<'_>) -> Result<Exit, ApiError> {
    let list = console.ask(list)?;
    console.output.answer(&list, print_list);
    if !list.projects.is_empty() {
        return Ok(Exit::Done);
    }
    Ok(none_registered(&console.ask(Status {})?, console.output))
}

/// Says that no project is registered, and what helps when the store has documents.
pub(super) fn none_registered(status: &InstallationStatus, output: &Output) -> Exit {
    match &status.registry_problem {
        Some(problem) => {
            output.remark(format!(
                "problem: {}\n  hint: {}",
                plain(&problem.why),
                output.aimed(plain(&problem.hint))
            ));
            Exit::Problems
        }
        None if output.form() == Form::Human => {
            output.advise("no project is registered; `atocore project add ID --root FOLDER` registers one");
            Exit::Done
        }
        None => Exit::Done,
    }
}

fn print_list(list: &ProjectList, output: &Output) {
    if list.projects.is_empty() {
        return;
    }
    let mut table = Table::new(&["ID", "ALIASES", "ROOTS", "DESCRIPTION"]);
    for project in &list.projects {
        let roots: Vec<_> = project.roots.iter().map(root_text).collect();
        table.row([
            project.id.to_string(),
            plain(aliases(project)),
            roots.join(", "),
            plain(&project.description),
        ]);
    }
    output.table(&table);
}

fn print(project: &Project, output: &Output) {
    output.line(output.paint(Style::Bold, &project.id));
    let mut table = Table::bare();
    table.fact("about", plain(&project.description));
    table.fact("aliases", plain(aliases(project)));
    for root in &project.roots {
        let label = if root.label.is_empty() { String::new() } else { format!(" ({})", plain(&root.label)) };
        table.fact("root", format!("{}{label}", root_text(root)));
    }
    output.table(&table);
}

fn aliases(project: &Project) -> String {
    project.aliases.iter().map(Alias::as_str).collect::<Vec<_>>().join(", ")
}

fn print_plan(plan: &RemovalPlan, output: &Output) {
    print(&plan.project, output);
    output.advise(format!(
        "\nremoving it makes AtoCore forget {} and {}; the files stay where they are",
        count(plan.documents, "document"),
        count(plan.chunks, "passage")
    ));
    if plan.facts_kept > 0 {
        output.advise(format!(
            "{} about it stay, and are shown again when it is registered again",
            count(plan.facts_kept, "fact")
        ));
    }
    output.advise(format!("nothing was removed; `atocore project remove {} --yes` does it", plan.project.id));
}

/// A root as it is typed: `vault:SUB`, `drive:SUB`, or the folder.
pub(super) fn root_text(root: &Root) -> String {
    plain(&root.location)
}
