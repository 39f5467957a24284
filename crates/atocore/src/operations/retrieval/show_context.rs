use atocore_model::error::ErrorCode;

use super::ContextPack;
use crate::operations::prelude::*;

/// Shows the last context pack that this server has made, or one of the last 64 by its hash.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowContext {
    /// At least the first 6 digits of its hash.
    #[serde(default, deserialize_with = "lenient::text")]
    pub hash: Option<String>,
}

impl Operation for ShowContext {
    type Reply = ContextPack;
    const SPEC: Spec = Spec::get(super::TAG, "show_context", "/debug/context")
        .immediate()
        .answers("The pack as it was answered");

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        match context.server {
            Some(server) => server.packs.show(self.hash.as_deref()),
            None => {
                let message = "no server is running that could remember a context pack";
                Err(ApiError::new(ErrorCode::PackUnknown, message)
                    .with_hint("name a file with the JSON of one: `atocore --json context TEXT > FILE`"))
            }
        }
    }
}
