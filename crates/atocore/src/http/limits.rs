//! How large the parts of a request may be. All that the head says is checked here, before anything is read; how
//! long a body gets that does not say so is seen where it is read, in `extract.rs`.

use std::{sync::Arc, time::Duration};

use atocore_model::error::ErrorCode;
use axum::{
    extract::{Request, State},
    http::{HeaderMap, header},
    middleware::Next,
    response::Response,
};
use tokio::sync::Semaphore;

use super::{
    extract::{BODY_LIMIT_BYTES, drain, too_large},
    failure::Failure,
    guarded_body::holding,
};
use crate::operations::ApiError;

/// The longest path with its query string.
pub const TARGET_LIMIT_BYTES: usize = 8 << 10;
/// The most header lines.
pub const HEADERS_LIMIT: usize = 64;
/// The largest head of a request: its first line and its headers.
pub const HEADERS_LIMIT_BYTES: usize = 64 << 10;

/// A larger body needs a place before it is read: what JSON becomes in memory is many times as large as itself.
const SMALL_BODY_BYTES: u64 = 16 << 10;
/// How many larger bodies are in memory at once.
const LARGE_BODIES: usize = 8;
/// How long a larger body waits for its place.
const PLACE_WITHIN: Duration = Duration::from_secs(10);

/// The places for large bodies; clones are the same ones.
#[derive(Debug, Clone)]
pub(super) struct Limits(Arc<Semaphore>);

impl Default for Limits {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(LARGE_BODIES)))
    }
}

/// Refuses a path or a body that is too long, and keeps a large body outside until there is a place for it. The connection itself
/// has the limits of the headers.
pub(super) async fn check(
    State(Limits(places)): State<Limits>,
    request: Request,
    next: Next,
) -> Result<Response, Failure> {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if target > TARGET_LIMIT_BYTES {
        let message = format!("the path with its query has {target} bytes, {TARGET_LIMIT_BYTES} are allowed");
        let error = ApiError::new(ErrorCode::InvalidRequest, message);
        return Err(Failure(error.with_hint("send long texts in the body of a `POST` request")));
    }
    if length(request.headers()).is_some_and(|length| length > BODY_LIMIT_BYTES as u64) {
        // A client that asks before it sends the body is told not to.
        if !request.headers().contains_key(header::EXPECT) {
            drop(tokio::spawn(drain(request.into_body())));
        }
        return Err(Failure(too_large()));
    }
    if !may_be_large(request.headers()) {
        return Ok(next.run(request).await);
    }
    let place = tokio::time::timeout(PLACE_WITHIN, places.acquire_owned()).await;
    let Ok(Ok(place)) = place else { return Err(Failure(ApiError::busy())) };
    Ok(holding(next.run(request).await, place))
}

/// Whether a body says that it is large, or does not say how large it is.
fn may_be_large(headers: &HeaderMap) -> bool {
    if headers.contains_key(header::TRANSFER_ENCODING) {
        return true;
    }
    headers.contains_key(header::CONTENT_LENGTH)
        && length(headers).is_none_or(|length| length > SMALL_BODY_BYTES)
}

/// How large a body says that it is.
fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_small_only_when_it_says_so() {
        let large = |name: header::HeaderName, value: &'static str| {
            may_be_large(&HeaderMap::from_iter([(name, value.parse().unwrap())]))
        };
        assert!(!may_be_large(&HeaderMap::new()) && !large(header::CONTENT_LENGTH, "16384"));
        assert!(large(header::CONTENT_LENGTH, "16385") && large(header::CONTENT_LENGTH, "many"));
        assert!(large(header::TRANSFER_ENCODING, "chunked"));
    }
}
