//! Making a context pack, and looking at one again.

use std::time::Instant;

use atocore_engine::{Caller, Engine};
use atocore_model::{
    error::ErrorCode,
    id::Generation,
    monitor::Monitor,
    pack::{Budget, PackRequest, PromptText, Tiers, Unit},
    query::TopK,
};
use axum::http::Method;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Request, Verb, VerbError, lenient,
    query::{hint, mode, tags},
    request::segment,
};
use crate::{packs::Packs, wire};

/// Makes a context pack for a prompt.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BuildContext {
    /// What the agent was asked: not blank, at most 100,000 characters, without NUL. Passages are searched with the
    /// first 10,000.
    #[schema(example = "how is the store restored")]
    pub prompt: String,
    /// The project it is about, by its id or an alias: its state and its memories are taken, its passages are ranked
    /// higher. Left out or empty for none.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// Whether nothing but the passages of `project` is searched.
    #[serde(default, deserialize_with = "lenient::or_default")]
    #[schema(value_type = Option<bool>)]
    pub scope: bool,
    /// How long the pack may be: 1 to 1,000,000, 3,000 when left out.
    #[serde(default, deserialize_with = "lenient::number", skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1_000_000, default = 3_000)]
    pub budget: Option<u64>,
    /// What that is counted in: `chars` (when left out) or `tokens`, as the tokenizer of the embedding model has them.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    #[schema(example = "chars")]
    pub unit: Option<String>,
    /// What it is made of: `state`, `memories`, `chunks`; all three when left out.
    #[serde(default, deserialize_with = "lenient::list", skip_serializing_if = "Option::is_none")]
    pub tiers: Option<Vec<String>>,
    /// How many passages are looked at, at most: 1 to 200; follows from the budget when left out.
    #[serde(default, deserialize_with = "lenient::number", skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 200)]
    pub top_k: Option<u64>,
    /// Only documents that carry every one of these tags; `project` stands for `project/alpha` too.
    #[serde(default, deserialize_with = "lenient::list", skip_serializing_if = "Option::is_none")]
    pub filter_tags: Option<Vec<String>>,
    /// Only documents whose path below their root matches this glob, or lies below this folder.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// How passages are found: `hybrid`, `dense` or `lexical`; the setting decides when it is left out.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    #[schema(example = "hybrid")]
    pub mode: Option<String>,
    /// Answer only once this generation can be seen, so that a caller sees its own writes.
    #[serde(default, deserialize_with = "lenient::number", skip_serializing_if = "Option::is_none")]
    pub wait_generation: Option<u64>,
}

impl Verb for BuildContext {
    type Reply = wire::Pack;
    const WRITES: bool = false;

    fn remember(reply: &Self::Reply, packs: &Packs) {
        packs.keep(reply);
    }

    fn request(&self) -> Request {
        Request::new(Method::POST, "/context/build").with_body(self)
    }

    fn run(self, engine: &Engine, _: Caller, _: &dyn Monitor) -> Result<Self::Reply, VerbError> {
        let started = Instant::now();
        let request = self.try_into()?;
        let pack = engine.build_context(&request)?;
        Ok(wire::Pack::new(pack, &request, started.elapsed()))
    }
}

impl TryFrom<BuildContext> for PackRequest {
    type Error = VerbError;

    fn try_from(asked: BuildContext) -> Result<Self, VerbError> {
        let prompt = asked.prompt.parse::<PromptText>().map_err(|error| {
            VerbError::invalid("prompt", &error, "say in some words what the agent was asked")
        })?;
        let unit = asked.unit.as_deref().map_or(Ok(Unit::Chars), str::parse);
        let unit = unit.map_err(|error| {
            VerbError::invalid("unit", &error, "give `chars` or `tokens`, or leave it out for `chars`")
        })?;
        let amount = asked.budget.unwrap_or(Budget::DEFAULT.amount() as u64);
        let budget = Budget::new(amount, unit).map_err(|error| {
            VerbError::invalid("budget", &error, "give a number from 1 to 1000000, or leave it out for 3000")
        })?;
        let top_k = asked.top_k.map(TopK::new).transpose().map_err(|error| {
            VerbError::invalid("top_k", &error, "give a number from 1 to 200, or leave it out")
        })?;
        Ok(Self {
            prompt,
            project: hint(asked.project.as_deref().filter(|name| !name.is_empty()), asked.scope)?,
            budget,
            tiers: asked.tiers.as_deref().map_or(Ok(Tiers::ALL), tiers)?,
            top_k,
            tags: tags(asked.filter_tags.as_deref().unwrap_or_default())?,
            path: asked.path.filter(|path| !path.is_empty()),
            mode: asked.mode.as_deref().map(mode).transpose()?,
            wait_for: asked.wait_generation.map(Generation),
        })
    }
}

