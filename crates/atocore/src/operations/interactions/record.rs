use atocore_model::{
    error::ErrorCode,
    fact::{Interaction, Label, NewInteraction, Transcript},
};

use super::LABEL_FORM;
use crate::operations::prelude::*;

const TRANSCRIPT_FORM: &str = "at most 500,000 characters, none of them U+0000";

/// How many ids one list can have, and how long one can be.
const MOST_IDS: usize = 1_000;
const LONGEST_ID: usize = 200;

/// Records an exchange with a model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct RecordInteraction {
    /// What was asked: not blank, at most 500,000 characters.
    pub prompt: String,
    /// What was answered: at most 500,000 characters.
    #[serde(default, deserialize_with = "lenient::or_default")]
    #[schema(value_type = Option<String>)]
    #[arg(default_value_t, hide_default_value = true)]
    pub response: String,
    /// The answer in short.
    #[serde(default, deserialize_with = "lenient::or_default")]
    #[schema(value_type = Option<String>)]
    #[arg(skip)]
    pub response_summary: String,
    /// The project it was about, by its id or an alias; may be left out or empty.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "P")]
    pub project: Option<String>,
    /// Who asked: the name of a program, at most 200 characters.
    #[serde(default, deserialize_with = "lenient::or_default")]
    #[schema(value_type = Option<String>)]
    #[arg(long, value_name = "NAME", default_value_t, hide_default_value = true)]
    pub client: String,
    /// Which conversation: at most 200 characters.
    #[serde(default, deserialize_with = "lenient::or_default")]
    #[schema(value_type = Option<String>)]
    #[arg(long = "session", value_name = "ID", default_value_t, hide_default_value = true)]
    pub session_id: String,
    /// The ids of the memories that the model was given: at most 1,000.
    #[serde(default, deserialize_with = "lenient::or_default")]
    #[schema(value_type = Option<Vec<String>>)]
    #[arg(skip)]
    pub memories_used: Vec<String>,
    /// The ids of the passages that the model was given: at most 1,000.
    #[serde(default, deserialize_with = "lenient::or_default")]
    #[schema(value_type = Option<Vec<String>>)]
    #[arg(skip)]
    pub chunks_used: Vec<String>,
    /// What the model was given: any object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[arg(skip)]
    pub context_pack: Option<serde_json::Map<String, serde_json::Value>>,
}

impl Operation for RecordInteraction {
    type Reply = Interaction;
    const SPEC: Spec =
        Spec::post(super::TAG, "record_interaction", "/interactions").answers("The interaction, on disk");

    fn check(&self) -> Result<(), ApiError> {
        self.interaction().map(drop)
    }

    fn project(&self) -> Option<&str> {
        self.project.as_deref().filter(|project| !project.is_empty())
    }

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        let interaction = context.engine().record_interaction(&self.interaction()?, context.caller)?;
        tracing::info!(id = interaction.id.as_str(), "interaction_recorded");
        Ok(interaction)
    }
}

impl RecordInteraction {
    fn interaction(&self) -> Result<NewInteraction, ApiError> {
        if self.prompt.trim().is_empty() {
            return Err(ApiError::new(ErrorCode::InvalidRequest, "`prompt` cannot be used: it is empty")
                .with_hint("give what was asked"));
        }
        let transcript = |field: &str, text: &str| fields::read::<Transcript>(field, text, TRANSCRIPT_FORM);
        let label = |field: &str, text: &str| fields::read::<Label>(field, text, LABEL_FORM);
        check_ids("memories_used", &self.memories_used)?;
        check_ids("chunks_used", &self.chunks_used)?;
        Ok(NewInteraction {
            prompt: transcript("prompt", &self.prompt)?,
            response: transcript("response", &self.response)?,
            response_summary: transcript("response_summary", &self.response_summary)?,
            project: fields::project(self.project.as_deref())?,
            client: label("client", &self.client)?,
            session_id: label("session_id", &self.session_id)?,
            context_pack: self.context_pack.clone().unwrap_or_default(),
            memories_used: self.memories_used.clone(),
            chunks_used: self.chunks_used.clone(),
        })
    }
}

fn check_ids(field: &str, ids: &[String]) -> Result<(), ApiError> {
    let refused = |why: String| {
        ApiError::new(ErrorCode::InvalidRequest, format!("`{field}` cannot be used: {why}"))
            .with_hint("give the ids that the context pack named")
    };
    if ids.len() > MOST_IDS {
        return Err(refused(format!("it has {} ids, {MOST_IDS} are allowed", ids.len())));
    }
    match ids
        .iter()
        .position(|id| id.is_empty() || id.chars().count() > LONGEST_ID || id.chars().any(char::is_control))
    {
        Some(index) => Err(refused(format!("number {} is not an id", index + 1))),
        None => Ok(()),
    }
}
