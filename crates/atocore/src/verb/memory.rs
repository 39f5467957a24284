//! Memories: record, propose, list, change, promote, reject, invalidate.

use atocore_engine::{Caller, Engine};
use atocore_model::{
    error::ErrorCode,
    fact::{Confidence, FactText, MemoryEdit, MemoryFilter, MemoryStatus, MemoryType, NewMemory, Source},
    id::MemoryId,
    monitor::Monitor,
};
use axum::http::Method;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Request, Verb, VerbError, facts, lenient, request::segment};
use crate::wire;

const TYPE_FORM: &str = "give `identity`, `preference`, `project`, `episodic`, `knowledge` or `adaptation`";
const STATUS_FORM: &str = "give `candidate`, `active`, `superseded` or `invalid`";
const TEXT_FORM: &str =
    "say in some words what is to be remembered; line breaks and tabs are the only control characters";
const SOURCE_FORM: &str = "a source is a path, an address or a name, at most 1,000 characters";
const ID_FORM: &str = "`atocore memory list` shows every id";

/// Records a memory, or proposes it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateMemory {
    /// `identity`, `preference`, `project`, `episodic`, `knowledge` or `adaptation`.
    #[schema(example = "preference")]
    pub memory_type: String,
    /// What is to be remembered: at most 20,000 characters.
    pub content: String,
    /// The project it is about, by its id or an alias; left out or empty for every one.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// Where it comes from: at most 1,000 characters.
    #[serde(default, deserialize_with = "lenient::or_default")]
    #[schema(value_type = Option<String>)]
    pub source: String,
    /// How sure you are: 0 to 1, 1 when left out.
    #[serde(default, deserialize_with = "lenient::fraction", skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1)]
    pub confidence: Option<f64>,
    /// `active`, which is meant when it is left out, or `candidate`: then it only is proposed, for a person to promote or
    /// reject, and reaches no context before that.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}

/// Lists memories, newest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ListMemories {
    /// Only of this type.
    pub memory_type: Option<String>,
    /// Only those about this project.
    pub project: Option<String>,
    /// Only with this status.
    pub status: Option<String>,
    /// Whether only those that count are listed; the same as the status `active`.
    pub active_only: bool,
    /// Only those of which somebody is at least so sure.
    pub min_confidence: Option<f64>,
    /// How many at most: 1 to 500, 50 when left out.
    pub limit: Option<u64>,
    /// The `next` of the page before.
    pub after: Option<String>,
}

/// Shows one memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShowMemory {
    /// Its id.
    pub id: String,
}

/// Changes a memory.
#[derive(Debug, Clone, PartialEq)]
pub struct UpdateMemory {
    /// Its id.
    pub id: String,
    /// What becomes different.
    pub change: MemoryChange,
}

/// What becomes different about a memory; what is left out stays.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MemoryChange {
    /// What is remembered from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// How sure you are: 0 to 1.
    #[serde(default, deserialize_with = "lenient::fraction", skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1)]
    pub confidence: Option<f64>,
    /// `active`, `superseded` or `invalid`: from a candidate to active or invalid, from active to superseded or invalid,
    /// from superseded to active or invalid.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The id of the memory that takes its place; makes it superseded.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub superseded_by: Option<String>,
}

/// Moves a memory: what a person decides about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecideMemory {
    /// Its id.
    pub id: String,
    /// What is decided.
    pub decision: MemoryDecision,
}

/// What a person decides about a memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemoryDecision {
    /// A candidate counts from now on.
    Promote,
    /// A candidate is refused.
    Reject,
    /// It no longer counts; it stays, with everything it said.
    Invalidate,
}

impl Verb for CreateMemory {
    type Reply = wire::Memory;
    const WRITES: bool = true;

    fn request(&self) -> Request {
        Request::new(Method::POST, "/memory").with_body(self)
    }

    fn check(&self) -> Result<(), VerbError> {
        self.memory().map(drop)
    }

    fn project(&self) -> Option<&str> {
        self.project.as_deref().filter(|project| !project.is_empty())
    }

    fn run(self, engine: &Engine, caller: Caller, _: &dyn Monitor) -> Result<Self::Reply, VerbError> {
        let memory = engine.record_memory(&self.memory()?, caller)?;
        tracing::info!(id = memory.id.as_str(), status = memory.status.as_str(), "memory_recorded");
        Ok(memory.into())
    }
}

impl CreateMemory {
    fn memory(&self) -> Result<NewMemory, VerbError> {
        let status = facts::read_any("status", self.status.as_deref(), STATUS_FORM)?;
        Ok(NewMemory {
            memory_type: facts::read("memory_type", &self.memory_type, TYPE_FORM)?,
            content: facts::read("content", &self.content, TEXT_FORM)?,
            project: facts::project(self.project.as_deref())?,
            source: facts::read::<Source>("source", &self.source, SOURCE_FORM)?,
            confidence: facts::confidence(self.confidence)?.unwrap_or(Confidence::CERTAIN),
            proposed: proposed(status.unwrap_or(MemoryStatus::Active))?,
        })
    }
}

