//! Projects: list, show, register, change, and remove in two steps.

use atocore_engine::{self as engine, Caller, Engine};
use atocore_model::{
    error::ErrorCode,
    id::{Generation, ProjectId},
    monitor::Monitor,
    name::{Alias, ProjectName},
    project::{self as model, RootLocation},
};
use axum::http::Method;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Request, Verb, VerbError, plain_line, request::segment};
use crate::wire;

const ID_FORM: &str = "an id has lower-case letters, digits and single hyphens: `field-notes`";
const ALIAS_FORM: &str = "an alias is one short line without slashes: `Field Notes`";
const ROOT_FORM: &str = "a root has a `source`, `vault` or `drive`, and a `subpath` below it without `..`";

/// Words below `/projects` in the API that stand for no project.
const PATHS: [&str; 3] = ["template", "proposal", "register"];

/// Lists every project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListProjects;

/// Shows one project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShowProject {
    /// Its id or an alias, in any case.
    pub name: String,
}

/// Registers a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddProject {
    /// Its stable id: lower-case kebab-case, at most 64 characters. Clients of the original may say `project_id`.
    #[schema(example = "field-notes")]
    #[serde(alias = "project_id")]
    pub id: String,
    /// Other names for it.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// One or two sentences for a person.
    #[serde(default)]
    pub description: String,
    /// Where its documents lie; at least one.
    #[serde(default)]
    pub ingest_roots: Vec<wire::Root>,
}

/// Checks a project as registering it would, and registers nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposeProject(pub AddProject);

/// Shows what the registry looks like with one project in it, to be filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShowTemplate;

/// Changes a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateProject {
    /// Its id or an alias, in any case.
    pub name: String,
    /// What becomes different.
    pub change: ProjectChange,
}

/// What becomes different about a project; what is left out stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectChange {
    /// All its other names from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aliases: Option<Vec<String>>,
    /// Its description from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// All its roots from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ingest_roots: Option<Vec<wire::Root>>,
}

/// Says what removing a project would delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanRemoval {
    /// Its id or an alias, in any case.
    pub name: String,
}

/// Removes a project and what the store holds of it; the files stay where they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoveProject {
    /// Its id or an alias, in any case.
    pub name: String,
    /// The generation of the plan that was read; refused when the store has moved on. Without it, as things are now.
    pub generation: Option<u64>,
}

impl Verb for ListProjects {
    type Reply = wire::ProjectList;
    const WRITES: bool = false;

    fn request(&self) -> Request {
        Request::new(Method::GET, "/projects")
    }

    fn run(self, engine: &Engine, _: Caller, _: &dyn Monitor) -> Result<Self::Reply, VerbError> {
        Ok(engine.projects()?.into())
    }
}

impl Verb for ShowProject {
    type Reply = wire::Project;
    const WRITES: bool = false;

    fn request(&self) -> Request {
        Request::new(Method::GET, project_path(&self.name))
    }

    fn run(self, engine: &Engine, _: Caller, _: &dyn Monitor) -> Result<Self::Reply, VerbError> {
        Ok(engine.project(&project_name(&self.name)?)?.into())
    }
}

impl Verb for AddProject {
    type Reply = wire::Project;
    const WRITES: bool = true;

    fn request(&self) -> Request {
        Request::new(Method::POST, "/projects").with_body(self)
    }

    fn check(&self) -> Result<(), VerbError> {
        self.clone().project().map(drop)
    }

    fn run(self, engine: &Engine, caller: Caller, _: &dyn Monitor) -> Result<Self::Reply, VerbError> {
        let project = engine.add_project(self.project()?, caller)?;
        tracing::info!(project = project.id.as_str(), "project_registered");
        Ok(project.into())
    }
}

impl AddProject {
    fn project(self) -> Result<model::Project, VerbError> {
        Ok(model::Project {
            id: self
                .id
                .parse::<ProjectId>()
                .map_err(|error| VerbError::invalid("id", &error, ID_FORM))
                .and_then(|id| not_a_path("id", &self.id).map(|()| id))?,
            aliases: aliases(&self.aliases)?,
            description: self.description,
            roots: roots(self.ingest_roots)?,
        })
    }
}

impl Verb for ProposeProject {
    type Reply = wire::ProjectProposal;
    const WRITES: bool = false;

    fn request(&self) -> Request {
        Request::new(Method::POST, "/projects/proposal").with_body(&self.0)
    }

    fn run(self, engine: &Engine, caller: Caller, _: &dyn Monitor) -> Result<Self::Reply, VerbError> {
        let project = self.0.project()?;
        let sources = engine.propose_project(&project, caller)?;
        Ok(wire::ProjectProposal {
            project: project.into(),
            sources: sources.into_iter().map(wire::Source::from).collect(),
        })
    }
}

impl Verb for ShowTemplate {
    type Reply = wire::ProjectList;
    const WRITES: bool = false;

    fn request(&self) -> Request {
        Request::new(Method::GET, "/projects/template")
    }

