use atocore_engine::DocumentEntry;
use atocore_model::{
    id::{DocumentId, Generation},
    time::Timestamp,
};

use super::projects::project_name;
use crate::operations::prelude::*;

/// Lists the documents of a project that no answer to a kept question has shown
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct ListUnfound {
    /// The project, by its id or an alias.
    pub project: String,
    /// How many at most: 1 to 500, 50 when left out.
    #[serde(default, deserialize_with = "lenient::number")]
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// The `next` of the page before.
    #[serde(default, deserialize_with = "lenient::text")]
    #[arg(long, value_name = "ID")]
    pub after: Option<String>,
}

/// A page of documents that were never found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UnfoundList {
    /// How many different questions are kept.
    pub questions: u64,
    /// When the first of them was asked first.
    pub since: Timestamp,
    /// The documents, by path.
    pub documents: Vec<DocumentEntry>,
    /// The id to give as `after` for the next page; null when there is none.
    pub next: Option<DocumentId>,
    /// The generation that this shows.
    pub generation: Generation,
}

impl Operation for ListUnfound {
    type Reply = UnfoundList;
    const SPEC: Spec =
        Spec::get("questions", "list_unfound_documents", "/projects/{project}/documents/unfound")
            .answers("A page");

    fn project(&self) -> Option<&str> {
        Some(&self.project)
    }

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        let project = project_name(&self.project)?;
        let limit = fields::limit(self.limit)?;
        let after = fields::read_any("after", self.after.as_deref(), super::documents::AFTER_FORM)?;
        let found = context.engine().unfound_documents(&project, limit, after.as_ref())?;
        Ok(UnfoundList {
            next: found.documents.last_before_more(limit).map(|document| document.id.clone()),
            questions: found.questions,
            since: found.since,
            generation: found.documents.generation,
            documents: found.documents.rows,
        })
    }
}
