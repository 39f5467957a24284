//! Asking a question.

use atocore_engine::{Caller, Engine};
use atocore_model::{
    id::Generation,
    monitor::Monitor,
    name::{QueryText, Tag},
    query::{self as model, ProjectHint, TopK},
    ranking::Mode,
};
use axum::http::Method;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Request, Verb, VerbError, lenient, projects::project_name};
use crate::wire;

/// Asks a question.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// Its words: not blank, at most 10,000 characters.
    #[schema(example = "how is the store restored")]
    pub query: String,
    /// How many hits at most: 1 to 200, 10 when left out.
    #[serde(default, deserialize_with = "lenient::number", skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 200, default = 10)]
    pub top_k: Option<u64>,
    /// Only documents that carry every one of these tags; `project` stands for `project/alpha` too.
    #[serde(default, deserialize_with = "lenient::list", skip_serializing_if = "Option::is_none")]
    pub filter_tags: Option<Vec<String>>,
    /// The project it is about, by its id or an alias: its passages are ranked higher.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// Whether nothing but the passages of `project` is searched.
    #[serde(default, deserialize_with = "lenient::or_default")]
    #[schema(value_type = Option<bool>)]
    pub scope: bool,
    /// Only documents whose path below their root matches this glob, or lies below this folder.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// How passages are found: `hybrid`, `dense` or `lexical`; the setting decides when it is left out.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    #[schema(example = "hybrid")]
    pub mode: Option<String>,
    /// Whether passages with the same text are hits of their own instead of copies of the best of them.
    #[serde(default, deserialize_with = "lenient::or_default")]
    #[schema(value_type = Option<bool>)]
    pub all_copies: bool,
    /// Whether every hit says how its score came about.
    #[serde(default, deserialize_with = "lenient::or_default")]
    #[schema(value_type = Option<bool>)]
    pub explain: bool,
    /// Answer only once this generation can be seen, so that a caller sees its own writes.
    #[serde(default, deserialize_with = "lenient::number", skip_serializing_if = "Option::is_none")]
    pub wait_generation: Option<u64>,
}

impl Verb for Query {
    type Reply = wire::Answer;
    const WRITES: bool = false;

    fn request(&self) -> Request {
        Request::new(Method::POST, "/query").with_body(self)
    }

    fn run(self, engine: &Engine, _: Caller, _: &dyn Monitor) -> Result<Self::Reply, VerbError> {
        let explain = self.explain;
        Ok(wire::Answer::new(engine.query(&self.try_into()?)?, explain))
    }
}

impl TryFrom<Query> for model::Query {
    type Error = VerbError;

    fn try_from(query: Query) -> Result<Self, VerbError> {
        let text = query.query.parse::<QueryText>();
        let text =
            text.map_err(|error| VerbError::invalid("query", &error, "say in some words what to look for"))?;
        let top_k = query.top_k.map_or(Ok(TopK::DEFAULT), TopK::new);
        let top_k = top_k.map_err(|error| {
            VerbError::invalid("top_k", &error, "give a number from 1 to 200, or leave it out for 10")
        })?;
        Ok(Self {
            text,
            top_k,
            project: hint(query.project.as_deref(), query.scope)?,
            tags: tags(query.filter_tags.as_deref().unwrap_or_default())?,
            path: query.path.filter(|path| !path.is_empty()),
            mode: query.mode.as_deref().map(mode).transpose()?,
            collapse: !query.all_copies,
            wait_for: query.wait_generation.map(Generation),
        })
    }
}

pub(super) fn hint(project: Option<&str>, scope: bool) -> Result<ProjectHint, VerbError> {
    match (project, scope) {
        (Some(name), true) => Ok(ProjectHint::Scope(project_name(name)?)),
        (Some(name), false) => Ok(ProjectHint::Boost(project_name(name)?)),
        (None, false) => Ok(ProjectHint::None),
        (None, true) => {
            let message = "`scope` needs a `project` to search in";
            Err(VerbError::new(atocore_model::error::ErrorCode::InvalidRequest, message)
                .with_hint("name the project, or leave `scope` out"))
        }
    }
}

pub(super) fn mode(given: &str) -> Result<Mode, VerbError> {
    let cure = "give `hybrid`, `dense` or `lexical`, or leave it out";
    given.parse().map_err(|error| VerbError::invalid("mode", &error, cure))
}

pub(super) fn tags(given: &[String]) -> Result<Vec<Tag>, VerbError> {
    let tag = |(index, text): (usize, &String)| {
        let cure = "a tag is one short line, as in the front matter of a document";
        text.parse().map_err(|error| VerbError::invalid(&format!("filter_tags[{index}]"), &error, cure))
    };
    if given.len() > lenient::LONGEST_LIST {
        let message =
            format!("`filter_tags` has {} tags, {} are allowed", given.len(), lenient::LONGEST_LIST);
        let error = VerbError::new(atocore_model::error::ErrorCode::InvalidRequest, message);
        return Err(error.with_hint("a document must have every one of them: name fewer"));
    }
    given.iter().enumerate().map(tag).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use atocore_model::error::ErrorCode;

    #[test]
    fn what_is_left_out_has_its_default() {
        let asked: Query = serde_json::from_str(r#"{"query":"restore"}"#).unwrap();
        assert_eq!(model::Query::try_from(asked).unwrap(), model::Query::new("restore".parse().unwrap()));
    }

    #[test]
    fn a_wrong_part_is_named_with_its_cure() {
        let with = |change: &str| {
            let mut asked = serde_json::json!({ "query": "restore" });
            let change: serde_json::Value = serde_json::from_str(change).unwrap();
            asked.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            model::Query::try_from(serde_json::from_value::<Query>(asked).unwrap())
        };
        let long = format!(r#"{{"query":"{}"}}"#, "x".repeat(10_001));
        for (named, change) in [
            ("`query`", r#"{"query":" \n"}"#),
            ("`query`", &long),
            ("`top_k`", r#"{"top_k":0}"#),
            ("`top_k`", r#"{"top_k":18446744073709551615}"#),
            ("`filter_tags[1]`", r#"{"filter_tags":["a",""]}"#),
            ("`scope`", r#"{"scope":true}"#),
            ("`mode`", r#"{"mode":"Hybrid"}"#),
        ] {
            let error = with(change).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidRequest);
            assert!(error.message.contains(named), "{error}");
            assert!(error.hint.is_some(), "{error}");
        }
    }

    #[test]
    fn the_request_reads_back() {
        let asked = Query { query: "x".to_owned(), top_k: Some(3), explain: true, ..Query::default() };
        let body = asked.request().body.unwrap();
        assert_eq!(serde_json::from_slice::<Query>(&body).unwrap(), asked);
    }
}
