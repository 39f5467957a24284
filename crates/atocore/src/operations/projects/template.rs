use crate::operations::prelude::*;

/// Shows a registry with one project in it, to be filled in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowTemplate {}

impl Operation for ShowTemplate {
    type Reply = wire::ProjectList;
    const SPEC: Spec =
        Spec::get(super::TAG, "show_project_template", "/projects/template").answers("The template");

    fn run(self, _: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        Ok(wire::ProjectList::template())
    }
}
