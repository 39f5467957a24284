//! Project state: what is known to be true of a project, each under a category and a key. The most trusted of facts;
//! nothing is ever promoted into it by itself.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Confidence, FactText, Source};
use crate::{
    id::{Generation, ProjectId, StateId},
    json::{checked_text, words},
    name::ProjectName,
    text,
    time::Timestamp,
};

/// One thing that is true of a project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StateEntry {
    /// Its id; stays through all its values.
    pub id: StateId,
    /// The project.
    pub project: ProjectId,
    /// What sort of thing: `decision`, `requirement`, `status`.
    pub category: Category,
    /// Which one of its category.
    pub key: StateKey,
    /// What is true.
    pub value: FactText,
    /// Where it comes from; may be empty.
    pub source: Source,
    /// How sure somebody was.
    pub confidence: Confidence,
    /// Whether it still holds.
    pub status: StateStatus,
    /// When it was first recorded.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// The generation of its last change.
    pub generation: Generation,
}

/// What is to be recorded; takes the place of what the category and key said before.
#[derive(Debug, Clone, PartialEq)]
pub struct NewState {
    /// The project, by any of its names.
    pub project: ProjectName,
    /// What sort of thing.
    pub category: Category,
    /// Which one of its category.
    pub key: StateKey,
    /// What is true.
    pub value: FactText,
    /// Where it comes from.
    pub source: Source,
    /// How sure somebody is.
    pub confidence: Confidence,
}

words! {
    /// Whether an entry still holds.
    StateStatus, "a state of an entry", {
        /// It holds.
        Active = "active",
        /// It no longer holds.
        Invalid = "invalid",
    }
}

/// Why a text is no category or key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// Not a category.
    #[error(
        "`{0}` is not a category: letters, digits, hyphens and underscores, at most 64, for example `decision`"
    )]
    Category(String),
    /// Not a key.
    #[error("`{0}` is not a key: one line of at most 200 characters, without control characters")]
    Key(String),
}

checked_text! {
    /// What sort of thing an entry says: one word in lower case.
    #[schema(example = "decision")]
    Category
}

impl FromStr for Category {
    type Err = InvalidKey;

    fn from_str(given: &str) -> Result<Self, Self::Err> {
        let word = text::nfc(given.trim()).to_lowercase();
        let shape = !word.is_empty()
            && word.chars().count() <= 64
            && word.chars().all(|c| text::is_of_a_word(c) || c == '-' || c == '_');
        if shape { Ok(Self(word)) } else { Err(InvalidKey::Category(text::excerpt(given))) }
    }
}

checked_text! {
    /// Which entry of its category: one line, as it was written, in NFC.
    #[schema(example = "database")]
    StateKey
}

impl FromStr for StateKey {
    type Err = InvalidKey;

    fn from_str(given: &str) -> Result<Self, Self::Err> {
        let key = text::nfc(given.trim());
        let shape = !key.is_empty() && key.chars().count() <= 200 && !key.chars().any(char::is_control);
        if shape { Ok(Self(key.into_owned())) } else { Err(InvalidKey::Key(text::excerpt(given))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_category_is_one_word_in_any_case() {
        assert_eq!(" Decision ".parse::<Category>().unwrap().as_str(), "decision");
        assert!("error_budget-2".parse::<Category>().is_ok());
        assert_eq!("ENTSCHEIDUNGU\u{308}".parse::<Category>().unwrap().as_str(), "entscheidungü");
        assert!("निर्णय".parse::<Category>().is_ok(), "a word with vowel signs");
        for bad in ["", "a b", "a/b", "a\nb", "x\0", &"x".repeat(65)] {
            assert!(bad.parse::<Category>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_key_is_one_line() {
        assert_eq!(" which database? ".parse::<StateKey>().unwrap().as_str(), "which database?");
        assert_eq!("cafe\u{301}".parse::<StateKey>().unwrap().as_str(), "café");
        for bad in ["", "  ", "a\nb", "a\0", &"x".repeat(201)] {
            assert!(bad.parse::<StateKey>().is_err(), "{bad:?}");
        }
    }
}
