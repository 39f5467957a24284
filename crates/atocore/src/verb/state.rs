//! Project state: record, list, and say that something no longer holds.

use atocore_engine::{Caller, Engine};
use atocore_model::{
    fact::{Category, Confidence, FactText, NewState, Source, StateKey},
    monitor::Monitor,
};
use axum::http::Method;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Request, Verb, VerbError, facts, lenient, plain_line, projects::project_name, request::segment};
use crate::wire;

const CATEGORY_FORM: &str = "a category is one word: `decision`, `requirement`, `status`, `contact`";
const KEY_FORM: &str = "a key is one line that names the entry: `database`";
const TEXT_FORM: &str =
    "say in some words what is true; line breaks and tabs are the only control characters";
const SOURCE_FORM: &str = "a source is a path, an address or a name, at most 1,000 characters";

/// Records what is true of a project, in place of what the category and key said before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetState {
    /// The project, by its id or an alias.
    #[schema(example = "field-notes")]
    pub project: String,
    /// What sort of thing: one word, in any case, at most 64 characters.
    #[schema(example = "decision")]
    pub category: String,
    /// Which one of its category: one line, at most 200 characters.
    #[schema(example = "database")]
    pub key: String,
    /// What is true: at most 20,000 characters.
    pub value: String,
    /// Where it comes from: at most 1,000 characters.
    #[serde(default, deserialize_with = "lenient::or_default")]
    #[schema(value_type = Option<String>)]
    pub source: String,
    /// How sure you are: 0 to 1, 1 when left out.
    #[serde(default, deserialize_with = "lenient::fraction", skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1)]
    pub confidence: Option<f64>,
}

/// Lists what is recorded of a project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListState {
    /// The project, by its id or an alias.
    pub project: String,
    /// Only of this category.
    pub category: Option<String>,
    /// Whether what no longer holds is listed too.
    pub all: bool,
}

/// Says that an entry no longer holds; it stays, with every value it had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InvalidateState {
    /// The project, by its id or an alias.
    #[schema(example = "field-notes")]
    pub project: String,
    /// The category of the entry.
    #[schema(example = "decision")]
    pub category: String,
    /// Its key.
    #[schema(example = "database")]
    pub key: String,
}

impl Verb for SetState {
    type Reply = wire::StateEntry;
    const WRITES: bool = true;

    fn request(&self) -> Request {
        Request::new(Method::POST, "/project/state").with_body(self)
    }

    fn check(&self) -> Result<(), VerbError> {
        self.entry().map(drop)
    }

    fn project(&self) -> Option<&str> {
        Some(&self.project)
    }

    fn run(self, engine: &Engine, caller: Caller, _: &dyn Monitor) -> Result<Self::Reply, VerbError> {
        let entry = engine.set_state(&self.entry()?, caller)?;
        tracing::info!(project = entry.project.as_str(), id = entry.id.as_str(), "project_state_set");
        Ok(entry.into())
    }
}

impl SetState {
    fn entry(&self) -> Result<NewState, VerbError> {
        plain_line("key", &self.key)?;
        Ok(NewState {
            project: project_name(&self.project)?,
            category: category(&self.category)?,
            key: key(&self.key)?,
            value: facts::read::<FactText>("value", &self.value, TEXT_FORM)?,
            source: facts::read::<Source>("source", &self.source, SOURCE_FORM)?,
            confidence: facts::confidence(self.confidence)?.unwrap_or(Confidence::CERTAIN),
        })
    }
}

impl Verb for ListState {
    type Reply = wire::ProjectState;
    const WRITES: bool = false;

    fn request(&self) -> Request {
        facts::get(
            &format!("/project/state/{}", segment(&self.project)),
            &[("category", self.category.clone()), ("all", self.all.then(|| "true".to_owned()))],
        )
    }

    fn run(self, engine: &Engine, _: Caller, _: &dyn Monitor) -> Result<Self::Reply, VerbError> {
        let category = self.category.as_deref().filter(|text| !text.is_empty()).map(category).transpose()?;
        Ok(engine.project_state(&project_name(&self.project)?, category.as_ref(), self.all)?.into())
    }
}

impl Verb for InvalidateState {
    type Reply = wire::StateEntry;
    const WRITES: bool = true;

    fn request(&self) -> Request {
        Request::new(Method::DELETE, "/project/state").with_body(self)
    }

    fn check(&self) -> Result<(), VerbError> {
        let _project = project_name(&self.project)?;
        let _category = category(&self.category)?;
        key(&self.key).map(drop)
    }

    fn project(&self) -> Option<&str> {
        Some(&self.project)
    }

    fn run(self, engine: &Engine, caller: Caller, _: &dyn Monitor) -> Result<Self::Reply, VerbError> {
        let project = project_name(&self.project)?;
        let entry =
            engine.invalidate_state(&project, &category(&self.category)?, &key(&self.key)?, caller)?;
        tracing::info!(project = entry.project.as_str(), id = entry.id.as_str(), "project_state_invalidated");
        Ok(entry.into())
    }
}

fn category(text: &str) -> Result<Category, VerbError> {
    facts::read("category", text, CATEGORY_FORM)
}

fn key(text: &str) -> Result<StateKey, VerbError> {
    facts::read("key", text, KEY_FORM)
}
