//! Retention: removing snapshots by a policy, and pinning the ones that stay.

use atocore_engine::{
    Caller, Engine,
    retention::{Keep, Policy},
};
use atocore_model::{error::ErrorCode, monitor::Monitor};
use axum::http::Method;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Request, Verb, VerbError,
    backups::{check_note, stamp},
    lenient,
    request::segment,
};
use crate::wire;

/// Removes the snapshots that the policy does not keep, or says which those are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PruneBackups {
    /// Whether it is done. Otherwise nothing is changed.
    #[serde(deserialize_with = "lenient::or_default")]
    #[schema(value_type = Option<bool>)]
    pub apply: bool,
    /// How many of the newest are kept; what is left out here and below is as the settings say.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "Option::is_none")]
    pub keep_last: Option<u32>,
    /// Of how many hours the newest is kept; hours without a snapshot do not count.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "Option::is_none")]
    pub keep_hourly: Option<u32>,
    /// The same for days.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "Option::is_none")]
    pub keep_daily: Option<u32>,
    /// The same for weeks.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "Option::is_none")]
    pub keep_weekly: Option<u32>,
    /// The same for months.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "Option::is_none")]
    pub keep_monthly: Option<u32>,
    /// The same for years.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "Option::is_none")]
    pub keep_yearly: Option<u32>,
}

/// Pins a snapshot: no removal takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinBackup {
    /// Its stamp.
    pub stamp: String,
    /// Why, for people.
    pub note: String,
}

/// Removes the pin of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnpinBackup {
    /// Its stamp.
    pub stamp: String,
}

/// Why a snapshot is pinned.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PinNote {
    /// A line for people, at most 500 characters.
    pub note: String,
}

impl PruneBackups {
    /// The policy of the settings with what was given instead.
    fn policy(&self, settings: &Policy) -> Result<Policy, VerbError> {
        let keep = settings.keep();
        Policy::new(Keep {
            last: self.keep_last.unwrap_or(keep.last),
            hourly: self.keep_hourly.unwrap_or(keep.hourly),
            daily: self.keep_daily.unwrap_or(keep.daily),
            weekly: self.keep_weekly.unwrap_or(keep.weekly),
            monthly: self.keep_monthly.unwrap_or(keep.monthly),
            yearly: self.keep_yearly.unwrap_or(keep.yearly),
        })
        .map_err(|error| {
            VerbError::new(ErrorCode::InvalidRequest, error.to_string()).with_hint(format!(
                "give at least one rule a number from 1 to {}: `--keep-last 1` keeps the newest and what is \
                 never removed",
                Keep::MOST
            ))
        })
    }
}

// The backup directory has locks of its own, so none of these needs the engine that owns the store.

impl Verb for PruneBackups {
    type Reply = wire::PruneResult;
    const WRITES: bool = false;
    const LONG: bool = true;
    const NAME: &'static str = "prune";

    fn request(&self) -> Request {
        Request::new(Method::POST, "/admin/backup/prune").with_body(self)
    }

    fn run(self, engine: &Engine, _: Caller, monitor: &dyn Monitor) -> Result<Self::Reply, VerbError> {
        let policy = self.policy(engine.retention())?;
        if !self.apply {
            return Ok(wire::PruneResult::planned(&policy, &engine.plan_prune(&policy, monitor)?));
        }
        let result = wire::PruneResult::done(&policy, &engine.prune(&policy, monitor)?);
        let (removed, failed, bytes) = (result.removed.len(), result.failed.len(), result.bytes);
        tracing::info!(removed, failed, bytes, "runtime_backup_pruned");
        for failure in &result.failed {
            tracing::warn!(
                stamp = failure.stamp,
                why = failure.reason,
                "a snapshot could not be removed as planned"
            );
        }
        Ok(result)
    }
}

impl Verb for PinBackup {
    type Reply = wire::PinResult;
    const WRITES: bool = false;

    fn request(&self) -> Request {
        Request::new(Method::POST, format!("/admin/backup/{}/pin", segment(&self.stamp)))
            .with_body(&PinNote { note: self.note.clone() })
    }

    fn run(self, engine: &Engine, _: Caller, _: &dyn Monitor) -> Result<Self::Reply, VerbError> {
        let stamp = stamp(&self.stamp, || engine.latest_snapshot())?;
        check_note(&self.note)?;
        engine.pin_snapshot(stamp, &self.note)?;
        Ok(wire::PinResult { stamp: stamp.to_string(), pinned: true, was_pinned: None })
    }
}

impl Verb for UnpinBackup {
    type Reply = wire::PinResult;
    const WRITES: bool = false;

    fn request(&self) -> Request {
        Request::new(Method::DELETE, format!("/admin/backup/{}/pin", segment(&self.stamp)))
    }

    fn run(self, engine: &Engine, _: Caller, _: &dyn Monitor) -> Result<Self::Reply, VerbError> {
        let stamp = stamp(&self.stamp, || engine.latest_snapshot())?;
        let was_pinned = engine.unpin_snapshot(stamp)?;
        Ok(wire::PinResult { stamp: stamp.to_string(), pinned: false, was_pinned: Some(was_pinned) })
    }
}
