use std::time::Instant;

use atocore_model::{
    id::Generation,
    pack::{Budget, PackNotice, PackRequest, PromptText, Tier, Tiers, Unit},
    query::TopK,
    ranking::Mode,
};

use super::{
    ContextPack,
    conditions::{self, GivenConditions},
    hint, min_fit, mode, words,
};
use crate::operations::prelude::*;

/// Makes a context pack for a prompt: facts and passages in order of trust, within a budget.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct BuildContext {
    /// What the agent was asked: not blank, at most 100,000 characters, without NUL. Passages are searched with the
    /// first 10,000.
    #[schema(example = "how is the store restored")]
    #[arg(skip)]
    pub prompt: String,
    /// What passages are searched with, in other words, at most 8.
    #[serde(default, deserialize_with = "lenient::list", skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 8)]
    #[arg(long = "alternative", value_name = "TEXT")]
    pub alternatives: Option<Vec<String>>,
    /// A text as the answer would be: found is what means the same, not its words.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "TEXT")]
    pub hypothetical: Option<String>,
    /// The project it is about, by its id or an alias: its state and its memories are taken, its passages are ranked
    /// higher.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "P")]
    pub project: Option<String>,
    /// Search nothing but the passages of `project`.
    #[serde(default, deserialize_with = "lenient::or_default")]
    #[schema(value_type = Option<bool>)]
    #[arg(long)]
    pub scope: bool,
    /// How long the pack may be: 3,000 when left out.
    #[serde(default, deserialize_with = "lenient::number", skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1_000_000, default = 3_000)]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub budget: Option<u64>,
    /// What that is counted in: `chars` (when left out) or `tokens` of the embedding model.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Unit>)]
    #[arg(long, value_name = "UNIT", value_parser = words(Unit::WORDS))]
    pub unit: Option<String>,
    /// What it is made of: `state`, `memories`, `chunks`; all three when left out.
    #[serde(default, deserialize_with = "lenient::list", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Tier>>)]
    #[arg(long = "tier", value_name = "TIER", value_parser = words(Tier::WORDS))]
    pub tiers: Option<Vec<String>>,
    /// How many passages are looked at, at most: 1 to 200; follows from the budget when left out.
    #[serde(default, deserialize_with = "lenient::number", skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 200)]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub top_k: Option<u64>,
    /// Only documents with all of these tags; `project` stands for `project/alpha` too.
    #[serde(default, deserialize_with = "lenient::list", skip_serializing_if = "Option::is_none")]
    #[arg(long = "tag", value_name = "T")]
    pub filter_tags: Option<Vec<String>>,
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
    /// `hybrid`, `dense` or `lexical`; the setting decides when left out.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Mode>)]
    #[arg(long, value_name = "MODE", value_parser = words(Mode::WORDS))]
    pub mode: Option<String>,
    /// Leave out passages that fit the prompt less: 0 (none) to 1. When left out the setting decides, and where nothing
    /// fits well only the three nearest are taken.
    #[serde(default, deserialize_with = "lenient::fraction", skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1)]
    #[arg(long, value_name = "FIT", allow_negative_numbers = true)]
    pub min_fit: Option<f64>,
    /// Behind each passage take the best of the documents that it has links to as well: one step.
    #[serde(default, deserialize_with = "lenient::or_default")]
    #[schema(value_type = Option<bool>)]
    #[arg(long)]
    pub follow_links: bool,
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

impl Operation for BuildContext {
    type Reply = ContextPack;
    const SPEC: Spec =
        Spec::post(super::TAG, "build_context", "/context/build").answers("The pack").indexed();

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        let started = Instant::now();
        let wait_fresh = self.wait_fresh;
        let request = PackRequest::try_from(self)?;
        let fresh_as_of = context.fresh_as_of(&request.project, wait_fresh)?;
        let pack = context.engine().build_context(&request)?;
        context.met(pack.notices.iter().filter_map(|notice| match notice {
            PackNotice::Search(of_search) => Some(of_search),
            _ => None,
        }));
        let pack = ContextPack { fresh_as_of, ..ContextPack::new(pack, &request, started.elapsed()) };
        if let Some(server) = context.server {
            server.packs.keep(&pack);
        }
        Ok(pack)
    }
}

impl TryFrom<BuildContext> for PackRequest {
    type Error = ApiError;

    fn try_from(asked: BuildContext) -> Result<Self, ApiError> {
        let prompt = asked.prompt.parse::<PromptText>().map_err(|error| {
            ApiError::invalid("prompt", &error, "say in some words what the agent was asked")
        })?;
        let unit = asked.unit.as_deref().map_or(Ok(Unit::Chars), str::parse);
        let unit = unit.map_err(|error| {
            ApiError::invalid("unit", &error, "give `chars` or `tokens`, or leave it out for `chars`")
        })?;
        let amount = asked.budget.unwrap_or(Budget::DEFAULT.amount() as u64);
        let budget = Budget::new(amount, unit).map_err(|error| {
            ApiError::invalid("budget", &error, "give a number from 1 to 1000000, or leave it out for 3000")
        })?;
        let top_k = asked.top_k.map(TopK::new).transpose().map_err(|error| {
            ApiError::invalid("top_k", &error, "give a number from 1 to 200, or leave it out")
        })?;
        Ok(Self {
            prompt,
            alternatives: conditions::alternatives(asked.alternatives.as_deref())?,
            hypothetical: conditions::hypothetical(asked.hypothetical.as_deref())?,
            project: hint(asked.project.as_deref().filter(|name| !name.is_empty()), asked.scope)?,
            budget,
            tiers: asked.tiers.as_deref().map_or(Ok(Tiers::ALL), tiers)?,
            top_k,
            conditions: GivenConditions {
                tags: asked.filter_tags.as_deref(),
                since: asked.since.as_deref(),
                until: asked.until.as_deref(),
                format: asked.format,
                title: asked.title,
                fields: asked.fields.as_deref(),
            }
            .read()?,
            passages: conditions::passages(asked.contains.as_deref(), asked.excludes.as_deref())?,
            path: asked.path.filter(|path| !path.is_empty()),
            mode: asked.mode.as_deref().map(mode).transpose()?,
            min_fit: min_fit(asked.min_fit)?,
            follow_links: asked.follow_links,
            wait_for: asked.wait_generation.map(Generation),
        })
    }
}

fn tiers(given: &[String]) -> Result<Tiers, ApiError> {
    let hint = "give some of `state`, `memories`, `chunks`, or leave it out for all";
    let named = fields::read_all("tiers", given, hint)?;
    Tiers::of(&named).map_err(|error| ApiError::invalid("tiers", &error, hint))
}

#[cfg(test)]
mod tests {
    use atocore_model::error::ErrorCode;

    use super::*;

    #[test]
    fn what_is_left_out_has_its_default() {
        let asked: BuildContext = serde_json::from_str(r#"{"prompt":"restore"}"#).unwrap();
        assert_eq!(PackRequest::try_from(asked).unwrap(), PackRequest::new("restore".parse().unwrap()));
    }

    #[test]
    fn a_wrong_part_is_named_with_a_hint() {
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
            ("`until`", r#"{"until":"noon"}"#),
            ("`fields[0]`", r#"{"fields":["status"]}"#),
            ("`excludes[0]`", r#"{"excludes":[" "]}"#),
            ("`alternatives`", r#"{"alternatives":["1","2","3","4","5","6","7","8","9"]}"#),
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
}
