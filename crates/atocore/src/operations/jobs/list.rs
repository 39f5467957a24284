use super::{JobList, jobs};
use crate::operations::prelude::*;

/// Lists the jobs of this server, the newest first: those at work, and the last that ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListJobs {}

impl Operation for ListJobs {
    type Reply = JobList;
    const SPEC: Spec =
        Spec::get(super::TAG, "list_jobs", "/admin/jobs").immediate().answers("Without results");

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        Ok(JobList { jobs: jobs(context)?.list() })
    }
}
