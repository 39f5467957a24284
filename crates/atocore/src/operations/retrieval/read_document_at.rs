use atocore_model::excerpt::DocumentRef;

use super::{DocumentText, reading};
use crate::operations::{prelude::*, projects::project_name};

/// Reads lines of the document at a path of a project.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadDocumentAt {
    /// Id or alias, in any case.
    pub project: String,
    /// Path of the document below its root.
    pub path: String,
    /// As for one that is named by its id.
    #[serde(default, deserialize_with = "lenient::text")]
    pub lines: Option<String>,
    /// As for one that is named by its id.
    #[serde(default, deserialize_with = "lenient::number")]
    pub max_chars: Option<u64>,
}

impl Operation for ReadDocumentAt {
    type Reply = DocumentText;
    const SPEC: Spec = Spec::get(super::TAG, "read_document_at", "/documents")
        .answers("The lines, and where to go on when there are more");

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        let path = self.path.parse().map_err(|error| {
            ApiError::invalid("path", &error, "give the path below the root, as a query shows it")
        })?;
        let document = DocumentRef::Place { project: project_name(&self.project)?, path };
        let reading = reading(document, self.lines.as_deref(), self.max_chars)?;
        Ok(context.engine().read_document(&reading)?.into())
    }
}
