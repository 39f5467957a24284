//! One log event and one measurement per request. Never a word of what was asked or found.

use std::time::Instant;

use axum::{
    extract::{MatchedPath, Request, State},
    http::StatusCode,
    middleware::Next,
    response::Response,
};

use super::failure::Failure;
use crate::app::App;

/// Measures a request and logs how it ended.
pub(super) async fn request(State(app): State<App>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().as_str().to_owned();
    // The pattern and not the path: a name in a path is the caller's own matter.
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let route = route.unwrap_or_else(|| "unknown".to_owned());
    let response = next.run(request).await;
    let took = started.elapsed();
    let status = response.status();
    app.metrics().answered(&method, &route, status.as_u16(), took);
    let took_ms = took.as_secs_f64() * 1000.0;
    log(&method, &route, status, took_ms, response.extensions().get::<Failure>());
    response
}

fn log(method: &str, route: &str, status: StatusCode, took_ms: f64, failure: Option<&Failure>) {
    let status_code = status.as_u16();
    match failure {
        None => tracing::debug!(method, route, status = status_code, took_ms, "request_finished"),
        Some(Failure(error)) if status.is_server_error() => {
            let (code, detail) = (error.code.as_str(), error.message.as_str());
            tracing::error!(method, route, status = status_code, took_ms, code, detail, "request_failed");
        }
        // What clients ask for by the way: whether something is there, or a stream that MCP need not have.
        Some(Failure(error)) if is_usual(status) => {
            let code = error.code.as_str();
            tracing::debug!(method, route, status = status_code, took_ms, code, "request_failed");
        }
        Some(Failure(error)) => {
            let code = error.code.as_str();
            tracing::warn!(method, route, status = status_code, took_ms, code, "request_failed");
        }
    }
}

fn is_usual(status: StatusCode) -> bool {
    matches!(status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::CONFLICT)
}
