use serde_json::json;

use super::ProjectList;
use crate::operations::prelude::*;

/// Shows a registry with one project in it, to be filled in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowTemplate {}

impl Operation for ShowTemplate {
    type Reply = ProjectList;
    const SPEC: Spec =
        Spec::get(super::TAG, "show_project_template", "/projects/template").answers("The template");

    fn run(self, _: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        Ok(ProjectList::template())
    }
}

impl ProjectList {
    /// A registry with one project, to be filled in.
    fn template() -> Self {
        let project = json!({
            "id": "field-notes",
            "aliases": ["Field Notes"],
            "description": "What was seen and measured outside.",
            "ingest_roots": [{ "source": "vault", "subpath": "notes/field", "label": "Field notes" }],
        });
        Self { projects: serde_json::from_value(project).into_iter().collect() }
    }
}
