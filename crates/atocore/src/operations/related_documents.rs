use atocore_engine::RelatedDocuments;

use crate::operations::prelude::*;

/// Lists the documents that are related to one, by the links between them and by what they mean
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct ListRelated {
    /// Its id or that of a passage; with a project, its path.
    #[arg(value_name = "ID|PATH")]
    pub document: String,
    /// The project that has the path.
    #[serde(default, deserialize_with = "lenient::text")]
    #[arg(long, value_name = "P")]
    pub project: Option<String>,
    /// How many at most; 50 when left out.
    #[serde(default, deserialize_with = "lenient::number")]
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
}

impl Operation for ListRelated {
    type Reply = RelatedDocuments;
    const SPEC: Spec =
        Spec::get("projects", "list_related", "/related").answers("The closest first").indexed();

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        let document = fields::document(&self.document, self.project.as_deref())?;
        Ok(context.engine().related(&document, fields::limit(self.limit)?)?)
    }
}
