//! Project state: what somebody recorded as true of a project.

mod invalidate;
mod list;
mod set;

use atocore_model::fact::{Category, StateKey};

pub use invalidate::InvalidateState;
pub use list::ListState;
pub use set::SetState;

use super::{ApiError, fields};

/// The group that these are listed in.
const TAG: &str = "facts";

const CATEGORY_FORM: &str = "a category is one word: `decision`, `requirement`, `status`, `contact`";
const KEY_FORM: &str = "a key is one line that names the entry: `database`";

fn category(text: &str) -> Result<Category, ApiError> {
    fields::read("category", text, CATEGORY_FORM)
}

fn key(text: &str) -> Result<StateKey, ApiError> {
    fields::read("key", text, KEY_FORM)
}
