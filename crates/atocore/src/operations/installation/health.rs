use atocore_engine as engine;

use crate::operations::prelude::*;

/// Says whether the server answers, and which program it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Health {}

/// The version of the program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit the program was built from, or `unknown`.
pub const BUILD: &str = env!("SOURCE_COMMIT");

/// Whether the server answers, and which program it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HealthReport {
    /// `ok`, or `degraded` while the work of a worker fails or the state of the schedule cannot be written; `store_damaged`, or the code of another error, when the store
    /// cannot be used: the status of the answer is 503 then.
    #[schema(example = "ok")]
    pub status: String,
    /// The version of the program.
    pub version: String,
    /// The commit it was built from, or `unknown`.
    pub build: String,
    /// What is known of the installation.
    #[serde(flatten)]
    pub health: engine::InstallationHealth,
}

impl Operation for Health {
    type Reply = HealthReport;
    const SPEC: Spec = Spec::get(super::TAG, "health", "/health")
        .immediate()
        .answers("The server answers, and nothing is known to be wrong with the store")
        .or(503, "The store cannot be used: `store_problem` says why");

    fn status(reply: &Self::Reply) -> u16 {
        if reply.health.store_problem.is_none() { 200 } else { 503 }
    }

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        Ok(context.engine().health()?.into())
    }
}

impl From<engine::InstallationHealth> for HealthReport {
    fn from(health: engine::InstallationHealth) -> Self {
        let failing =
            health.workers.iter().any(|worker| worker.failure.is_some()) || health.schedule_problem.is_some();
        let status = match &health.store_problem {
            Some(problem) => problem.code.as_str(),
            None if failing => "degraded",
            None => "ok",
        };
        Self { status: status.to_owned(), version: VERSION.to_owned(), build: BUILD.to_owned(), health }
    }
}
