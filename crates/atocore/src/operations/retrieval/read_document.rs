use atocore_model::excerpt::DocumentRef;

use super::reading;
use crate::operations::prelude::*;

const ID_FORM: &str = "a query gives the ids of what it finds; or name a project and a path in it";

/// Reads lines of a document.
///
/// They come from its file when that still has the bytes that were ingested, else from the stored passages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct ReadDocument {
    /// The id of a document, `doc_…`, or of a passage, `chk_…`.
    #[arg(value_name = "ID|PATH")]
    pub id: String,
    /// `10-40`, `10-` or `10`, counted from 1; left out: all of a document, the lines of a passage.
    #[serde(default, deserialize_with = "lenient::text")]
    #[arg(long, value_name = "LINES")]
    pub lines: Option<String>,
    /// How many characters at most: 1 to 200000, 20000 when left out.
    #[serde(default, deserialize_with = "lenient::number")]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub max_chars: Option<u64>,
}

impl Operation for ReadDocument {
    type Reply = wire::DocumentText;
    const SPEC: Spec = Spec::get(super::TAG, "read_document", "/documents/{id}")
        .answers("The lines, and where to go on when there are more");

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        let document =
            self.id.parse::<DocumentRef>().map_err(|error| ApiError::invalid("id", &error, ID_FORM))?;
        let reading = reading(document, self.lines.as_deref(), self.max_chars)?;
        Ok(context.engine().read_document(&reading)?.into())
    }
}
