//! What the verbs about facts share: reading the words of a request.

use std::fmt::Display;

use atocore_model::{
    error::ErrorCode,
    fact::{Confidence, PageSize},
    name::ProjectName,
    text::is_harmful,
    time::Timestamp,
};

use super::{
    VerbError,
    projects::project_name,
    request::{Request, segment},
};

/// Reads a word of a request; `cure` says what is expected.
pub(super) fn read<T>(field: &str, text: &str, cure: &str) -> Result<T, VerbError>
where
    T: std::str::FromStr,
    T::Err: std::error::Error,
{
    text.parse().map_err(|error: T::Err| VerbError::invalid(field, &error, cure))
}

/// As [`read`], for a word that may be left out; empty is left out.
pub(super) fn read_any<T>(field: &str, text: Option<&str>, cure: &str) -> Result<Option<T>, VerbError>
where
    T: std::str::FromStr,
    T::Err: std::error::Error,
{
    text.filter(|text| !text.is_empty()).map(|text| read(field, text, cure)).transpose()
}

/// Refuses a new name with characters in it that make it look like another one. Names that were recorded with such a
/// character before can still be named.
pub(crate) fn plain_line(field: &str, text: &str) -> Result<(), VerbError> {
    let Some(c) = text.trim().chars().find(|c| is_harmful(*c)) else { return Ok(()) };
    let message =
        format!("`{field}` cannot be used: it has the invisible character U+{:04X} in it", u32::from(c));
    Err(VerbError::new(ErrorCode::InvalidRequest, message).with_hint("leave the character out"))
}

/// The project of a fact that may have none; empty is none.
pub(super) fn project(text: Option<&str>) -> Result<Option<ProjectName>, VerbError> {
    text.filter(|text| !text.is_empty()).map(project_name).transpose()
}

pub(super) fn confidence(value: Option<f64>) -> Result<Option<Confidence>, VerbError> {
    let cure = "give a number from 0 to 1, or leave it out";
    value.map(Confidence::new).transpose().map_err(|error| VerbError::invalid("confidence", &error, cure))
}

pub(super) fn limit(rows: Option<u64>) -> Result<PageSize, VerbError> {
    let cure = "give a number from 1 to 500, or leave it out for 50";
    rows.map_or(Ok(PageSize::DEFAULT), PageSize::new)
        .map_err(|error| VerbError::invalid("limit", &error, cure))
}

pub(super) fn since(text: Option<&str>) -> Result<Option<Timestamp>, VerbError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    Timestamp::parse_utc(text).map(Some).ok_or_else(|| {
        let shown: String = text.chars().take(80).flat_map(char::escape_debug).collect();
        VerbError::new(
            ErrorCode::InvalidRequest,
            format!("`since` cannot be used: `{shown}` is not a point in time"),
        )
        .with_hint(
            "give a date, `2026-04-06`, or a time, `2026-04-06T18:42:19+02:00`; without an offset it is UTC",
        )
    })
}

/// A request with those of these parameters that are given.
pub(super) fn get(path: &str, parameters: &[(&str, Option<String>)]) -> Request {
    let mut target = path.to_owned();
    let given = parameters.iter().filter_map(|(name, value)| value.as_ref().map(|value| (name, value)));
    for (index, (name, value)) in given.enumerate() {
        target.push(if index == 0 { '?' } else { '&' });
        target.push_str(&format!("{name}={}", segment(value)));
    }
    Request::new(axum::http::Method::GET, target)
}

/// A parameter as text.
pub(super) fn text<T: Display>(value: Option<&T>) -> Option<String> {
    value.map(ToString::to_string)
}
