use atocore_engine::DocumentLinks;

use super::ToolWords;
use crate::operations::prelude::*;

/// Shows the links of a document to others of its project, and those that lead to it
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct ShowLinks {
    /// Its id or that of a passage; with a project, its path.
    #[arg(value_name = "ID|PATH")]
    pub document: String,
    /// The project that has the path.
    #[serde(default, deserialize_with = "lenient::text")]
    #[arg(long, value_name = "P")]
    pub project: Option<String>,
    /// How many of each; 50 when left out.
    #[serde(default, deserialize_with = "lenient::number")]
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
}

impl Operation for ShowLinks {
    type Reply = DocumentLinks;
    const SPEC: Spec = Spec::get("projects", "show_links", "/links").answers("The links").tool(ToolWords {
        name: "atocore_links",
        title: "Show links",
        description: "Shows what a document has links to and what has links to it, each with its line. Give an id that atocore_search \
                      has found.",
    });

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        let document = fields::document(&self.document, self.project.as_deref())?;
        Ok(context.engine().links(&document, fields::limit(self.limit)?)?)
    }
}
