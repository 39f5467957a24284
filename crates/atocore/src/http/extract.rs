//! Reading the parts of a request. What cannot be read is named, with its place.

use std::{error::Error, time::Duration};

use atocore_model::error::ErrorCode;
use axum::{
    Json,
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::{HeaderMap, Uri, header, request::Parts},
};
use http_body_util::BodyExt;
use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeOwned},
};

use super::{failure::Failure, limits::BODY_LIMIT_BYTES};
use crate::{verb::VerbError, wire::json::mend_surrogates};

/// How much of a body beyond the limit is read and thrown away, so that the client gets to see the answer.
const DRAIN_LIMIT_BYTES: usize = 32 << 20;
/// How long a body may take to arrive.
const ARRIVES_WITHIN: Duration = Duration::from_secs(30);

/// The JSON of the body; a body must be there, and a query string must say nothing.
pub(super) struct Body<T>(pub(super) T);

/// A body and a query string that say nothing: a request that is taken for another one does harm.
pub(super) struct Nothing;

/// A body that says nothing.
pub(super) struct NoBody;

/// No key at all.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoKeys {}

/// The JSON of the body, or `None` when the body is empty or `null`.
pub(super) struct OptionalBody<T>(pub(super) Option<T>);

/// The part of the path that names something.
pub(super) struct Name(pub(super) String);

/// The part of the path that is a number.
pub(super) struct Number(pub(super) u64);

/// The query string.
pub(super) struct Params<T>(pub(super) T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        no_keys_in(request.uri())?;
        let bytes = read(request).await?;
        if bytes.is_empty() {
            let error =
                VerbError::new(ErrorCode::InvalidRequest, "the body is empty, a JSON object is expected");
            return Err(Failure(error.with_hint("`GET /openapi.json` describes the body of every request")));
        }
        Ok(Self(parse(&bytes)?))
    }
}

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for OptionalBody<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let bytes = read(request).await?;
        if bytes.iter().all(u8::is_ascii_whitespace) { Ok(Self(None)) } else { Ok(Self(parse(&bytes)?)) }
    }
}

impl<S: Sync> FromRequest<S> for Nothing {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        no_keys_in(request.uri())?;
        let NoBody = NoBody::from_request(request, state).await?;
        Ok(Self)
    }
}

impl<S: Sync> FromRequest<S> for NoBody {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let OptionalBody::<Option<NoKeys>>(_) = OptionalBody::from_request(request, state).await?;
        Ok(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let name = Path::<String>::from_request_parts(parts, state).await;
        let Path(name) = name.map_err(|rejection| invalid("the path", &rejection))?;
        Ok(Self(name))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Number {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let number = Path::<u64>::from_request_parts(parts, state).await;
        let Path(number) = number.map_err(|rejection| invalid("the path", &rejection))?;
        Ok(Self(number))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let params = Query::<T>::from_request_parts(parts, state).await;
        let Query(params) = params.map_err(|rejection| invalid("the query string", &rejection))?;
        Ok(Self(params))
    }
}

fn no_keys_in(uri: &Uri) -> Result<(), Failure> {
    match Query::<NoKeys>::try_from_uri(uri) {
        Ok(_) => Ok(()),
        Err(rejection) => Err(invalid("the query string", &rejection)),
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    // A list would be taken for the values of an object in the order of its keys.
    let blank = bytes.len() - bytes.trim_ascii_start().len();
    if bytes.get(blank) == Some(&b'[') {
        let line = bytes[..blank].iter().filter(|byte| **byte == b'\n').count() + 1;
        let message = format!("the body cannot be used: it is a list at line {line}, an object is expected");
        let error = VerbError::new(ErrorCode::InvalidRequest, message);
        return Err(Failure(error.with_hint("`GET /openapi.json` describes every request")));
    }
    let Json(value) = Json::from_bytes(bytes).map_err(|rejection| invalid("the body", &rejection))?;
    Ok(value)
}

/// The innermost cause names the key, the line and the column; what stands around it repeats that it failed.
fn invalid(part: &str, rejection: &dyn Error) -> Failure {
    let mut innermost = rejection;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    let error = VerbError::new(ErrorCode::InvalidRequest, format!("{part} cannot be used: {innermost}"));
    Failure(error.with_hint("`GET /openapi.json` describes every request"))
}

/// Reads the whole body within its limits. A body that is not empty must be JSON by its content type.
async fn read(request: Request) -> Result<Vec<u8>, Failure> {
    let (parts, body) = request.into_parts();
    read_body(&parts.headers, body).await
}

/// As for every request, for a handler that reads the JSON itself.
pub(crate) async fn read_body(headers: &HeaderMap, body: axum::body::Body) -> Result<Vec<u8>, Failure> {
    if let Some(coding) = headers.get(header::CONTENT_ENCODING).filter(|coding| *coding != "identity") {
        let coding = String::from_utf8_lossy(coding.as_bytes());
        let message = format!("the body is encoded as `{}`, which is not read", coding.escape_debug());
        let error = VerbError::new(ErrorCode::MediaType, message);
        return Err(Failure(error.with_hint("send it as it is, without the header `Content-Encoding`")));
    }
    let bytes = tokio::time::timeout(ARRIVES_WITHIN, bounded(body)).await;
    let bytes = bytes.unwrap_or_else(|_| {
        let seconds = ARRIVES_WITHIN.as_secs();
        Err(VerbError::new(
            ErrorCode::InvalidRequest,
            format!("the body did not arrive within {seconds} seconds"),
        ))
    });
    let mut bytes = bytes.map_err(Failure)?;
    mend_surrogates(&mut bytes);
    if !bytes.is_empty() && !is_json(headers) {
        let given = headers.get(header::CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()));
        let given = given.map_or("no content type".to_owned(), |given| format!("the content type `{given}`"));
        let error = VerbError::new(ErrorCode::MediaType, format!("the body has {given}, JSON is expected"));
        return Err(Failure(error.with_hint("send it with the header `Content-Type: application/json`")));
    }
    Ok(bytes)
}

async fn bounded(mut body: axum::body::Body) -> Result<Vec<u8>, VerbError> {
    let (mut bytes, mut size) = (Vec::new(), 0_usize);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            VerbError::new(ErrorCode::InvalidRequest, format!("the body did not arrive whole: {error}"))
        })?;
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
        let message = format!("the body has more than {BODY_LIMIT_BYTES} bytes, which is the limit");
        return Err(VerbError::new(ErrorCode::RequestTooLarge, message));
    }
    Ok(bytes)
}

/// `application/json`, or any other type that is JSON by its suffix, whatever its parameters.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(Ok(value)) = headers.get(header::CONTENT_TYPE).map(|value| value.to_str()) else { return false };
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// Reads a flag of the query string in the spellings that clients use.
pub(super) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(Some(true)),
        "false" | "0" | "no" | "off" => Ok(Some(false)),
        _ => Err(de::Error::custom(format!("`{}` is not `true` or `false`", text.escape_debug()))),
    }
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
