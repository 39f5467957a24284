use atocore_model::{
    id::Generation,
    name::QueryText,
    query::{Answer, Hit, QueryRequest, TopK},
    ranking::Mode,
};

use super::{
    conditions::{self, GivenConditions},
    hint, min_fit, mode, words,
};
use crate::operations::prelude::*;

/// Asks a question.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// Its words, at most 10,000 characters.
    #[schema(example = "how is the store restored")]
    #[arg(skip)]
    pub query: String,
    /// The question in other words, at most 8.
    #[serde(default, deserialize_with = "lenient::list", skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 8)]
    #[arg(long = "alternative", value_name = "TEXT")]
    pub alternatives: Option<Vec<String>>,
    /// A text as the answer would be: found is what means the same, not its words.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "TEXT")]
    pub hypothetical: Option<String>,
    /// How many hits at most; 10 when left out.
    #[serde(default, deserialize_with = "lenient::number", skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 200, default = 10)]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub top_k: Option<u64>,
    /// Only documents with all of these tags; `project` stands for `project/alpha` too.
    #[serde(default, deserialize_with = "lenient::list", skip_serializing_if = "Option::is_none")]
    #[arg(long = "tag", value_name = "T")]
    pub filter_tags: Option<Vec<String>>,
    /// The project it is about, by its id or an alias: its passages are ranked higher.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "P")]
    pub project: Option<String>,
    /// Search nothing but the passages of `project`.
    #[serde(default, deserialize_with = "lenient::or_default")]
    #[schema(value_type = Option<bool>)]
    #[arg(long)]
    pub scope: bool,
    /// Only documents whose path matches this glob, or lies below this folder.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "GLOB")]
    pub path: Option<String>,
    /// Only documents dated then or later: ISO 8601.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Only documents dated before.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Only documents read as this: `markdown`, `pdf`, `code`, …
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<String>,
    /// Only documents with this in their title.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
    /// Only documents whose front matter says all of this: `status=accepted`.
    #[serde(default, deserialize_with = "lenient::list", skip_serializing_if = "Option::is_none")]
    #[arg(long = "field", value_name = "NAME=VALUE")]
    pub fields: Option<Vec<String>>,
    /// Only passages with all of these words or phrases.
    #[serde(default, deserialize_with = "lenient::list", skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 16)]
    #[arg(long, value_name = "TEXT")]
    pub contains: Option<Vec<String>>,
    /// None with any of these.
    #[serde(default, deserialize_with = "lenient::list", skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 16)]
    #[arg(long, value_name = "TEXT")]
    pub excludes: Option<Vec<String>>,
    /// How passages are found; as the setting says when left out.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Mode>)]
    #[arg(long, value_name = "MODE", value_parser = words(Mode::WORDS))]
    pub mode: Option<String>,
    /// Leave out passages that fit less than this; as the setting says when left out.
    #[serde(default, deserialize_with = "lenient::fraction", skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1)]
    #[arg(long, value_name = "FIT", allow_negative_numbers = true)]
    pub min_fit: Option<f64>,
    /// Show passages with the same text one by one instead of as copies of the best of them.
    #[serde(default, deserialize_with = "lenient::or_default")]
    #[schema(value_type = Option<bool>)]
    #[arg(long)]
    pub all_copies: bool,
    /// Show how every score came about.
    #[serde(default, deserialize_with = "lenient::or_default")]
    #[schema(value_type = Option<bool>)]
    #[arg(long)]
    pub explain: bool,
    /// Answer only once this generation can be seen, so that a caller sees its own writes.
    #[serde(default, deserialize_with = "lenient::number", skip_serializing_if = "Option::is_none")]
    #[arg(long = "wait", value_name = "GENERATION")]
    pub wait_generation: Option<u64>,
    /// Answer only once every change that the server has seen is read, or after some seconds; `fresh_as_of` says how far
    /// it is.
    #[serde(default, deserialize_with = "lenient::or_default")]
    #[schema(value_type = Option<bool>)]
    #[arg(long)]
    pub wait_fresh: bool,
}

