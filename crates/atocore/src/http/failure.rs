//! From an error to an HTTP answer.

use std::any::Any;

use atocore_model::error::{ErrorCode, ErrorKind};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri, header},
    response::IntoResponse,
};

use crate::operations::{ApiError, Problem, status};

/// When to ask again while somebody else is at work, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("2");

/// The most bytes that an error of a library is read of.
const MOST_SAID: usize = 4096;

/// An error on its way out. The error itself travels with the answer, for the log.
#[derive(Debug, Clone)]
pub(crate) struct Failure(pub(super) ApiError);

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response<Body> {
        let status = status(self.0.code);
        let problem = Problem::new(&self.0);
        let mut headers = HeaderMap::new();
        let media_type = HeaderValue::from_static(Problem::MEDIA_TYPE);
        drop(headers.insert(header::CONTENT_TYPE, media_type));
        if self.0.kind() == ErrorKind::Busy || self.0.code == ErrorCode::GenerationNotReached {
            drop(headers.insert(header::RETRY_AFTER, RETRY_AFTER));
        }
        if status == StatusCode::UNAUTHORIZED {
            drop(headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
        }
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = (status, headers, body).into_response();
        drop(response.extensions_mut().insert(self));
        response
    }
}

/// No such path.
pub(super) async fn route_unknown(uri: Uri) -> Failure {
    let path: String = uri.path().chars().take(200).collect();
    let error = ApiError::new(ErrorCode::RouteUnknown, format!("the API has no route `{path}`"));
    Failure(error.with_hint("`GET /openapi.json` describes every path"))
}

/// There is no place for the client.
pub(super) async fn overloaded() -> Failure {
    Failure(ApiError::busy())
}

/// The path is there, the method is not; the header `Allow` says which are.
pub(super) async fn method_unknown(method: Method, uri: Uri) -> Failure {
    let message = format!("`{}` does not take {method}", uri.path());
    let error = ApiError::new(ErrorCode::MethodUnknown, message);
    Failure(error.with_hint("the header `Allow` of this answer names the methods it takes"))
}

/// A handler panicked. What it said is not for the client.
pub(super) fn panicked(_: Box<dyn Any + Send>) -> Response<Body> {
    Failure(ApiError::fault()).into_response()
}

/// An error of a library, which is no JSON, with what it said as one of ours. The others stay as they are.
pub(super) async fn in_json(response: Response<Body>) -> Response<Body> {
    let status = response.status();
    let is_json = |kind: &HeaderValue| kind.as_bytes().ends_with(b"json");
    let is_error = status.is_client_error() || status.is_server_error();
    if !is_error || response.headers().get(header::CONTENT_TYPE).is_some_and(is_json) {
        return response;
    }
    let code = match status {
        StatusCode::NOT_FOUND => ErrorCode::RouteUnknown,
        StatusCode::METHOD_NOT_ALLOWED => ErrorCode::MethodUnknown,
        StatusCode::NOT_ACCEPTABLE => ErrorCode::NotAcceptable,
        StatusCode::PAYLOAD_TOO_LARGE => ErrorCode::RequestTooLarge,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ErrorCode::MediaType,
        _ if status.is_client_error() => ErrorCode::InvalidRequest,
        _ => return Failure(ApiError::fault()).into_response(),
    };
    let said = axum::body::to_bytes(response.into_body(), MOST_SAID).await.unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    let reason = status.canonical_reason().unwrap_or_default();
    let message = if said.is_empty() { reason } else { &said };
    let error = ApiError::new(code, message);
    Failure(error.with_hint("`GET /openapi.json` describes every request")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_the_status_of_an_error() {
        for code in ErrorCode::ALL {
            let status = status(*code);
            assert!(status.is_client_error() || status.is_server_error(), "{code:?}");
            let response = Failure(ApiError::new(*code, "x")).into_response();
            assert_eq!(response.status(), status);
            assert_eq!(response.headers()[header::CONTENT_TYPE], Problem::MEDIA_TYPE);
        }
    }

    #[test]
    fn busy_says_when_to_come_back() {
        let busy = Failure(ApiError::new(ErrorCode::StoreBusy, "x")).into_response();
        assert_eq!(busy.headers()[header::RETRY_AFTER], RETRY_AFTER);
        let cancelled = Failure(ApiError::new(ErrorCode::Cancelled, "x")).into_response();
        assert_eq!(cancelled.headers().get(header::RETRY_AFTER), None);
    }
}
