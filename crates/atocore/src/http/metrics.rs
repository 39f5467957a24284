//! `/metrics`.

use axum::{
    extract::{Request, State},
    http::header,
    response::IntoResponse,
};

use super::{failure::Failure, serve::Client};
use crate::{app::App, metrics::MEDIA_TYPE, operations::Status};

/// Measurements for Prometheus, in the OpenMetrics text format.
#[utoipa::path(get, path = "/metrics", operation_id = "metrics", tag = "installation",
    responses((status = 200, description = "The measurements", body = String,
        content_type = "application/openmetrics-text")))]
pub(super) async fn show(State(app): State<App>, request: Request) -> Result<impl IntoResponse, Failure> {
    let client = Client::of(&request.into_parts().0);
    // Why there is no status is in the log of that request.
    let status = app.run(client.caller, Status {}).await;
    Ok(([(header::CONTENT_TYPE, MEDIA_TYPE)], app.metrics().text(status)?))
}