impl Query {
    /// Whether it is about some documents only.
    #[must_use]
    pub fn is_filtered(&self) -> bool {
        let Self { filter_tags, path, since, until, format, title, fields, contains, excludes, .. } = self;
        let texts = [path, since, until, format, title];
        let lists = [filter_tags, fields, contains, excludes];
        texts.iter().any(|text| text.is_some()) || lists.iter().any(|list| list.is_some())
    }
}

impl Operation for Query {
    type Reply = Answer;
    const SPEC: Spec =
        Spec::post(super::TAG, "query", "/query").answers("The best passages, best first").indexed();

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        let (explain, wait_fresh) = (self.explain, self.wait_fresh);
        let query = QueryRequest::try_from(self)?;
        let fresh_as_of = context.fresh_as_of(&query.project, wait_fresh)?;
        let mut answer = context.engine().query(&query)?;
        answer.fresh_as_of = fresh_as_of;
        context.met(&answer.notices);
        if !explain {
            answer.hits.iter_mut().for_each(Hit::hide_explanation);
        }
        Ok(answer)
    }
}

impl TryFrom<Query> for QueryRequest {
    type Error = ApiError;

    fn try_from(query: Query) -> Result<Self, ApiError> {
        let text = query.query.parse::<QueryText>();
        let text =
            text.map_err(|error| ApiError::invalid("query", &error, "say in some words what to look for"))?;
        let top_k = query.top_k.map_or(Ok(TopK::DEFAULT), TopK::new);
        let top_k = top_k.map_err(|error| {
            ApiError::invalid("top_k", &error, "give a number from 1 to 200, or leave it out for 10")
        })?;
        Ok(Self {
            text,
            alternatives: conditions::alternatives(query.alternatives.as_deref())?,
            hypothetical: conditions::hypothetical(query.hypothetical.as_deref())?,
            top_k,
            project: hint(query.project.as_deref(), query.scope)?,
            conditions: GivenConditions {
                tags: query.filter_tags.as_deref(),
                since: query.since.as_deref(),
                until: query.until.as_deref(),
                format: query.format,
                title: query.title,
                fields: query.fields.as_deref(),
            }
            .read()?,
            passages: conditions::passages(query.contains.as_deref(), query.excludes.as_deref())?,
            path: query.path.filter(|path| !path.is_empty()),
            mode: query.mode.as_deref().map(mode).transpose()?,
            min_fit: min_fit(query.min_fit)?,
            collapse: !query.all_copies,
            wait_for: query.wait_generation.map(Generation),
        })
    }
}

#[cfg(test)]
mod tests {
    use atocore_model::error::ErrorCode;

    use super::*;

    #[test]
    fn what_is_left_out_has_its_default() {
        let asked: Query = serde_json::from_str(r#"{"query":"restore"}"#).unwrap();
        assert_eq!(QueryRequest::try_from(asked).unwrap(), QueryRequest::new("restore".parse().unwrap()));
    }

    #[test]
    fn a_wrong_part_is_named_with_a_hint() {
        let with = |change: &str| {
            let mut asked = serde_json::json!({ "query": "restore" });
            let change: serde_json::Value = serde_json::from_str(change).unwrap();
            asked.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            QueryRequest::try_from(serde_json::from_value::<Query>(asked).unwrap())
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
            ("`min_fit`", r#"{"min_fit":1.01}"#),
            ("`since`", r#"{"since":"noon"}"#),
            ("`format`", r#"{"format":"docx"}"#),
            ("`fields[1]`", r#"{"fields":["a=b","status"]}"#),
            ("`alternatives[0]`", r#"{"alternatives":[" "]}"#),
            ("`alternatives`", r#"{"alternatives":["1","2","3","4","5","6","7","8","9"]}"#),
            ("`hypothetical`", r#"{"hypothetical":"\n"}"#),
            ("`contains[1]`", r#"{"contains":["a"," "]}"#),
            ("`excludes`", r#"{"excludes":["","","","","","","","","","","","","","","","",""]}"#),
        ] {
            let error = with(change).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidRequest);
            assert!(error.message.contains(named), "{error}");
            assert!(error.hint.is_some(), "{error}");
        }
    }
}
