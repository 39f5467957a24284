//! What a question or a prompt can be narrowed to and worded with, read from what was given.

use atocore_model::{
    document::conditions::DocumentConditions,
    error::ErrorCode,
    name::{QueryText, Tag},
    query::{PassageConditions, QueryRequest},
};

use super::super::{ApiError, fields, lenient};

/// What is said of documents.
#[derive(Debug)]
pub(super) struct GivenConditions<'g> {
    pub(super) tags: Option<&'g [String]>,
    pub(super) since: Option<&'g str>,
    pub(super) until: Option<&'g str>,
    pub(super) format: Option<String>,
    pub(super) title: Option<String>,
    pub(super) fields: Option<&'g [String]>,
}

impl GivenConditions<'_> {
    /// The conditions.
    pub(super) fn read(self) -> Result<DocumentConditions, ApiError> {
        Ok(DocumentConditions {
            tags: tags(self.tags.unwrap_or_default())?,
            since: fields::time("since", self.since)?,
            until: fields::time("until", self.until)?,
            format: self.format.map(fields::format).transpose()?,
            title: self.title.filter(|title| !title.is_empty()),
            fields: fields::read_all(
                "fields",
                self.fields.unwrap_or_default(),
                "give the name of a field and its value, `status=accepted`",
            )?,
        })
    }
}

/// What passages have to say, and must not.
pub(super) fn passages(
    contains: Option<&[String]>,
    excludes: Option<&[String]>,
) -> Result<PassageConditions, ApiError> {
    const HINT: &str = "give a word, or some that follow one another, or leave it out";
    Ok(PassageConditions {
        contains: few_texts("contains", contains, PassageConditions::MOST, HINT)?,
        excludes: few_texts("excludes", excludes, PassageConditions::MOST, HINT)?,
    })
}

/// What helps where a wording cannot be used.
const WORDING: &str = "give some words, or leave it out";

/// Other wordings.
pub(super) fn alternatives(given: Option<&[String]>) -> Result<Vec<QueryText>, ApiError> {
    few_texts("alternatives", given, QueryRequest::MOST_ALTERNATIVES, WORDING)
}

/// A text as the answer would be.
pub(super) fn hypothetical(given: Option<&str>) -> Result<Option<QueryText>, ApiError> {
    fields::read_any("hypothetical", given, WORDING)
}

fn few_texts(
    field: &str,
    given: Option<&[String]>,
    most: usize,
    hint: &str,
) -> Result<Vec<QueryText>, ApiError> {
    let given = given.unwrap_or_default();
    if given.len() > most {
        let message = format!("`{field}` has {} texts, {most} are allowed", given.len());
        return Err(ApiError::new(ErrorCode::InvalidRequest, message).with_hint("leave some of them out"));
    }
    fields::read_all(field, given, hint)
}

fn tags(given: &[String]) -> Result<Vec<Tag>, ApiError> {
    if given.len() > lenient::LONGEST_LIST {
        let message =
            format!("`filter_tags` has {} tags, {} are allowed", given.len(), lenient::LONGEST_LIST);
        let error = ApiError::new(ErrorCode::InvalidRequest, message);
        return Err(error.with_hint("a document must have every one of them: name fewer"));
    }
    fields::read_all("filter_tags", given, "a tag is one short line, as in the front matter of a document")
}
