use atocore_engine::UnresolvedLinks;

use super::projects::project_name;
use crate::operations::prelude::*;

/// Lists the links of a project that lead to no document of it
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct ListUnresolvedLinks {
    /// The project, by its id or an alias.
    pub project: String,
    /// How many at most: 1 to 500, 50 when left out.
    #[serde(default, deserialize_with = "lenient::number")]
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
}

impl Operation for ListUnresolvedLinks {
    type Reply = UnresolvedLinks;
    const SPEC: Spec = Spec::get("projects", "list_unresolved_links", "/projects/{project}/unresolved-links")
        .answers("The first of them, and how many there are");

    fn project(&self) -> Option<&str> {
        Some(&self.project)
    }

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        let project = project_name(&self.project)?;
        Ok(context.engine().unresolved_links(&project, fields::limit(self.limit)?)?)
    }
}
