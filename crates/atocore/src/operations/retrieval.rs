//! Questions, documents and context packs.

mod build_context;
mod conditions;
mod pack;
mod query;
mod read_document;
mod read_document_at;
mod show_context;

use atocore_model::{
    error::ErrorCode,
    excerpt::{DocumentRef, LineRange, MaxChars, Reading},
    fit::Fit,
    query::ProjectHint,
    ranking::Mode,
};
use clap::builder::PossibleValuesParser;

pub use build_context::BuildContext;
pub use pack::{ContextPack, ContextPackItem, PackChange, PackDiff, PackPassage};
pub use query::Query;
pub use read_document::{DocumentText, ReadDocument};
pub use read_document_at::ReadDocumentAt;
pub use show_context::ShowContext;

use super::{ApiError, projects::project_name};

/// The group that these are listed in.
const TAG: &str = "retrieval";

fn hint(project: Option<&str>, scope: bool) -> Result<ProjectHint, ApiError> {
    match (project, scope) {
        (Some(name), true) => Ok(ProjectHint::Scope(project_name(name)?)),
        (Some(name), false) => Ok(ProjectHint::Boost(project_name(name)?)),
        (None, false) => Ok(ProjectHint::None),
        (None, true) => {
            let message = "`scope` needs a `project` to search in";
            Err(ApiError::new(ErrorCode::InvalidRequest, message)
                .with_hint("name the project, or leave `scope` out"))
        }
    }
}

/// What a command takes for a parameter that can only be one of some words.
fn words(words: &'static [&'static str]) -> PossibleValuesParser {
    PossibleValuesParser::new(words)
}

fn mode(given: &str) -> Result<Mode, ApiError> {
    let hint = "give `hybrid`, `dense` or `lexical`, or leave it out";
    given.parse().map_err(|error| ApiError::invalid("mode", &error, hint))
}

fn min_fit(given: Option<f64>) -> Result<Option<Fit>, ApiError> {
    let hint = "give a number from 0 to 1, or leave it out";
    given.map(Fit::new).transpose().map_err(|error| ApiError::invalid("min_fit", &error, hint))
}

/// The lines of a document that are asked for.
fn reading(document: DocumentRef, lines: Option<&str>, max_chars: Option<u64>) -> Result<Reading, ApiError> {
    let lines = lines.map(str::parse::<LineRange>).transpose().map_err(|error| {
        ApiError::invalid("lines", &error, "give `10-40`, `10-` or `10`, counted from 1, or leave it out")
    })?;
    let limit = max_chars.map_or(Ok(MaxChars::DEFAULT), MaxChars::new).map_err(|error| {
        ApiError::invalid("max_chars", &error, "give a number from 1 to 200000, or leave it out for 20000")
    })?;
    Ok(Reading { document, lines, limit })
}
