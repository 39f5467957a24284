use atocore_model::{fact::Interaction, id::InteractionId};

use super::ID_FORM;
use crate::operations::prelude::*;

/// Shows an interaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct ShowInteraction {
    /// Its id.
    pub id: String,
}

impl Operation for ShowInteraction {
    type Reply = Interaction;
    const SPEC: Spec =
        Spec::get(super::TAG, "show_interaction", "/interactions/{id}").answers("The interaction");

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        let id: InteractionId = fields::read("id", &self.id, ID_FORM)?;
        Ok(context.engine().interaction(&id)?)
    }
}
