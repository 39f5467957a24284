//! `project add`, `list`, `show`, `update`, `remove`.

use std::path::Path;

use atocore_model::{error::ErrorCode, monitor::Silent};
use clap::{Args, Subcommand};

use super::{
    exit::Exit,
    output::{Form, Output, Style},
    typeset::{Table, count, plain},
};
use crate::{
    config::{Config, Environment},
    operations::{
        AddProject, ApiError, ListProjects, PlanRemoval, ProposeProject, RemoveProject, ShowProject,
        UpdateProject,
    },
    session::Session,
    wire,
};

#[derive(Debug, Subcommand)]
pub(super) enum Projects {
    /// Registers a project
    Add(Add),
    /// Lists every project
    List,
    /// Shows one project
    Show {
        /// Its id or an alias, in any case
        name: String,
    },
    /// Changes a project; what is not named stays
    Update(Update),
    /// Says what removing a project would delete; with --yes, removes it
    Remove(Remove),
}

#[derive(Debug, Args)]
pub(super) struct Add {
    /// Its stable id: lower-case letters, digits and single hyphens
    id: String,
    #[command(flatten)]
    roots: Roots,
    /// Another name for it; can be given several times
    #[arg(long = "alias", value_name = "A")]
    aliases: Vec<String>,
    /// One or two sentences about it
    #[arg(long, value_name = "D", default_value = "")]
    description: String,
    /// Says what would be registered, and registers nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Args)]
struct Roots {
    /// A folder of documents: a path, `vault:SUB` or `drive:SUB`; can be given several times
    #[arg(long = "root", value_name = "PATH")]
    roots: Vec<String>,
    /// A word about a root: the first for the first --root, and so on
    #[arg(long = "label", value_name = "WORD", requires = "roots")]
    labels: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct Update {
    /// Its id or an alias, in any case
    name: String,
    #[command(flatten)]
    roots: Roots,
    /// Another name for it, in place of all it has; can be given several times
    #[arg(long = "alias", value_name = "A")]
    aliases: Vec<String>,
    /// Takes all other names away
    #[arg(long, conflicts_with = "aliases")]
    no_aliases: bool,
    /// One or two sentences about it
    #[arg(long, value_name = "D")]
    description: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Remove {
    /// Its id or an alias, in any case
    name: String,
    /// Removes it
    #[arg(long)]
    yes: bool,
}

impl Projects {
    pub(super) fn run(
        self,
        config: &Config,
        environment: &Environment,
        output: &Output,
    ) -> Result<Exit, ApiError> {
        match self {
            Self::Add(add) => add.run(config, environment, output),
            Self::List => list(config, output),
            Self::Show { name } => {
                let project = Session::looking(config)?.run(ShowProject { name }, &Silent)?;
                print(&project, output);
                Ok(Exit::Done)
            }
            Self::Update(update) => update.run(config, environment, output),
            Self::Remove(remove) => remove.run(config, output),
        }
    }
}

impl Add {
    fn run(self, config: &Config, environment: &Environment, output: &Output) -> Result<Exit, ApiError> {
        let ingest_roots = self.roots.read(&environment.current_dir)?;
        let Self { id, aliases, description, dry_run, .. } = self;
        let activity = format!("register {}", plain(&id));
        let add = AddProject { id, aliases, description, ingest_roots };
        if dry_run {
            return propose(add, config, output);
        }
        let project = Session::write(config, &activity, add, &Silent)?;
        print(&project, output);
        if output.form() == Form::Human {
            output.advise(format!("\nregistered; `atocore refresh {}` reads its documents", project.id));
        }
        Ok(Exit::Done)
    }
}

fn propose(project: AddProject, config: &Config, output: &Output) -> Result<Exit, ApiError> {
    let proposal = Session::looking(config)?.run(ProposeProject(project), &Silent)?;
    if output.form() == Form::Json {
        output.json(&proposal);
        return Ok(Exit::Done);
    }
    print(&proposal.project, output);
    output.line("\nthis is what would be registered; without `--dry-run` it is");
    Ok(Exit::Done)
}

impl Update {
    fn run(self, config: &Config, environment: &Environment, output: &Output) -> Result<Exit, ApiError> {
        let roots = self.roots.read(&environment.current_dir)?;
        let update = UpdateProject {
            name: self.name,
            aliases: (self.no_aliases || !self.aliases.is_empty()).then_some(self.aliases),
            description: self.description,
            ingest_roots: (!roots.is_empty()).then_some(roots),
        };
        if update == (UpdateProject { name: update.name.clone(), ..UpdateProject::default() }) {
            return Err(ApiError::new(ErrorCode::InvalidRequest, "nothing was named that should change")
                .with_hint("give `--root`, `--alias`, `--no-aliases` or `--description`"));
        }
        let activity = format!("update {}", plain(&update.name));
        let project = Session::write(config, &activity, update, &Silent)?;
        print(&project, output);
        Ok(Exit::Done)
    }
}

impl Remove {
    fn run(self, config: &Config, output: &Output) -> Result<Exit, ApiError> {
        let Self { name, yes } = self;
        if !yes {
            let plan = Session::looking(config)?.run(PlanRemoval { name }, &Silent)?;
            return Ok(show_plan(&plan, output));
        }
        Session::refuse(config, &PlanRemoval { name: name.clone() })?;
        let session = Session::writing(config, &format!("remove {}", plain(&name)), &Silent)?;
        let plan = session.run(PlanRemoval { name: name.clone() }, &Silent)?;
        let removal = session.run(RemoveProject { name, generation: Some(plan.generation) }, &Silent)?;
        match output.form() {
            Form::Json => output.json(&removal),
            Form::Human => output.line(format!(
                "removed {}: {} and {} forgotten, no file was touched",
                removal.removed,
                count(removal.documents, "document"),
                count(removal.chunks, "passage")
            )),
        }
        Ok(Exit::Done)
    }
}

impl Roots {
    /// The roots as they are sent: a folder of this machine is absolute and without links on the way.
    fn read(&self, current_dir: &Path) -> Result<Vec<wire::Root>, ApiError> {
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
        self.roots.iter().zip(labels).map(|(root, label)| read_root(root, label, current_dir)).collect()
    }
}

fn read_root(text: &str, label: String, current_dir: &Path) -> Result<wire::Root, ApiError> {
    if let Some((source @ ("vault" | "drive"), subpath)) = text.split_once(':') {
        return Ok(wire::Root { source: source.to_owned(), subpath: subpath.to_owned(), label });
    }
    let unusable = |why: &str| {
        ApiError::new(ErrorCode::RootUnusable, format!("the folder `{}` cannot be a root: {why}", plain(text)))
            .with_hint("give an existing folder, `vault:SUB` below ATOCORE_VAULT_DIR, or `drive:SUB` below ATOCORE_DRIVE_DIR")
    };
    if text.is_empty() {
        return Err(unusable("the name is empty"));
    }
    let folder = current_dir.join(text).canonicalize().map_err(|error| unusable(&error.to_string()))?;
    let subpath = folder.to_str().ok_or_else(|| unusable("its name is not UTF-8"))?.to_owned();
    Ok(wire::Root { source: "folder".to_owned(), subpath, label })
}

fn list(config: &Config, output: &Output) -> Result<Exit, ApiError> {
    let list = Session::looking(config)?.run(ListProjects {}, &Silent)?;
    if output.form() == Form::Json {
        output.json(&list);
        return Ok(Exit::Done);
    }
    if list.projects.is_empty() {
        output.advise("no project is registered; `atocore project add ID --root FOLDER` registers one");
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["ID", "ALIASES", "ROOTS", "DESCRIPTION"]);
    for project in &list.projects {
        let roots: Vec<_> = project.ingest_roots.iter().map(root_text).collect();
        table.row([
            project.id.clone(),
            plain(&project.aliases.join(", ")),
            roots.join(", "),
            plain(&project.description),
        ]);
    }
    for (index, line) in table.lines(output.width()).iter().enumerate() {
        output.line(if index == 0 { output.paint(Style::Dim, line) } else { line.clone() });
    }
    Ok(Exit::Done)
}

fn print(project: &wire::Project, output: &Output) {
    if output.form() == Form::Json {
        output.json(project);
        return;
    }
    output.line(output.paint(Style::Bold, &project.id));
    let mut table = Table::bare();
    let mut part = |name: &str, value: String| {
        if !value.is_empty() {
            table.row([format!("  {name}"), value]);
        }
    };
    part("about", plain(&project.description));
    part("aliases", plain(&project.aliases.join(", ")));
    for root in &project.ingest_roots {
        let label = if root.label.is_empty() { String::new() } else { format!(" ({})", plain(&root.label)) };
        part("root", format!("{}{label}", root_text(root)));
    }
    for line in table.lines(output.width()) {
        output.line(line);
    }
}

fn show_plan(plan: &wire::RemovalPlan, output: &Output) -> Exit {
    if output.form() == Form::Json {
        output.json(plan);
        return Exit::Done;
    }
    print(&plan.project, output);
    output.line(format!(
        "\nremoving it makes AtoCore forget {} and {}; the files stay where they are",
        count(plan.documents, "document"),
        count(plan.chunks, "passage")
    ));
    if plan.facts_kept > 0 {
        output.line(format!(
            "{} about it stay, and are shown again when it is registered again",
            count(plan.facts_kept, "fact")
        ));
    }
    output.advise(format!("nothing was removed; `atocore project remove {} --yes` does it", plan.project.id));
    Exit::Done
}

/// A root as it is typed: `vault:SUB`, `drive:SUB`, or the folder.
pub(super) fn root_text(root: &wire::Root) -> String {
    match root.source.as_str() {
        "folder" => plain(&root.subpath),
        source => format!("{source}:{}", plain(&root.subpath)),
    }
}
