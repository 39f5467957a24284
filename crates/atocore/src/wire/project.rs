//! Projects as JSON: the shape of the registry file.

use atocore_engine as engine;
use atocore_model::project as model;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A registered project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Project {
    /// The stable id: lower-case kebab-case.
    #[schema(example = "field-notes")]
    pub id: String,
    /// Other names, each of which stands for the id everywhere, in any case.
    pub aliases: Vec<String>,
    /// One or two sentences for a person.
    pub description: String,
    /// Where its documents lie.
    pub ingest_roots: Vec<Root>,
}

/// One folder of documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Root {
    /// `vault` or `drive`; `folder` for any other folder, which only the owner of the machine can register.
    #[schema(example = "vault")]
    pub source: String,
    /// The path below the vault or drive; the absolute path of a folder.
    #[schema(example = "notes/field")]
    pub subpath: String,
    /// A word for a person; may be empty.
    #[serde(default)]
    pub label: String,
}

/// Every registered project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProjectList {
    /// The projects, in the order of the registry.
    pub projects: Vec<Project>,
}

/// A project that could be registered as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProjectProposal {
    /// The project as it would be registered.
    pub project: Project,
    /// The folders that its roots stand for.
    pub sources: Vec<super::Source>,
}

/// What removing a project would delete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RemovalPlan {
    /// The project.
    pub project: Project,
    /// Documents that the store would forget; the files stay where they are.
    pub documents: u64,
    /// Passages that go with them.
    pub chunks: u64,
    /// Facts about it, which stay and are shown again when it is registered again.
    pub facts_kept: u64,
    /// The generation of the store that the plan was made for.
    pub generation: u64,
}

/// A removal that was carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Removal {
    /// The id of the project that is gone.
    pub removed: String,
    /// Documents that the store forgot.
    pub documents: u64,
    /// Passages that went with them.
    pub chunks: u64,
}

impl ProjectList {
    /// A registry with one project, to be filled in.
    #[must_use]
    pub fn template() -> Self {
        let root = Root {
            source: "vault".to_owned(),
            subpath: "notes/field".to_owned(),
            label: "Field notes".to_owned(),
        };
        let project = Project {
            id: "field-notes".to_owned(),
            aliases: vec!["Field Notes".to_owned()],
            description: "What was seen and measured outside.".to_owned(),
            ingest_roots: vec![root],
        };
        Self { projects: vec![project] }
    }
}

impl From<model::Project> for Project {
    fn from(project: model::Project) -> Self {
        Self {
            id: project.id.to_string(),
            aliases: project.aliases.iter().map(ToString::to_string).collect(),
            description: project.description,
            ingest_roots: project.roots.into_iter().map(Root::from).collect(),
        }
    }
}

impl From<model::Root> for Root {
    fn from(root: model::Root) -> Self {
        Self {
            source: root.location.source().to_owned(),
            subpath: root.location.subpath(),
            label: root.label,
        }
    }
}

impl From<Vec<model::Project>> for ProjectList {
    fn from(projects: Vec<model::Project>) -> Self {
        Self { projects: projects.into_iter().map(Project::from).collect() }
    }
}

impl From<engine::RemovalPlan> for RemovalPlan {
    fn from(plan: engine::RemovalPlan) -> Self {
        Self {
            project: plan.project.into(),
            documents: plan.documents,
            chunks: plan.chunks,
            facts_kept: plan.facts_kept,
            generation: plan.generation.0,
        }
    }
}

impl From<engine::RemovalPlan> for Removal {
    fn from(plan: engine::RemovalPlan) -> Self {
        Self { removed: plan.project.id.to_string(), documents: plan.documents, chunks: plan.chunks }
    }
}
