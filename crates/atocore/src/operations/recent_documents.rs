use atocore_engine::RecentDocument;
use atocore_model::id::Generation;

use crate::operations::prelude::*;

/// Lists the documents whose files were changed last, of all projects, the newest first
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct RecentDocuments {
    /// Only of this project, by its id or an alias.
    #[serde(default, deserialize_with = "lenient::text")]
    #[arg(long, value_name = "P")]
    pub project: Option<String>,
    /// Only those changed then or later: ISO 8601, UTC without an offset.
    #[serde(default, deserialize_with = "lenient::text")]
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// How many at most: 1 to 500, 50 when left out.
    #[serde(default, deserialize_with = "lenient::number")]
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
}

/// Documents, the one that was changed last first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecentList {
    /// The documents.
    pub documents: Vec<RecentDocument>,
    /// The generation that this shows.
    pub generation: Generation,
}

impl Operation for RecentDocuments {
    type Reply = RecentList;
    const SPEC: Spec = Spec::get("projects", "recent_documents", "/recent").answers("The newest documents");

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        let (project, since) =
            (fields::project(self.project.as_deref())?, fields::time("since", self.since.as_deref())?);
        let page = context.engine().recent_documents(project.as_ref(), since, fields::limit(self.limit)?)?;
        Ok(RecentList { documents: page.rows, generation: page.generation })
    }
}
