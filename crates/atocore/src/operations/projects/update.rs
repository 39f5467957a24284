use atocore_engine::ProjectChange;
use atocore_model::project::{Project, RootRecord};

use super::{aliases, project_name, roots};
use crate::operations::prelude::*;

/// Changes a project; what is left out stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct UpdateProject {
    /// Id or alias, in any case.
    pub name: String,
    /// All its other names from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[arg(long = "alias", value_name = "A")]
    pub aliases: Option<Vec<String>>,
    /// Its description from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "D")]
    pub description: Option<String>,
    /// All its roots from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[arg(skip)]
    pub ingest_roots: Option<Vec<RootRecord>>,
}

impl Operation for UpdateProject {
    type Reply = Project;
    const SPEC: Spec = Spec::put(super::TAG, "update_project", "/projects/{name}")
        .answers("The project as it is registered now");

    fn check(&self) -> Result<(), ApiError> {
        project_name(&self.name).map(drop)
    }

    fn project(&self) -> Option<&str> {
        Some(&self.name)
    }

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        let change = ProjectChange {
            aliases: self.aliases.as_deref().map(aliases).transpose()?,
            description: self.description,
            roots: self.ingest_roots.map(roots).transpose()?,
        };
        let project = context.engine().update_project(&project_name(&self.name)?, change, context.caller)?;
        tracing::info!(project = project.id.as_str(), "project_updated");
        Ok(project)
    }
}
