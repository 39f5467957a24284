use atocore_model::error::ErrorCode;

use crate::operations::prelude::*;

/// Forgets a question that is kept, or all of them with what their answers showed. Snapshots that were taken before still have
/// them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct ForgetQuestions {
    /// The number of the question.
    #[serde(default, deserialize_with = "lenient::number")]
    pub number: Option<u64>,
    /// All of them.
    #[serde(default, deserialize_with = "lenient::or_default")]
    #[schema(value_type = Option<bool>)]
    #[arg(long)]
    pub all: bool,
}

/// How many questions were forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QuestionsForgotten {
    /// How many.
    pub forgotten: u64,
}

impl Operation for ForgetQuestions {
    type Reply = QuestionsForgotten;
    const SPEC: Spec = Spec::delete(super::TAG, "forget_questions", "/questions")
        .answers("How many are gone from the store");

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        if self.number.is_some() == self.all {
            let message = "say which question to forget, by its `number`, or `all` of them";
            return Err(ApiError::new(ErrorCode::InvalidRequest, message)
                .with_hint("`atocore questions list` shows their numbers"));
        }
        let forgotten = context.engine().forget_questions(self.number)?;
        tracing::info!(forgotten, "questions_forgotten");
        Ok(QuestionsForgotten { forgotten })
    }
}
