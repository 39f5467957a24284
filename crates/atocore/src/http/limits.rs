//! How large the parts of a request may be, checked before anything is read.

use atocore_model::error::ErrorCode;
use axum::{extract::Request, middleware::Next, response::Response};

use super::failure::Failure;
use crate::verb::VerbError;

/// The largest body that is read.
pub const BODY_LIMIT_BYTES: usize = 1 << 20;
/// The longest path with its query string.
pub const TARGET_LIMIT_BYTES: usize = 8 << 10;
/// The most header lines.
pub const HEADERS_LIMIT: usize = 64;
/// The largest head of a request: its first line and its headers.
pub const HEADERS_LIMIT_BYTES: usize = 64 << 10;

/// Refuses a path that is too long. The connection itself has the limits of the headers.
pub(super) async fn check(request: Request, next: Next) -> Result<Response, Failure> {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if target > TARGET_LIMIT_BYTES {
        let message = format!("the path with its query has {target} bytes, {TARGET_LIMIT_BYTES} are allowed");
        return Err(Failure(VerbError::new(ErrorCode::InvalidRequest, message)));
    }
    Ok(next.run(request).await)
}
