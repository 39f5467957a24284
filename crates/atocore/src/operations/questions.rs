//! Questions that were asked and are kept, where the owner wants that.

mod case;
mod forget;
mod list;

pub use case::{EvaluationCase, MakeCase};
pub use forget::{ForgetQuestions, QuestionsForgotten};
pub use list::{ListQuestions, QuestionList};

/// The group that these are listed in.
const TAG: &str = "questions";
