//! Reading the parts of a request. What cannot be read is named, with its place.

use std::{error::Error, time::Duration};

use atocore_model::error::ErrorCode;
use axum::http::{HeaderMap, header};
use http_body_util::BodyExt;
use serde::Deserialize;

use super::failure::Failure;
use crate::operations::{ApiError, json_text::mend};

/// The largest body that is read.
pub const BODY_LIMIT_BYTES: usize = 1 << 20;
/// How much of a body beyond the limit is read and thrown away, so that the client gets to see the answer.
const DRAIN_LIMIT_BYTES: usize = 32 << 20;
/// How long the next piece of a refused body is waited for.
const DRAINS_WITHIN: Duration = Duration::from_secs(1);
/// How long a body may take to arrive.
const ARRIVES_WITHIN: Duration = Duration::from_secs(30);

/// No key at all.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoKeys {}

/// Whether a body says nothing.
pub(super) fn is_blank(body: &[u8]) -> bool {
    let text = body.trim_ascii();
    text.is_empty() || text == b"null"
}

/// Refuses a body that says something: a request that is taken for another one does harm.
pub(super) fn no_keys(body: &[u8]) -> Result<(), Failure> {
    if is_blank(body) {
        return Ok(());
    }
    refuse_list(body)?;
    serde_json::from_slice::<NoKeys>(body).map(drop).map_err(|error| invalid("the body", &error))
}

/// Refuses a list, which would be taken for the values of an object in the order of its keys.
pub(super) fn refuse_list(body: &[u8]) -> Result<(), Failure> {
    let blank = body.len() - body.trim_ascii_start().len();
    if body.get(blank) != Some(&b'[') {
        return Ok(());
    }
    let line = body[..blank].iter().filter(|byte| **byte == b'\n').count() + 1;
    let message = format!("the body cannot be used: it is a list at line {line}, an object is expected");
    let error = ApiError::new(ErrorCode::InvalidRequest, message);
    Err(Failure(error.with_hint("`GET /openapi.json` describes every request")))
}

/// The innermost cause names the key, the line and the column; what stands around it repeats that it failed.
pub(super) fn invalid(part: &str, rejection: &dyn Error) -> Failure {
    let mut innermost = rejection;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    let error = ApiError::new(ErrorCode::InvalidRequest, format!("{part} cannot be used: {innermost}"));
    Failure(error.with_hint("`GET /openapi.json` describes every request"))
}

/// Reads the whole body within its limits. A body that is not empty must be JSON by its content type.
pub(crate) async fn read_body(headers: &HeaderMap, body: axum::body::Body) -> Result<Vec<u8>, Failure> {
    if let Some(coding) = headers.get(header::CONTENT_ENCODING).filter(|coding| *coding != "identity") {
        let coding = String::from_utf8_lossy(coding.as_bytes());
        let message = format!("the body is encoded as `{}`, which is not read", coding.escape_debug());
        let error = ApiError::new(ErrorCode::MediaType, message);
        return Err(Failure(error.with_hint("send it as it is, without the header `Content-Encoding`")));
    }
    let bytes = tokio::time::timeout(ARRIVES_WITHIN, bounded(body)).await;
    let bytes = bytes.unwrap_or_else(|_| {
        let seconds = ARRIVES_WITHIN.as_secs();
        Err(not_whole(&format!("within {seconds} seconds")))
    });
    let mut bytes = bytes.map_err(Failure)?;
    mend(&mut bytes);
    if !bytes.is_empty() && !is_json(headers) {
        let given = headers.get(header::CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()));
        let given = given.map_or("no content type".to_owned(), |given| format!("the content type `{given}`"));
        let error = ApiError::new(ErrorCode::MediaType, format!("the body has {given}, JSON is expected"));
        return Err(Failure(error.with_hint("send it with the header `Content-Type: application/json`")));
    }
    Ok(bytes)
}

async fn bounded(mut body: axum::body::Body) -> Result<Vec<u8>, ApiError> {
    let (mut bytes, mut size) = (Vec::new(), 0_usize);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| not_whole(&format!("whole: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        size = size.saturating_add(data.len());
        if size > DRAIN_LIMIT_BYTES {
            break;
        }
        if size <= BODY_LIMIT_BYTES {
            bytes.extend_from_slice(&data);
        }
    }
    if size > BODY_LIMIT_BYTES {
        return Err(too_large());
    }
    Ok(bytes)
}

fn not_whole(how: &str) -> ApiError {
    ApiError::new(ErrorCode::InvalidRequest, format!("the body did not arrive {how}"))
        .with_hint("send as many bytes as the header `Content-Length` says")
}

/// The body is larger than any that is read.
pub(super) fn too_large() -> ApiError {
    let message = format!("the body has more than {BODY_LIMIT_BYTES} bytes, which is the limit");
    ApiError::new(ErrorCode::RequestTooLarge, message).with_hint("send it in several smaller requests")
}

/// Throws away what arrives of a body that was refused: a client that sends all of it first would not see the answer.
pub(super) async fn drain(mut body: axum::body::Body) {
    let drained = async {
        let mut size = 0;
        while let Ok(Some(Ok(frame))) = tokio::time::timeout(DRAINS_WITHIN, body.frame()).await {
            size += frame.data_ref().map_or(0, |data| data.len());
            if size > DRAIN_LIMIT_BYTES {
                break;
            }
        }
    };
    drop(tokio::time::timeout(ARRIVES_WITHIN, drained).await);
}

/// `application/json`, or any other type that is JSON by its suffix, whatever its parameters.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(Ok(value)) = headers.get(header::CONTENT_TYPE).map(|value| value.to_str()) else { return false };
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_known_by_its_type() {
        let is_json_type = |value: &str| {
            let mut headers = HeaderMap::new();
            drop(headers.insert(header::CONTENT_TYPE, value.parse().unwrap()));
            is_json(&headers)
        };
        for good in ["application/json", "Application/JSON; charset=utf-8", "application/ld+json"] {
            assert!(is_json_type(good), "{good}");
        }
        for bad in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "json", ""] {
            assert!(!is_json_type(bad), "{bad}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }
}
