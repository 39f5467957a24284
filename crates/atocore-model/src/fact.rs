//! Facts: what somebody recorded rather than wrote into a document. They exist nowhere else, so none is ever deleted:
//! what no longer holds is marked so, and every change can be listed and reversed.

pub mod change;
pub mod interaction;
pub mod memory;
pub mod state;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::json::checked_text;

pub use change::{Action, Change, ChangeFilter, Content, FactChange, FactContent, FactId, FactKind};
pub use interaction::{Interaction, InteractionFilter, NewInteraction};
pub use memory::{Memory, MemoryEdit, MemoryFilter, MemoryStatus, MemoryType, NewMemory};
pub use state::{Category, NewState, StateEntry, StateKey, StateStatus};

/// How sure somebody is of a fact: 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "f64")]
#[schema(minimum = 0, maximum = 1)]
pub struct Confidence(f64);

/// A confidence out of range.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("the confidence is {0}, it must be between 0 and 1")]
pub struct InvalidConfidence(pub f64);

impl Confidence {
    /// What a caller gets who does not say.
    pub const CERTAIN: Self = Self(1.0);

    /// Checks the number.
    ///
    /// # Errors
    /// When it is not between 0 and 1.
    pub fn new(value: f64) -> Result<Self, InvalidConfidence> {
        // Adding zero makes one zero of the two there are.
        if (0.0..=1.0).contains(&value) { Ok(Self(value + 0.0)) } else { Err(InvalidConfidence(value)) }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Confidence {
    type Error = InvalidConfidence;

    fn try_from(value: f64) -> Result<Self, Self::Error> {
        Self::new(value)
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a text cannot be recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidText {
    /// Nothing but white space.
    #[error("{what} is empty")]
    Empty {
        /// What the text was meant to be.
        what: &'static str,
    },
    /// Longer than its limit.
    #[error("{what} has {length} characters, {limit} are allowed")]
    TooLong {
        /// What the text was meant to be.
        what: &'static str,
        /// Its length in characters.
        length: usize,
        /// The limit in characters.
        limit: usize,
    },
    /// A character that no text has.
    #[error("{what} has the control character U+{character:04X} as its character {position}")]
    Control {
        /// What the text was meant to be.
        what: &'static str,
        /// The character.
        character: u32,
        /// Where it stands, counted from 1.
        position: usize,
    },
}

/// What a recorded text must be: its length in characters, and which control characters it may have.
struct TextRule {
    what: &'static str,
    limit: usize,
    may_be_empty: bool,
    allowed: fn(char) -> bool,
}

impl TextRule {
    fn check(&self, text: &str) -> Result<(), InvalidText> {
        let what = self.what;
        let length = text.chars().count();
        if length > self.limit {
            return Err(InvalidText::TooLong { what, length, limit: self.limit });
        }
        if let Some((index, character)) =
            text.chars().enumerate().find(|(_, c)| c.is_control() && !(self.allowed)(*c))
        {
            return Err(InvalidText::Control { what, character: character.into(), position: index + 1 });
        }
        if !self.may_be_empty && text.trim().is_empty() {
            return Err(InvalidText::Empty { what });
        }
        Ok(())
    }
}

fn line_breaks_and_tabs(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\t')
}

fn all_but_nul(c: char) -> bool {
    c != '\0'
}

/// Declares a checked text of a fact.
macro_rules! recorded_text {
    ($(#[$doc:meta])* $name:ident, $what:literal, $limit:literal, $empty:literal, $allowed:ident) => {
        checked_text! { $(#[$doc])* $name }

        impl $name {
            /// The most characters it can have.
            pub const LIMIT: usize = $limit;
        }

        impl FromStr for $name {
            type Err = InvalidText;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                TextRule { what: $what, limit: $limit, may_be_empty: $empty, allowed: $allowed }.check(text)?;
                Ok(Self(text.to_owned()))
            }
        }
    };
}

recorded_text! {
    /// The text of a fact: what project state says, or what is remembered.
    FactText, "the text", 20_000, false, line_breaks_and_tabs
}
recorded_text! {
    /// Where a fact comes from: a path, an address, a name; may be empty.
    Source, "the source", 1_000, true, line_breaks_and_tabs
}
recorded_text! {
    /// A word for a client or a session; may be empty.
    Label, "the name", 200, true, line_breaks_and_tabs
}
recorded_text! {
    /// What was said to a model, or what it answered; may be empty. All that a terminal can show is kept.
    Transcript, "the transcript", 500_000, true, all_but_nul
}

/// How many rows of a list are wanted: 1 to [`PageSize::LIMIT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageSize(usize);

/// A page of no possible size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the limit is {0}, it must be between 1 and {limit}", limit = PageSize::LIMIT)]
pub struct InvalidPageSize(pub u64);

impl PageSize {
    /// The most rows one list can have.
    pub const LIMIT: usize = 500;
    /// What a caller gets who does not say.
    pub const DEFAULT: Self = Self(50);

    /// Checks the number.
    ///
    /// # Errors
    /// When it is 0 or above the limit.
    pub fn new(rows: u64) -> Result<Self, InvalidPageSize> {
        match usize::try_from(rows) {
            Ok(rows @ 1..=Self::LIMIT) => Ok(Self(rows)),
            _ => Err(InvalidPageSize(rows)),
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> usize {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confidence_is_between_0_and_1() {
        for bad in [-0.1, 1.000_1, f64::NAN, f64::INFINITY] {
            assert!(Confidence::new(bad).is_err(), "{bad}");
        }
        assert!(Confidence::new(-0.0).unwrap().get().is_sign_positive());
    }

    #[test]
    fn a_fact_has_words_and_no_control_characters() {
        assert_eq!("".parse::<FactText>(), Err(InvalidText::Empty { what: "the text" }));
        assert!(" \n\t ".parse::<FactText>().is_err());
        for (bad, position) in [("a\0b", 2), ("\u{1b}[31m", 1), ("ab\u{7f}", 3), ("a\u{85}", 2)] {
            match bad.parse::<FactText>() {
                Err(InvalidText::Control { position: found, .. }) => assert_eq!(found, position, "{bad:?}"),
                other => panic!("{other:?}"),
            }
        }
        assert!("two\nlines\twith a tab and é 中".parse::<FactText>().is_ok());
        assert!("x".repeat(20_000).parse::<FactText>().is_ok());
        assert!("x".repeat(20_001).parse::<FactText>().is_err());
    }

    #[test]
    fn a_transcript_keeps_what_a_terminal_shows() {
        assert!("\u{1b}[31mred\u{1b}[0m".parse::<Transcript>().is_ok());
        assert!("".parse::<Transcript>().is_ok());
        assert!("a\0".parse::<Transcript>().is_err());
    }

    #[test]
    fn a_page_has_a_size() {
        assert!(PageSize::new(0).is_err());
        assert!(PageSize::new(501).is_err());
        assert_eq!(PageSize::new(500).unwrap().get(), 500);
    }
}
