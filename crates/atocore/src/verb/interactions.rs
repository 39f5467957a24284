//! Interactions: record, list, show.

use atocore_engine::{Caller, Engine};
use atocore_model::{
    error::ErrorCode,
    fact::{InteractionFilter, Label, NewInteraction, Transcript},
    id::InteractionId,
    monitor::Monitor,
};
use axum::http::Method;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Request, Verb, VerbError, facts, lenient, request::segment};
use crate::wire;

const TRANSCRIPT_FORM: &str = "at most 500,000 characters, none of them U+0000";
const LABEL_FORM: &str = "a name of at most 200 characters, or nothing";
const ID_FORM: &str = "`atocore interaction list` shows every id";

/// How many ids one list can have, and how long one can be.
const MOST_IDS: usize = 1_000;
const LONGEST_ID: usize = 200;

/// Records an exchange with a model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordInteraction {
    /// What was asked: not blank, at most 500,000 characters.
    pub prompt: String,
    /// What was answered: at most 500,000 characters.
    #[serde(default, deserialize_with = "lenient::or_default")]
    #[schema(value_type = Option<String>)]
    pub response: String,
    /// The answer in short.
    #[serde(default, deserialize_with = "lenient::or_default")]
    #[schema(value_type = Option<String>)]
    pub response_summary: String,
    /// The project it was about, by its id or an alias; may be left out or empty.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// Who asked: the name of a program, at most 200 characters.
    #[serde(default, deserialize_with = "lenient::or_default")]
    #[schema(value_type = Option<String>)]
    pub client: String,
    /// Which conversation: at most 200 characters.
    #[serde(default, deserialize_with = "lenient::or_default")]
    #[schema(value_type = Option<String>)]
    pub session_id: String,
    /// The ids of the memories that the model was given: at most 1,000.
    #[serde(default, deserialize_with = "lenient::or_default")]
    #[schema(value_type = Option<Vec<String>>)]
    pub memories_used: Vec<String>,
    /// The ids of the passages that the model was given: at most 1,000.
    #[serde(default, deserialize_with = "lenient::or_default")]
    #[schema(value_type = Option<Vec<String>>)]
    pub chunks_used: Vec<String>,
    /// What the model was given: any object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_pack: Option<serde_json::Map<String, serde_json::Value>>,
}

/// Lists interactions, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListInteractions {
    /// Only about this project.
    pub project: Option<String>,
    /// Only of this conversation.
    pub session_id: Option<String>,
    /// Only of this program.
    pub client: Option<String>,
    /// Only recorded at this time or later.
    pub since: Option<String>,
    /// How many at most: 1 to 500, 50 when left out.
    pub limit: Option<u64>,
    /// The `next` of the page before.
    pub after: Option<String>,
}

/// Shows one interaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShowInteraction {
    /// Its id.
    pub id: String,
}

impl Verb for RecordInteraction {
    type Reply = wire::Interaction;
    const WRITES: bool = true;

    fn request(&self) -> Request {
        Request::new(Method::POST, "/interactions").with_body(self)
    }

    fn check(&self) -> Result<(), VerbError> {
        self.interaction().map(drop)
    }

    fn project(&self) -> Option<&str> {
        self.project.as_deref().filter(|project| !project.is_empty())
    }

    fn run(self, engine: &Engine, caller: Caller, _: &dyn Monitor) -> Result<Self::Reply, VerbError> {
        let interaction = engine.record_interaction(&self.interaction()?, caller)?;
        tracing::info!(id = interaction.id.as_str(), "interaction_recorded");
        Ok(interaction.into())
    }
}

impl RecordInteraction {
    fn interaction(&self) -> Result<NewInteraction, VerbError> {
        if self.prompt.trim().is_empty() {
            return Err(VerbError::new(ErrorCode::InvalidRequest, "`prompt` cannot be used: it is empty")
                .with_hint("give what was asked"));
        }
        let transcript = |field: &str, text: &str| facts::read::<Transcript>(field, text, TRANSCRIPT_FORM);
        let label = |field: &str, text: &str| facts::read::<Label>(field, text, LABEL_FORM);
        check_ids("memories_used", &self.memories_used)?;
        check_ids("chunks_used", &self.chunks_used)?;
        Ok(NewInteraction {
            prompt: transcript("prompt", &self.prompt)?,
            response: transcript("response", &self.response)?,
            summary: transcript("response_summary", &self.response_summary)?,
            project: facts::project(self.project.as_deref())?,
            client: label("client", &self.client)?,
            session: label("session_id", &self.session_id)?,
            context_pack: serde_json::Value::Object(self.context_pack.clone().unwrap_or_default())
                .to_string(),
            memories_used: self.memories_used.clone(),
            chunks_used: self.chunks_used.clone(),
        })
    }
}

impl Verb for ListInteractions {
    type Reply = wire::InteractionList;
    const WRITES: bool = false;

    fn request(&self) -> Request {
        facts::get(
            "/interactions",
            &[
                ("project", self.project.clone()),
                ("session_id", self.session_id.clone()),
                ("client", self.client.clone()),
                ("since", self.since.clone()),
                ("limit", facts::text(self.limit.as_ref())),
                ("after", self.after.clone()),
            ],
        )
    }

    fn run(self, engine: &Engine, _: Caller, _: &dyn Monitor) -> Result<Self::Reply, VerbError> {
        let filter = InteractionFilter {
            project: facts::project(self.project.as_deref())?,
            session: facts::read_any("session_id", self.session_id.as_deref(), LABEL_FORM)?,
            client: facts::read_any("client", self.client.as_deref(), LABEL_FORM)?,
            since: facts::since(self.since.as_deref())?,
            limit: facts::limit(self.limit)?,
            after: facts::read_any("after", self.after.as_deref(), ID_FORM)?,
        };
        Ok(wire::InteractionList::new(engine.interactions(&filter)?, filter.limit))
    }
}

impl Verb for ShowInteraction {
    type Reply = wire::Interaction;
    const WRITES: bool = false;

    fn request(&self) -> Request {
        Request::new(Method::GET, format!("/interactions/{}", segment(&self.id)))
    }

    fn run(self, engine: &Engine, _: Caller, _: &dyn Monitor) -> Result<Self::Reply, VerbError> {
        let id: InteractionId = facts::read("id", &self.id, ID_FORM)?;
        Ok(engine.interaction(&id)?.into())
    }
}

fn check_ids(field: &str, ids: &[String]) -> Result<(), VerbError> {
    let refused = |why: String| {
        VerbError::new(ErrorCode::InvalidRequest, format!("`{field}` cannot be used: {why}"))
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