fn tiers(given: &[String]) -> Result<Tiers, VerbError> {
    let cure = "give some of `state`, `memories`, `chunks`, or leave it out for all";
    let tier = |(index, text): (usize, &String)| {
        text.parse().map_err(|error| VerbError::invalid(&format!("tiers[{index}]"), &error, cure))
    };
    let named = given.iter().enumerate().map(tier).collect::<Result<Vec<_>, _>>()?;
    Tiers::of(&named).map_err(|error| VerbError::invalid("tiers", &error, cure))
}

/// Looks again at a context pack that a running server has made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShowContext {
    /// The beginning of its hash; the last one when it is left out.
    pub hash: Option<String>,
}

impl Verb for ShowContext {
    type Reply = wire::Pack;
    const WRITES: bool = false;

    fn request(&self) -> Request {
        let query = self.hash.as_deref().map(|hash| format!("?hash={}", segment(hash)));
        Request::new(Method::GET, format!("/debug/context{}", query.unwrap_or_default()))
    }

    /// Only a server remembers packs, and it does not ask its engine.
    fn run(self, _: &Engine, _: Caller, _: &dyn Monitor) -> Result<Self::Reply, VerbError> {
        let error =
            VerbError::new(ErrorCode::PackUnknown, "no server is running that could remember a context pack");
        Err(error.with_hint("name a file with the JSON of one: `atocore --json context TEXT > FILE`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_has_its_default() {
        let asked: BuildContext = serde_json::from_str(r#"{"prompt":"restore"}"#).unwrap();
        assert_eq!(PackRequest::try_from(asked).unwrap(), PackRequest::new("restore".parse().unwrap()));
    }

    #[test]
    fn a_wrong_part_is_named_with_its_cure() {
        let long = format!(r#"{{"prompt":"{}"}}"#, "x".repeat(100_001));
        for (named, change) in [
            ("`prompt`", r#"{"prompt":" \n"}"#),
            ("`prompt`", r#"{"prompt":"a\u0000b"}"#),
            ("`prompt`", &long),
            ("`budget`", r#"{"budget":0}"#),
            ("`budget`", r#"{"budget":18446744073709551615}"#),
            ("`unit`", r#"{"unit":"bytes"}"#),
            ("`tiers[1]`", r#"{"tiers":["state","facts"]}"#),
            ("`tiers`", r#"{"tiers":[]}"#),
            ("`top_k`", r#"{"top_k":0}"#),
            ("`scope`", r#"{"scope":true}"#),
            ("`project`", r#"{"project":"a/b"}"#),
            ("`mode`", r#"{"mode":"best"}"#),
        ] {
            let mut asked = serde_json::json!({ "prompt": "restore" });
            let change: serde_json::Value = serde_json::from_str(change).unwrap();
            asked.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            let asked: BuildContext = serde_json::from_value(asked).unwrap();
            let error = PackRequest::try_from(asked).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidRequest);
            assert!(error.message.contains(named), "{error}");
            assert!(error.hint.is_some(), "{error}");
        }
    }

    #[test]
    fn the_request_reads_back() {
        let asked = BuildContext { prompt: "x".to_owned(), budget: Some(7), ..BuildContext::default() };
        let body = asked.request().body.unwrap();
        assert_eq!(serde_json::from_slice::<BuildContext>(&body).unwrap(), asked);
        let shown = ShowContext { hash: Some("a&b".to_owned()) };
        assert_eq!(shown.request().path, "/debug/context?hash=a%26b");
    }
}
