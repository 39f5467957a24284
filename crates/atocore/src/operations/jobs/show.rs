use super::{JobReport, jobs};
use crate::operations::prelude::*;

/// Shows a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowJob {
    /// As it was given when the job was started.
    pub id: String,
}

impl Operation for ShowJob {
    type Reply = JobReport;
    const SPEC: Spec = Spec::get(super::TAG, "show_job", "/admin/jobs/{id}")
        .immediate()
        .answers("Where it stands, or what came of it");

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        jobs(context)?.show(&self.id)
    }
}
