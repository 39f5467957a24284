//! Reading the fields of an operation that are text.

use atocore_engine::extract::Format;
use atocore_model::{
    error::ErrorCode,
    excerpt::DocumentRef,
    fact::{Confidence, PageSize, Source},
    name::ProjectName,
    text::{excerpt, is_harmful},
    time::Timestamp,
};

use super::{ApiError, projects::project_name};

/// Reads a field; `hint` says what is expected.
pub(super) fn read<T>(field: &str, text: &str, hint: &str) -> Result<T, ApiError>
where
    T: std::str::FromStr,
    T::Err: std::error::Error,
{
    text.parse().map_err(|error: T::Err| ApiError::invalid(field, &error, hint))
}

/// Reads every text of a list; the one that cannot be used is named by its place.
pub(super) fn read_all<T>(field: &str, texts: &[String], hint: &str) -> Result<Vec<T>, ApiError>
where
    T: std::str::FromStr,
    T::Err: std::error::Error,
{
    texts.iter().enumerate().map(|(index, text)| read(&format!("{field}[{index}]"), text, hint)).collect()
}

/// As [`read`], for a field that may be left out; empty is left out.
pub(super) fn read_any<T>(field: &str, text: Option<&str>, hint: &str) -> Result<Option<T>, ApiError>
where
    T: std::str::FromStr,
    T::Err: std::error::Error,
{
    text.filter(|text| !text.is_empty()).map(|text| read(field, text, hint)).transpose()
}

/// Refuses a new name with characters in it that make it look like another one. Names that were recorded with such a
/// character before can still be named.
pub(crate) fn plain_line(field: &str, text: &str) -> Result<(), ApiError> {
    let Some(c) = text.trim().chars().find(|c| is_harmful(*c)) else { return Ok(()) };
    let message =
        format!("`{field}` cannot be used: it has the invisible character U+{:04X} in it", u32::from(c));
    Err(ApiError::new(ErrorCode::InvalidRequest, message).with_hint("leave the character out"))
}

/// The project of a fact that may have none; empty is none.
pub(super) fn project(text: Option<&str>) -> Result<Option<ProjectName>, ApiError> {
    text.filter(|text| !text.is_empty()).map(project_name).transpose()
}

pub(super) fn source(text: &str) -> Result<Source, ApiError> {
    read("source", text, "a source is a path, an address or a name, at most 1,000 characters")
}

pub(super) fn confidence(value: Option<f64>) -> Result<Option<Confidence>, ApiError> {
    let hint = "give a number from 0 to 1, or leave it out";
    value.map(Confidence::new).transpose().map_err(|error| ApiError::invalid("confidence", &error, hint))
}

/// The name of a format; one that there is not would find nothing, and nobody would know why.
pub(super) fn format(name: String) -> Result<String, ApiError> {
    let names: Vec<&str> = Format::all().chain([Format::Converted]).map(Format::as_str).collect();
    if names.contains(&name.as_str()) {
        return Ok(name);
    }
    let message = format!("`format` cannot be used: there is no format `{name}`");
    Err(ApiError::new(ErrorCode::InvalidRequest, message)
        .with_hint(format!("give one of {}", names.join(", "))))
}

/// A document by its id or that of a passage; with a project, by its path below a root of it.
pub(super) fn document(text: &str, project: Option<&str>) -> Result<DocumentRef, ApiError> {
    let place = |project| {
        let path = read("path", text, "give the path below the root, as a query shows it")?;
        Ok(DocumentRef::Place { project, path })
    };
    match self::project(project)? {
        // An id is no path that anybody has, and needs no project.
        Some(project) if text.parse::<DocumentRef>().is_err() => place(project),
        _ => read("document", text, "a query gives the ids of what it finds; or name a path and its project"),
    }
}

pub(super) fn limit(rows: Option<u64>) -> Result<PageSize, ApiError> {
    let hint = "give a number from 1 to 500, or leave it out for 50";
    rows.map_or(Ok(PageSize::DEFAULT), PageSize::new)
        .map_err(|error| ApiError::invalid("limit", &error, hint))
}

/// The number that the page before ended with: SQLite counts to 2^63.
pub(super) fn after_number(after: Option<u64>) -> Result<Option<u64>, ApiError> {
    match after.filter(|after| i64::try_from(*after).is_err()) {
        None => Ok(after),
        Some(after) => {
            let message = format!("`after` cannot be used: nothing has the number {after}");
            Err(ApiError::new(ErrorCode::InvalidRequest, message)
                .with_hint("give the `next` of the page before"))
        }
    }
}

/// A point in time; empty is left out.
pub(super) fn time(field: &str, text: Option<&str>) -> Result<Option<Timestamp>, ApiError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    Timestamp::parse_utc(text).map(Some).ok_or_else(|| {
        let shown = excerpt(text);
        ApiError::new(
            ErrorCode::InvalidRequest,
            format!("`{field}` cannot be used: `{shown}` is not a point in time"),
        )
        .with_hint(
            "give a date, `2026-04-06`, or a time, `2026-04-06T18:42:19+02:00`; without an offset it is UTC",
        )
    })
}
