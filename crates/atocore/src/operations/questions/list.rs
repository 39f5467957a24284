use atocore_model::{
    id::Generation,
    query::{KeptQuestion, KeptQuestionFilter},
};

use crate::operations::prelude::*;

/// Lists the questions that are kept, the one that was asked last first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, Args)]
#[serde(deny_unknown_fields)]
pub struct ListQuestions {
    /// Only those for which nothing fitted well the last time.
    #[serde(default, deserialize_with = "lenient::or_default")]
    #[schema(value_type = Option<bool>)]
    #[arg(long)]
    pub unanswered: bool,
    /// Only those about this project, by its id or an alias.
    #[serde(default, deserialize_with = "lenient::text")]
    #[arg(long, value_name = "P")]
    pub project: Option<String>,
    /// How many at most: 1 to 500, 50 when left out.
    #[serde(default, deserialize_with = "lenient::number")]
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// The `next` of the page before.
    #[serde(default, deserialize_with = "lenient::number")]
    #[arg(long, value_name = "NUMBER")]
    pub after: Option<u64>,
}

/// A page of questions, the one that was asked last first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct QuestionList {
    /// The questions.
    pub questions: Vec<KeptQuestion>,
    /// The number to give as `after` for the next page; null when there is none.
    pub next: Option<u64>,
    /// The generation that this shows.
    pub generation: Generation,
}

impl Operation for ListQuestions {
    type Reply = QuestionList;
    const SPEC: Spec = Spec::get(super::TAG, "list_questions", "/questions").answers("A page");

    fn run(self, context: &mut Context<'_>) -> Result<Self::Reply, ApiError> {
        let filter = KeptQuestionFilter {
            unanswered: self.unanswered,
            project: fields::project(self.project.as_deref())?,
            limit: fields::limit(self.limit)?,
            after: fields::after_number(self.after)?,
        };
        let page = context.engine().kept_questions(&filter)?;
        Ok(QuestionList {
            next: page.last_before_more(filter.limit).map(|question| question.number),
            questions: page.rows,
            generation: page.generation,
        })
    }
}
