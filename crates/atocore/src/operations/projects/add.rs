use atocore_model::{
    id::ProjectId,
    project::{Project, RootRecord},
};

use super::{aliases, not_a_path, roots};
use crate::operations::prelude::*;

const ID_FORM: &str = "an id has lower-case letters, digits and single hyphens: `field-notes`";

/// Registers a project.
///
/// Over the network a root is below the vault or the drive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct AddProject {
    /// Its stable id: lower-case kebab-case, at most 64 characters.
    ///
    /// Clients of the original may say `project_id`.
    #[schema(example = "field-notes")]
    #[serde(alias = "project_id")]
    pub id: String,
    /// Other names for it.
    #[serde(default)]
    #[arg(long = "alias", value_name = "A")]
    pub aliases: Vec<String>,
    /// One or two sentences for a person.
    #[serde(default)]
    #[arg(long, value_name = "D", default_value_t, hide_default_value = true)]
    pub description: String,
    /// Where its documents lie; at least one.
    #[serde(default)]
    #[arg(skip)]
    pub ingest_roots: Vec<RootRecord>,
}

impl Operation for AddProject {
    type Reply = Project;
    const SPEC: Spec = Spec::post(super::TAG, "add_project", "/projects")
        .answers("The project as it is registered")
        .status(201)
        .also(&[Route::new("register_project", Method::Post, "/projects/register")]);

    fn check(&self) -> Result<(), ApiError> {
        self.checked().map(drop)
    }

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        let project = context.engine().add_project(self.checked()?, context.caller)?;
        tracing::info!(project = project.id.as_str(), "project_registered");
        Ok(project)
    }
}

impl AddProject {
    /// The project that it says.
    pub(super) fn checked(&self) -> Result<Project, ApiError> {
        let id = self.id.parse::<ProjectId>().map_err(|error| ApiError::invalid("id", &error, ID_FORM))?;
        not_a_path("id", &self.id)?;
        Ok(Project {
            id,
            aliases: aliases(&self.aliases)?,
            description: self.description.clone(),
            roots: roots(self.ingest_roots.clone())?,
        })
    }
}