    fn run(self, _: &Engine, _: Caller, _: &dyn Monitor) -> Result<Self::Reply, VerbError> {
        Ok(wire::ProjectList::template())
    }
}

impl Verb for UpdateProject {
    type Reply = wire::Project;
    const WRITES: bool = true;

    fn request(&self) -> Request {
        Request::new(Method::PUT, project_path(&self.name)).with_body(&self.change)
    }

    fn check(&self) -> Result<(), VerbError> {
        project_name(&self.name).map(drop)
    }

    fn project(&self) -> Option<&str> {
        Some(&self.name)
    }

    fn run(self, engine: &Engine, caller: Caller, _: &dyn Monitor) -> Result<Self::Reply, VerbError> {
        let change = engine::ProjectChange {
            aliases: self.change.aliases.as_deref().map(aliases).transpose()?,
            description: self.change.description,
            roots: self.change.ingest_roots.map(roots).transpose()?,
        };
        let project = engine.update_project(&project_name(&self.name)?, change, caller)?;
        tracing::info!(project = project.id.as_str(), "project_updated");
        Ok(project.into())
    }
}

impl Verb for PlanRemoval {
    type Reply = wire::RemovalPlan;
    const WRITES: bool = false;

    fn request(&self) -> Request {
        Request::new(Method::GET, format!("{}/removal", project_path(&self.name)))
    }

    fn check(&self) -> Result<(), VerbError> {
        project_name(&self.name).map(drop)
    }

    fn project(&self) -> Option<&str> {
        Some(&self.name)
    }

    fn run(self, engine: &Engine, _: Caller, _: &dyn Monitor) -> Result<Self::Reply, VerbError> {
        Ok(engine.plan_removal(&project_name(&self.name)?)?.into())
    }
}

impl Verb for RemoveProject {
    type Reply = wire::Removal;
    const WRITES: bool = true;

    fn request(&self) -> Request {
        let path = project_path(&self.name);
        let of_plan = self.generation.map(|generation| format!("?generation={generation}"));
        Request::new(Method::DELETE, path + of_plan.as_deref().unwrap_or_default())
    }

    fn check(&self) -> Result<(), VerbError> {
        project_name(&self.name).map(drop)
    }

    fn project(&self) -> Option<&str> {
        Some(&self.name)
    }

    fn run(self, engine: &Engine, caller: Caller, _: &dyn Monitor) -> Result<Self::Reply, VerbError> {
        let mut plan = engine.plan_removal(&project_name(&self.name)?)?;
        if let Some(generation) = self.generation {
            // What was read before; the engine refuses it when it no longer holds.
            plan.generation = Generation(generation);
        }
        engine.remove_project(&plan, caller)?;
        let (documents, chunks) = (plan.documents, plan.chunks);
        tracing::info!(project = plan.project.id.as_str(), documents, chunks, "project_removed");
        Ok(plan.into())
    }
}

/// The name of a project as a caller gave it.
pub(super) fn project_name(text: &str) -> Result<ProjectName, VerbError> {
    let cure = "`atocore project list` shows every id and alias";
    text.parse().map_err(|error| VerbError::invalid("project", &error, cure))
}

fn project_path(name: &str) -> String {
    match (PATHS.contains(&name), name.split_at_checked(1)) {
        // A registry can have such a name all the same. Spelt like this the path leads to the project.
        (true, Some((first, rest))) => format!("/projects/%{:02X}{rest}", first.as_bytes()[0]),
        _ => format!("/projects/{}", segment(name)),
    }
}

fn aliases(given: &[String]) -> Result<Vec<Alias>, VerbError> {
    let alias = |(index, text): (usize, &String)| {
        let field = format!("aliases[{index}]");
        let alias = text.parse().map_err(|error| VerbError::invalid(&field, &error, ALIAS_FORM))?;
        plain_line(&field, text)?;
        not_a_path(&field, text).map(|()| alias)
    };
    given.iter().enumerate().map(alias).collect()
}

/// Refuses a name under which the API could not reach the project.
fn not_a_path(field: &str, name: &str) -> Result<(), VerbError> {
    match PATHS.iter().find(|path| path.eq_ignore_ascii_case(name.trim())) {
        None => Ok(()),
        Some(path) => {
            let why = format!("`{field}` cannot be used: `/projects/{path}` is another thing in the API");
            Err(VerbError::new(ErrorCode::InvalidRequest, why).with_hint("choose another word"))
        }
    }
}

fn roots(given: Vec<wire::Root>) -> Result<Vec<model::Root>, VerbError> {
    let root = |(index, root): (usize, wire::Root)| {
        let location = RootLocation::from_parts(&root.source, &root.subpath)
            .map_err(|error| VerbError::invalid(&format!("ingest_roots[{index}]"), &error, ROOT_FORM))?;
        Ok(model::Root { location, label: root.label })
    };
    given.into_iter().enumerate().map(root).collect()
}