impl Verb for ListMemories {
    type Reply = wire::MemoryList;
    const WRITES: bool = false;

    fn request(&self) -> Request {
        facts::get(
            "/memory",
            &[
                ("memory_type", self.memory_type.clone()),
                ("project", self.project.clone()),
                ("status", self.status.clone()),
                ("active_only", self.active_only.then(|| "true".to_owned())),
                ("min_confidence", facts::text(self.min_confidence.as_ref())),
                ("limit", facts::text(self.limit.as_ref())),
                ("after", self.after.clone()),
            ],
        )
    }

    fn run(self, engine: &Engine, _: Caller, _: &dyn Monitor) -> Result<Self::Reply, VerbError> {
        let status = facts::read_any("status", self.status.as_deref(), STATUS_FORM)?;
        let filter = MemoryFilter {
            memory_type: facts::read_any::<MemoryType>(
                "memory_type",
                self.memory_type.as_deref(),
                TYPE_FORM,
            )?,
            project: facts::project(self.project.as_deref())?,
            status: status.or(self.active_only.then_some(MemoryStatus::Active)),
            min_confidence: facts::confidence(self.min_confidence)?,
            limit: facts::limit(self.limit)?,
            after: facts::read_any("after", self.after.as_deref(), ID_FORM)?,
        };
        Ok(wire::MemoryList::new(engine.memories(&filter)?, filter.limit))
    }
}

impl Verb for ShowMemory {
    type Reply = wire::Memory;
    const WRITES: bool = false;

    fn request(&self) -> Request {
        Request::new(Method::GET, path(&self.id))
    }

    fn run(self, engine: &Engine, _: Caller, _: &dyn Monitor) -> Result<Self::Reply, VerbError> {
        Ok(engine.memory(&id(&self.id)?)?.into())
    }
}

impl Verb for UpdateMemory {
    type Reply = wire::Memory;
    const WRITES: bool = true;

    fn request(&self) -> Request {
        Request::new(Method::PUT, path(&self.id)).with_body(&self.change)
    }

    fn check(&self) -> Result<(), VerbError> {
        let _edit = self.edit()?;
        id(&self.id).map(drop)
    }

    fn run(self, engine: &Engine, caller: Caller, _: &dyn Monitor) -> Result<Self::Reply, VerbError> {
        let edit = self.edit()?;
        let memory = engine.edit_memory(&id(&self.id)?, &edit, caller)?;
        tracing::info!(id = memory.id.as_str(), status = memory.status.as_str(), "memory_updated");
        Ok(memory.into())
    }
}

impl UpdateMemory {
    fn edit(&self) -> Result<MemoryEdit, VerbError> {
        if self.change == MemoryChange::default() {
            return Err(VerbError::new(ErrorCode::InvalidRequest, "nothing was named that should change")
                .with_hint("give `content`, `confidence`, `status` or `superseded_by`"));
        }
        Ok(MemoryEdit {
            content: self
                .change
                .content
                .as_deref()
                .map(|text| facts::read::<FactText>("content", text, TEXT_FORM))
                .transpose()?,
            confidence: facts::confidence(self.change.confidence)?,
            status: facts::read_any("status", self.change.status.as_deref(), STATUS_FORM)?,
            superseded_by: facts::read_any("superseded_by", self.change.superseded_by.as_deref(), ID_FORM)?,
        })
    }
}

impl Verb for DecideMemory {
    type Reply = wire::Memory;
    const WRITES: bool = true;

    fn request(&self) -> Request {
        let path = path(&self.id);
        match self.decision {
            MemoryDecision::Promote => Request::new(Method::POST, format!("{path}/promote")),
            MemoryDecision::Reject => Request::new(Method::POST, format!("{path}/reject")),
            MemoryDecision::Invalidate => Request::new(Method::DELETE, path),
        }
    }

    fn check(&self) -> Result<(), VerbError> {
        id(&self.id).map(drop)
    }

    fn run(self, engine: &Engine, caller: Caller, _: &dyn Monitor) -> Result<Self::Reply, VerbError> {
        let id = id(&self.id)?;
        let memory = match self.decision {
            MemoryDecision::Promote => engine.promote_memory(&id, caller)?,
            MemoryDecision::Reject => engine.reject_memory(&id, caller)?,
            MemoryDecision::Invalidate => engine.invalidate_memory(&id, caller)?,
        };
        tracing::info!(id = memory.id.as_str(), status = memory.status.as_str(), "memory_decided");
        Ok(memory.into())
    }
}

fn proposed(status: MemoryStatus) -> Result<bool, VerbError> {
    match status {
        MemoryStatus::Active => Ok(false),
        MemoryStatus::Candidate => Ok(true),
        other => {
            let message = format!("`status` cannot be used: a memory is not recorded as {other}");
            Err(VerbError::new(ErrorCode::InvalidRequest, message)
                .with_hint("give `active` or `candidate`, or leave it out"))
        }
    }
}

fn id(text: &str) -> Result<MemoryId, VerbError> {
    facts::read("id", text, ID_FORM)
}

fn path(id: &str) -> String {
    format!("/memory/{}", segment(id))
}
