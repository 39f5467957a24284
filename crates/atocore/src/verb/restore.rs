//! Restoring over the present state: the plan, the restore, and the way back.
//!
//! A plan is a verb like any other. Carrying it out closes and opens the engine, so it goes its own way: a door that
//! has the engine to itself calls [`Restore::prepare`] and the engine, others send [`Restore::request`].

use atocore_engine::{Caller, Engine, PreparedRestore};
use atocore_model::{
    id::{Generation, SnapshotId},
    monitor::Monitor,
};
use axum::http::Method;

use super::{Request, Verb, VerbError, backups::stamp, request::segment};
use crate::wire;

/// To which state to go back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RestoreTo {
    /// That of a snapshot.
    Snapshot(String),
    /// That before the last restore.
    Undo,
}

/// Goes back to an earlier state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restore {
    /// To which.
    pub to: RestoreTo,
    /// The generation of the plan that was read; refused when the store has moved on. Without it, as things are now.
    pub generation: Option<u64>,
}

/// Says what a restore over the present state would change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanRestore(pub RestoreTo);

impl RestoreTo {
    fn stamp(&self, engine: &Engine) -> Result<SnapshotId, VerbError> {
        match self {
            Self::Snapshot(text) => stamp(text, || engine.latest_snapshot()),
            Self::Undo => Ok(engine.undo_point()?),
        }
    }

    fn path(&self) -> String {
        match self {
            Self::Snapshot(stamp) => format!("/admin/backup/{}/restore", segment(stamp)),
            Self::Undo => "/admin/backup/undo".to_owned(),
        }
    }

    /// The stamp, where one was named.
    #[must_use]
    pub fn subject(&self) -> Option<String> {
        match self {
            Self::Snapshot(stamp) => Some(stamp.clone()),
            Self::Undo => None,
        }
    }
}

impl Restore {
    /// The restore as an HTTP request.
    #[must_use]
    pub fn request(&self) -> Request {
        let of_plan = self.generation.map(|generation| format!("?generation={generation}"));
        Request::new(Method::POST, self.to.path() + of_plan.as_deref().unwrap_or_default())
    }

    /// Makes everything ready while the engine goes on answering.
    ///
    /// # Errors
    /// `invalid_stamp`; `plan_outdated`; else what the engine says.
    pub fn prepare(&self, engine: &Engine, monitor: &dyn Monitor) -> Result<PreparedRestore, VerbError> {
        let planned = self.generation.map(Generation);
        Ok(engine.prepare_restore(self.to.stamp(engine)?, planned, monitor)?)
    }
}

impl Verb for PlanRestore {
    type Reply = wire::RestorePlan;
    const WRITES: bool = false;
    const LONG: bool = true;
    const NAME: &'static str = "restore_plan";

    fn subject(&self) -> Option<String> {
        self.0.subject()
    }

    fn request(&self) -> Request {
        Request::new(Method::GET, self.0.path())
    }

    fn run(self, engine: &Engine, _: Caller, monitor: &dyn Monitor) -> Result<Self::Reply, VerbError> {
        Ok(engine.plan_restore(self.0.stamp(engine)?, monitor)?.into())
    }
}
