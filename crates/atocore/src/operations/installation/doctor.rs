use atocore_engine::{Finding, Level};

use crate::operations::prelude::*;

/// Checks everything that can be checked without changing anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct Doctor {}

/// Everything that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Diagnosis {
    /// Whether nothing is broken; warnings do not count.
    pub ok: bool,
    /// The checks, in the order they were made.
    pub checks: Vec<Finding>,
}

impl Operation for Doctor {
    type Reply = Diagnosis;
    const SPEC: Spec = Spec::get(super::TAG, "doctor", "/doctor").answers("Every check with its hint");

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        let mut checks = context.engine().doctor();
        checks.extend(context.server.and_then(|server| server.following.finding()));
        Ok(Diagnosis { ok: checks.iter().all(|finding| finding.level != Level::Problem), checks })
    }
}
