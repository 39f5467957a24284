//! An error as JSON: problem details of RFC 9457, and its HTTP status.

use atocore_model::error::{ErrorCode, ErrorKind};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ApiError;

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// The code as a URI: `urn:atocore:error:` and the code.
    #[serde(rename = "type")]
    #[schema(example = "urn:atocore:error:project_unknown")]
    pub type_uri: String,
    /// The code in words.
    #[schema(example = "project unknown")]
    pub title: String,
    /// The HTTP status.
    #[schema(example = 404)]
    pub status: u16,
    /// What failed and on what, in one sentence for a person.
    #[schema(example = "no project has the id or alias `nots`")]
    pub detail: String,
    /// The stable word that clients match on; all of them are in `docs/errors.md`.
    #[schema(example = "project_unknown")]
    pub code: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Problem {
    /// The media type of this JSON.
    pub const MEDIA_TYPE: &'static str = "application/problem+json";

    /// The JSON of `error`.
    #[must_use]
    pub fn new(error: &ApiError) -> Self {
        let code = error.code.as_str();
        Self {
            type_uri: format!("urn:atocore:error:{code}"),
            title: code.replace('_', " "),
            status: status(error.code).as_u16(),
            detail: error.message.clone(),
            code: code.to_owned(),
            hint: error.hint.clone(),
        }
    }
}

/// The HTTP status of an error. Its kind decides; four codes have a status of their own.
#[must_use]
pub const fn status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::MethodUnknown => return StatusCode::METHOD_NOT_ALLOWED,
        ErrorCode::NotAcceptable => return StatusCode::NOT_ACCEPTABLE,
        ErrorCode::TokenRequired => return StatusCode::UNAUTHORIZED,
        ErrorCode::StoreGone => return StatusCode::SERVICE_UNAVAILABLE,
        _ => {}
    }
    match code.kind() {
        ErrorKind::Usage => StatusCode::BAD_REQUEST,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::Forbidden => StatusCode::FORBIDDEN,
        ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorKind::UnsupportedMedia => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ErrorKind::Busy | ErrorKind::Cancelled => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Full => StatusCode::INSUFFICIENT_STORAGE,
        ErrorKind::Broken => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
