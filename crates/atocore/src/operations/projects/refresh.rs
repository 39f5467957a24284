use atocore_model::refresh::RefreshOptions;

use super::project_name;
use crate::operations::prelude::*;

/// Reads what changed in the roots of a project.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct RefreshProject {
    /// Id or alias, in any case.
    #[arg(skip)]
    pub name: String,
    /// Remove documents even when all of a root are gone, or more than the settings allow; else such a root is skipped,
    /// because its disk may not be mounted.
    #[serde(default, deserialize_with = "lenient::or_default")]
    #[schema(value_type = Option<bool>)]
    #[arg(long)]
    pub allow_empty: bool,
    /// Read every file, also one that looks unchanged.
    #[serde(default, deserialize_with = "lenient::or_default")]
    #[schema(value_type = Option<bool>)]
    #[arg(long)]
    pub reread: bool,
}

impl RefreshProject {
    /// A refresh as usual.
    #[must_use]
    pub fn of(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }
}

impl Operation for RefreshProject {
    type Reply = wire::RefreshResult;
    const SPEC: Spec = Spec::post(super::TAG, "refresh_project", "/projects/{name}/refresh")
        .answers("What became of every root and file")
        .body(Body::Optional)
        .query(&["allow_empty", "reread"])
        .long("refresh");

    fn subject(&self) -> Option<&str> {
        Some(&self.name)
    }

    fn check(&self) -> Result<(), ApiError> {
        project_name(&self.name).map(drop)
    }

    fn project(&self) -> Option<&str> {
        Some(&self.name)
    }

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        let result = self.refresh(context);
        if let Some(server) = context.server {
            let outcome = result.as_ref().map_or_else(|error| error.code.as_str(), |result| &result.status);
            server.metrics.refreshed(outcome);
        }
        result
    }
}

impl RefreshProject {
    fn refresh(self, context: &Context<'_>) -> Result<wire::RefreshResult, ApiError> {
        let options = RefreshOptions { allow_empty: self.allow_empty, reread: self.reread };
        let name = project_name(&self.name)?;
        let report = context.engine().refresh_with(&name, options, context.caller, context.monitor)?;
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
