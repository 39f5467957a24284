//! Bringing a project's documents up to date.

use atocore_engine::{Caller, Engine};
use atocore_model::{monitor::Monitor, refresh::RefreshOptions};
use axum::http::Method;

use super::{Request, Verb, VerbError, projects::project_name, request::segment};
use crate::{http::Metrics, wire};

/// Reads what changed in the roots of one project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refresh {
    /// Its id or an alias, in any case.
    pub name: String,
    /// How, when not as usual.
    pub options: RefreshOptions,
}

impl Refresh {
    /// A refresh as usual.
    #[must_use]
    pub fn of(name: impl Into<String>) -> Self {
        Self { name: name.into(), options: RefreshOptions::default() }
    }
}

impl Verb for Refresh {
    type Reply = wire::RefreshResult;
    const WRITES: bool = true;
    const LONG: bool = true;
    const NAME: &'static str = "refresh";

    fn subject(&self) -> Option<String> {
        Some(self.name.clone())
    }

    fn check(&self) -> Result<(), VerbError> {
        project_name(&self.name).map(drop)
    }

    fn project(&self) -> Option<&str> {
        Some(&self.name)
    }

    fn measure(result: &Result<Self::Reply, VerbError>, metrics: &Metrics) {
        let outcome = result.as_ref().map_or_else(|error| error.code.as_str(), |result| &result.status);
        metrics.refreshed(outcome);
    }

    fn request(&self) -> Request {
        let RefreshOptions { allow_empty, reread } = self.options;
        let asked = [("allow_empty", allow_empty), ("reread", reread)];
        let asked: Vec<_> =
            asked.iter().filter(|(_, asked)| *asked).map(|(key, _)| format!("{key}=true")).collect();
        let query = if asked.is_empty() { String::new() } else { format!("?{}", asked.join("&")) };
        Request::new(Method::POST, format!("/projects/{}/refresh{query}", segment(&self.name)))
    }

    fn run(self, engine: &Engine, caller: Caller, monitor: &dyn Monitor) -> Result<Self::Reply, VerbError> {
        let report = engine.refresh_with(&project_name(&self.name)?, self.options, caller, monitor)?;
        let result = wire::RefreshResult::from(report);
        tracing::info!(
            project = result.project,
            status = result.status,
            roots_ingested = result.roots_ingested,
            roots_skipped = result.roots_skipped,
            files_ingested = result.counts.ingested,
            files_unchanged = result.counts.unchanged,
            files_removed = result.counts.removed,
            files_skipped = result.counts.skipped,
            files_failed = result.counts.failed,
            generation = result.generation,
            "project_refreshed"
        );
        Ok(result)
    }
}
