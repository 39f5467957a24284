use atocore_engine::ProjectState;

use super::category;
use crate::operations::{prelude::*, projects::project_name};

/// Lists what is recorded of a project.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct ListState {
    /// The project, by id or alias.
    pub project: String,
    /// Only of this category.
    #[serde(default, deserialize_with = "lenient::text")]
    #[arg(long, value_name = "WORD")]
    pub category: Option<String>,
    /// Also what no longer holds.
    #[serde(default, deserialize_with = "lenient::or_default")]
    #[schema(value_type = Option<bool>)]
    #[arg(long)]
    pub all: bool,
}

impl Operation for ListState {
    type Reply = ProjectState;
    const SPEC: Spec = Spec::get(super::TAG, "list_state", "/project/state/{project}")
        .answers("The entries, by category and key");

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        let category = self.category.as_deref().filter(|text| !text.is_empty()).map(category).transpose()?;
        let project = project_name(&self.project)?;
        Ok(context.engine().project_state(&project, category.as_ref(), self.all)?)
    }
}
