//! Interactions: what was asked of a model, what it was given, and what it answered.

mod list;
mod record;
mod show;

pub use list::{InteractionList, ListInteractions};
pub use record::RecordInteraction;
pub use show::ShowInteraction;

/// The group that these are listed in.
const TAG: &str = "facts";

const LABEL_FORM: &str = "a name of at most 200 characters, or nothing";
const ID_FORM: &str = "`atocore interaction list` shows every id";
