use atocore_engine::DocumentEntry;
use atocore_model::id::{DocumentId, Generation};

use super::{ToolWords, projects::project_name};
use crate::operations::prelude::*;

const AFTER_FORM: &str = "give the `next` of the page before";

/// Lists the documents of a project by path: title, date, and whether the file is as it was read
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct ListDocuments {
    /// The project, by its id or an alias.
    pub project: String,
    /// How many at most; 50 when left out.
    #[serde(default, deserialize_with = "lenient::number")]
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// The `next` of the page before.
    #[serde(default, deserialize_with = "lenient::text")]
    #[arg(long, value_name = "ID")]
    pub after: Option<String>,
}

/// A page of documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DocumentList {
    /// The documents, by path.
    pub documents: Vec<DocumentEntry>,
    /// The id to give as `after` for the next page; null when there is none.
    pub next: Option<DocumentId>,
    /// The generation that this shows.
    pub generation: Generation,
}

impl Operation for ListDocuments {
    type Reply = DocumentList;
    const SPEC: Spec =
        Spec::get("projects", "list_documents", "/projects/{project}/documents").answers("A page").tool(ToolWords {
            name: "atocore_documents",
            title: "List documents",
            description: "Lists the documents of a project: path, title, date, and whether the file is as it was read. \
                          Read one with atocore_get.",
        });

    fn project(&self) -> Option<&str> {
        Some(&self.project)
    }

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        let project = project_name(&self.project)?;
        let limit = fields::limit(self.limit)?;
        let after = fields::read_any("after", self.after.as_deref(), AFTER_FORM)?;
        let page = context.engine().documents(&project, limit, after.as_ref())?;
        Ok(DocumentList {
            next: page.last_before_more(limit).map(|document| document.id.clone()),
            documents: page.rows,
            generation: page.generation,
        })
    }
}
