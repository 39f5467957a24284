use atocore_model::fact::FactChange;

use crate::operations::prelude::*;

/// Takes the last change of a fact back. That is a change too, and can be taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct ReverseChange {
    /// The number of the change.
    pub number: u64,
}

impl Operation for ReverseChange {
    type Reply = FactChange;
    const SPEC: Spec = Spec::post(super::TAG, "reverse_change", "/facts/changes/{number}/reverse")
        .answers("The change that took it back")
        .body(Body::None);

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        let change = context.engine().reverse_change(self.number, context.caller)?;
        tracing::info!(reversed = self.number, number = change.number, "fact_change_reversed");
        Ok(change.into())
    }
}
