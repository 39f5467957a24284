use atocore_engine::evaluation::question_file;
use atocore_model::error::ErrorCode;

use crate::operations::prelude::*;

/// Makes a case for an evaluation of a question that is kept: what `atocore eval` reads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct MakeCase {
    /// The number of the question.
    pub number: u64,
    /// The documents that answer it, by their paths below their roots or as globs.
    #[serde(default, deserialize_with = "lenient::list", skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "PATH")]
    pub expect: Option<Vec<String>>,
    /// Nothing here answers it.
    #[serde(default, deserialize_with = "lenient::or_default")]
    #[schema(value_type = Option<bool>)]
    #[arg(long)]
    pub unanswerable: bool,
}

/// A case for an evaluation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EvaluationCase {
    /// A `[[question]]` in TOML.
    pub toml: String,
}

impl Operation for MakeCase {
    type Reply = EvaluationCase;
    const SPEC: Spec = Spec::post(super::TAG, "make_case", "/questions/{number}/case")
        .answers("The case")
        .access(Needs::Read);

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        let expect = self.expect.unwrap_or_default();
        if expect.is_empty() != self.unanswerable {
            let message = "a case needs either `expect` or `unanswerable`";
            return Err(ApiError::new(ErrorCode::InvalidRequest, message).with_hint(
                "name the documents that answer the question, or say that nothing here does, not both",
            ));
        }
        let asked = context.engine().kept_question(self.number)?;
        Ok(EvaluationCase { toml: question_file::case(&asked, &expect)? })
    }
}
