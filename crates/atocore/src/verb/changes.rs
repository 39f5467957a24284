//! The journal of facts: list changes, and take one back.

use atocore_engine::{Caller, Engine};
use atocore_model::{
    error::ErrorCode,
    fact::{ChangeFilter, FactId, FactKind},
    monitor::Monitor,
};
use axum::http::Method;

use super::{Request, Verb, VerbError, facts};
use crate::wire;

const KIND_FORM: &str = "give `state`, `memory` or `interaction`, or leave it out";
const FACT_FORM: &str = "give the id of a fact, as its list shows it";

/// Lists changes of facts, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListChanges {
    /// Only of facts of this project.
    pub project: Option<String>,
    /// Only of this kind of fact.
    pub kind: Option<String>,
    /// Only of the fact with this id.
    pub fact: Option<String>,
    /// Only at this time or later.
    pub since: Option<String>,
    /// How many at most: 1 to 500, 50 when left out.
    pub limit: Option<u64>,
    /// The `next` of the page before.
    pub after: Option<u64>,
}

/// Takes a change back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReverseChange {
    /// Its number.
    pub number: u64,
}

impl Verb for ListChanges {
    type Reply = wire::FactChangeList;
    const WRITES: bool = false;

    fn request(&self) -> Request {
        facts::get(
            "/facts/changes",
            &[
                ("project", self.project.clone()),
                ("kind", self.kind.clone()),
                ("fact", self.fact.clone()),
                ("since", self.since.clone()),
                ("limit", facts::text(self.limit.as_ref())),
                ("after", facts::text(self.after.as_ref())),
            ],
        )
    }

    fn run(self, engine: &Engine, _: Caller, _: &dyn Monitor) -> Result<Self::Reply, VerbError> {
        let filter = ChangeFilter {
            project: facts::project(self.project.as_deref())?,
            kind: facts::read_any::<FactKind>("kind", self.kind.as_deref(), KIND_FORM)?,
            fact: facts::read_any::<FactId>("fact", self.fact.as_deref(), FACT_FORM)?,
            since: facts::since(self.since.as_deref())?,
            limit: facts::limit(self.limit)?,
            after: self.after.map(number).transpose()?,
        };
        Ok(wire::FactChangeList::new(engine.fact_changes(&filter)?, filter.limit))
    }
}

/// The number of a change: those there are begin at 1, and SQLite counts to 2^63.
fn number(after: u64) -> Result<u64, VerbError> {
    if i64::try_from(after).is_ok() {
        return Ok(after);
    }
    let message = format!("`after` cannot be used: {after} is the number of no change");
    Err(VerbError::new(ErrorCode::InvalidRequest, message).with_hint("give the `next` of the page before"))
}

impl Verb for ReverseChange {
    type Reply = wire::FactChange;
    const WRITES: bool = true;

    fn request(&self) -> Request {
        Request::new(Method::POST, format!("/facts/changes/{}/reverse", self.number))
    }

    fn run(self, engine: &Engine, caller: Caller, _: &dyn Monitor) -> Result<Self::Reply, VerbError> {
        let change = engine.reverse_change(self.number, caller)?;
        tracing::info!(reversed = self.number, number = change.number, "fact_change_reversed");
        Ok(change.into())
    }
}
