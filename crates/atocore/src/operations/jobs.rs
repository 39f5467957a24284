//! The long work of a server.

mod cancel;
mod list;
mod show;

use atocore_model::error::ErrorCode;

pub use cancel::CancelJob;
pub use list::ListJobs;
pub use show::ShowJob;

use super::{ApiError, Context};
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
