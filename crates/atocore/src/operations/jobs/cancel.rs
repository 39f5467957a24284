use super::{JobReport, jobs};
use crate::operations::prelude::*;

/// Cancels a job: it stops at the next safe place, and what was committed stays. One that has ended stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelJob {
    /// As it was given when the job was started.
    pub id: String,
}

impl Operation for CancelJob {
    type Reply = JobReport;
    const SPEC: Spec = Spec::delete(super::TAG, "cancel_job", "/admin/jobs/{id}")
        .immediate()
        .access(Needs::Read)
        .answers("The job; its state is `cancelled` once it has stopped");

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        jobs(context)?.cancel(&self.id)
    }
}
