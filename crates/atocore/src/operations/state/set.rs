use atocore_model::fact::{Category, Confidence, FactText, NewState, StateEntry, StateKey};

use super::{category, key};
use crate::operations::{plain_line, prelude::*, projects::project_name};

const TEXT_FORM: &str =
    "say in some words what is true; line breaks and tabs are the only control characters";

/// Records what is true of a project, in place of what the category and key said before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema, Args)]
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
    #[arg(long, value_name = "WHERE", default_value_t, hide_default_value = true)]
    pub source: String,
    /// How sure you are: 0 to 1, 1 when left out.
    #[serde(default, deserialize_with = "lenient::fraction", skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1)]
    #[arg(long, value_name = "C")]
    pub confidence: Option<f64>,
}

impl Operation for SetState {
    type Reply = StateEntry;
    const SPEC: Spec = Spec::post(super::TAG, "set_state", "/project/state").answers("The entry, on disk");

    fn check(&self) -> Result<(), ApiError> {
        self.entry().map(drop)
    }

    fn project(&self) -> Option<&str> {
        Some(&self.project)
    }

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        let entry = context.engine().set_state(&self.entry()?, context.caller)?;
        tracing::info!(project = entry.project.as_str(), id = entry.id.as_str(), "project_state_set");
        Ok(entry)
    }
}

impl SetState {
    /// What names the entry within its project.
    pub(crate) fn name(&self) -> Result<(Category, StateKey), ApiError> {
        plain_line("key", &self.key)?;
        Ok((category(&self.category)?, key(&self.key)?))
    }

    fn entry(&self) -> Result<NewState, ApiError> {
        let (category, key) = self.name()?;
        Ok(NewState {
            project: project_name(&self.project)?,
            category,
            key,
            value: fields::read::<FactText>("value", &self.value, TEXT_FORM)?,
            source: fields::source(&self.source)?,
            confidence: fields::confidence(self.confidence)?.unwrap_or(Confidence::CERTAIN),
        })
    }
}
