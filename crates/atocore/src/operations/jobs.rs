//! The long work of a server.

mod cancel;
mod list;
mod show;

use atocore_model::{error::ErrorCode, monitor::Progress};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

pub use cancel::CancelJob;
pub use list::ListJobs;
pub use show::ShowJob;

use super::{ApiError, Context, Problem};
use crate::jobs::Jobs;

/// The group that these are listed in.
const TAG: &str = "jobs";

/// The jobs of the server.
fn jobs<'a>(context: &Context<'a>) -> Result<&'a Jobs, ApiError> {
    context.server.map(|server| &server.jobs).ok_or_else(|| {
        ApiError::new(ErrorCode::JobUnknown, "no server is running, so there are no jobs")
            .with_hint("`atocore serve` starts one")
    })
}

/// A piece of long work of a server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobReport {
    /// Its id, unique among the jobs of all servers of this installation.
    pub id: String,
    /// What is done: `refresh`, `validate`, `validate_all`, `drill`, `snapshot`, `restore`, `embed`, `prune`, …
    #[schema(example = "validate")]
    pub verb: String,
    /// What it is done to, a stamp or the name of a project; null when there is nothing to name.
    pub subject: Option<String>,
    /// `queued`, `running`, `done`, `failed` or `cancelled`.
    #[schema(example = "running")]
    pub state: String,
    /// Whether it was started in the background, so that nobody waits for it.
    pub background: bool,
    /// Whether it was cancelled and has not stopped yet.
    pub cancelling: bool,
    /// When it was asked for: ISO 8601 with offset.
    pub queued_at: String,
    /// When it began; null while it waits for others.
    pub started_at: Option<String>,
    /// When it ended; null until then.
    pub ended_at: Option<String>,
    /// Where it stands, or where it stood last.
    pub progress: Option<Progress>,
    /// What came of it, the same as is answered when it is waited for; null until it is done, in lists, and when somebody
    /// waited for it.
    #[schema(value_type = Value)]
    pub result: Option<Value>,
    /// Why it failed or that it was cancelled; null when neither.
    pub error: Option<Problem>,
}

/// The jobs of a server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobList {
    /// The newest first: every one that is at work, and the last that ended.
    pub jobs: Vec<JobReport>,
}
