use atocore_engine::{DocumentEntry, DocumentFilter};
use atocore_model::{
    document::{DocumentState, conditions::DocumentConditions},
    id::{DocumentId, Generation},
};

use super::{ToolWords, projects::project_name};
use crate::operations::prelude::*;

pub(super) const AFTER_FORM: &str = "give the `next` of the page before";

/// Lists the documents of a project by path: title, date, format, tags, size, and whether the file is as it was read
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct ListDocuments {
    /// The project, by its id or an alias.
    pub project: String,
    /// Only those with this in their path or title.
    #[serde(default, deserialize_with = "lenient::text")]
    #[arg(long, value_name = "TEXT")]
    pub matching: Option<String>,
    /// Only those read as this: `markdown`, `pdf`, `code`, …
    #[serde(default, deserialize_with = "lenient::text")]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<String>,
    /// Only those with this tag, or one below it.
    #[serde(default, deserialize_with = "lenient::text")]
    #[arg(long, value_name = "TAG")]
    pub tag: Option<String>,
    /// Only those whose file is `current`, `changed`, `gone`, or `unchecked` on another machine.
    #[serde(default, deserialize_with = "lenient::text")]
    #[schema(value_type = Option<DocumentState>)]
    #[arg(long, value_name = "STATE")]
    pub state: Option<String>,
    /// Only those dated then or later: ISO 8601, UTC without an offset.
    #[serde(default, deserialize_with = "lenient::text")]
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Only those dated before.
    #[serde(default, deserialize_with = "lenient::text")]
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// How many at most; 50 when left out.
    #[serde(default, deserialize_with = "lenient::number")]
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// The `next` of the page before.
    #[serde(default, deserialize_with = "lenient::text")]
    #[arg(long, value_name = "ID")]
    pub after: Option<String>,
}

const STATES: &str = "give `current`, `changed`, `gone` or `unchecked`";

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
            description: "Lists the documents of a project, by name, format, tag or state: path, title, date, and whether the file is \
                          as it was read.",
        });

    fn project(&self) -> Option<&str> {
        Some(&self.project)
    }

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        let project = project_name(&self.project)?;
        let limit = fields::limit(self.limit)?;
        let after = fields::read_any("after", self.after.as_deref(), AFTER_FORM)?;
        let tag = fields::read_any("tag", self.tag.as_deref(), "give a tag as a list of documents shows it")?;
        let filter = DocumentFilter {
            matching: self.matching,
            state: fields::read_any("state", self.state.as_deref(), STATES)?,
            conditions: DocumentConditions {
                tags: tag.into_iter().collect(),
                since: fields::time("since", self.since.as_deref())?,
                until: fields::time("until", self.until.as_deref())?,
                format: self.format.map(fields::format).transpose()?,
                ..DocumentConditions::NONE
            },
        };
        let page = context.engine().documents(&project, &filter, limit, after.as_ref())?;
        Ok(DocumentList {
            next: page.last_before_more(limit).map(|document| document.id.clone()),
            documents: page.rows,
            generation: page.generation,
        })
    }
}
