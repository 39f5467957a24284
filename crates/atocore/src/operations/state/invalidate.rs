use atocore_model::fact::StateEntry;

use super::{category, key};
use crate::operations::{prelude::*, projects::project_name};

/// Says that an entry no longer holds; it stays, with every value it had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct InvalidateState {
    /// The project, by its id or an alias.
    #[schema(example = "field-notes")]
    pub project: String,
    /// The category of the entry.
    #[schema(example = "decision")]
    pub category: String,
    /// Its key.
    #[schema(example = "database")]
    pub key: String,
}

impl Operation for InvalidateState {
    type Reply = StateEntry;
    const SPEC: Spec = Spec::delete(super::TAG, "invalidate_state", "/project/state")
        .answers("The entry as it is now")
        .body(Body::Required);

    fn check(&self) -> Result<(), ApiError> {
        let _project = project_name(&self.project)?;
        let _category = category(&self.category)?;
        key(&self.key).map(drop)
    }

    fn project(&self) -> Option<&str> {
        Some(&self.project)
    }

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        let project = project_name(&self.project)?;
        let (category, key) = (category(&self.category)?, key(&self.key)?);
        let entry = context.engine().invalidate_state(&project, &category, &key, context.caller)?;
        tracing::info!(project = entry.project.as_str(), id = entry.id.as_str(), "project_state_invalidated");
        Ok(entry)
    }
}
