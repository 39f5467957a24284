//! Checked text: names that callers give, and the words of a question.

use std::str::FromStr;

use crate::{json::checked_text, text};

/// Why a text cannot be used as a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
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
    /// Has a control character or a slash.
    #[error("{what} `{text}` has a control character or a slash in it")]
    Forbidden {
        /// What the text was meant to be.
        what: &'static str,
        /// The text, shown escaped.
        text: String,
    },
}

/// Trims `text`, takes its normal form and checks that it is a short single line.
fn short_line(what: &'static str, text: &str, limit: usize) -> Result<String, InvalidName> {
    let text = text::nfc(text.trim());
    let length = text.chars().count();
    if text.is_empty() {
        Err(InvalidName::Empty { what })
    } else if length > limit {
        Err(InvalidName::TooLong { what, length, limit })
    } else if text.chars().any(|c| c.is_control() || c == '/' || c == '\\') {
        Err(InvalidName::Forbidden { what, text: text.escape_debug().to_string() })
    } else {
        Ok(text.into_owned())
    }
}

/// Checks a tag with or without the `#` before it. Each of its levels is a short line, and empty ones do not count.
fn tag(what: &'static str, text: &str, limit: usize) -> Result<String, InvalidName> {
    let text = text.trim().trim_start_matches('#');
    let mut levels = Vec::new();
    for level in text.split('/').filter(|level| !level.trim().is_empty()) {
        levels.push(short_line(what, level, limit)?);
    }
    let tag = levels.join("/");
    let length = tag.chars().count();
    match length {
        0 => Err(InvalidName::Empty { what }),
        _ if length > limit => Err(InvalidName::TooLong { what, length, limit }),
        _ => Ok(tag),
    }
}

/// Declares a checked name and its text forms.
macro_rules! checked_name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $limit:literal, $check:ident) => {
        checked_text! {
            $(#[$doc])*
            ///
            /// Kept as it was given, without surrounding white space, in NFC.
            $name
        }

        impl $name {
            /// The form under which two spellings are the same name: without case, in any script.
            #[must_use]
            pub fn folded(&self) -> String {
                text::caseless(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $check($what, text, $limit).map(Self)
            }
        }
    };
}

checked_name! {
    /// How a caller names a project: its id or one of its aliases, in any case.
    ProjectName, "the project name", 100, short_line
}
checked_name! {
    /// Another name of a project.
    Alias, "the alias", 100, short_line
}
checked_name! {
    /// A word that a document carries in its front matter, or behind a `#` in its text. Slashes nest: `project/alpha`.
    Tag, "the tag", 100, tag
}

impl Tag {
    /// Whether a document with this tag has the tag whose folded form is `wanted`: it is the same, or lies below it.
    #[must_use]
    pub fn is_within(&self, wanted: &str) -> bool {
        self.folded().strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// The text of a question: not blank, at most [`QueryText::LIMIT`] characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryText(String);

impl QueryText {
    /// The longest question, in characters.
    pub const LIMIT: usize = 10_000;

    /// The question as it was asked.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The beginning of a text of any length as a question; `None` when the text is blank.
    #[must_use]
    pub fn beginning_of(text: &str) -> Option<Self> {
        let text = text.trim();
        let end = text.char_indices().nth(Self::LIMIT).map_or(text.len(), |(at, _)| at);
        (!text.is_empty()).then(|| Self(text[..end].to_owned()))
    }
}

impl FromStr for QueryText {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let length = text.chars().count();
        if text.trim().is_empty() {
            Err(InvalidName::Empty { what: "the query" })
        } else if length > Self::LIMIT {
            Err(InvalidName::TooLong { what: "the query", length, limit: Self::LIMIT })
        } else {
            Ok(Self(text.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_trimmed_and_fold_to_one_spelling() {
        let alias: Alias = "  AtoCore ".parse().unwrap();
        assert_eq!((alias.as_str(), alias.folded().as_str()), ("AtoCore", "atocore"));
        let [composed, decomposed] = ["Café", "Cafe\u{301}"].map(|text| text.parse::<Alias>().unwrap());
        assert_eq!(composed, decomposed);
        let capitals: ProjectName = "CAFE\u{301}".parse().unwrap();
        assert_eq!(composed.folded(), capitals.folded());
    }

    #[test]
    fn tags_nest_and_may_be_written_with_their_sign() {
        let tag = |text: &str| text.parse::<Tag>().unwrap();
        assert_eq!(tag(" #ops ").as_str(), "ops");
        assert_eq!(tag("#project//Alpha /").as_str(), "project/Alpha");
        assert_eq!(tag("two words").as_str(), "two words");
        for (own, wanted, has) in [
            ("project/alpha", "Project", true),
            ("project/alpha", "project/ALPHA", true),
            ("project/alpha/1", "project/alpha", true),
            ("project", "project/alpha", false),
            ("projects", "project", false),
            ("a/project", "project", false),
        ] {
            assert_eq!(tag(own).is_within(&tag(wanted).folded()), has, "{own} {wanted}");
        }
        for bad in ["", "#", "/", "# /", "a\nb", "a\\b", &"x/".repeat(60)] {
            assert!(bad.parse::<Tag>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_that_could_do_harm_are_refused() {
        for bad in ["", " \t ", "a\nb", "a/b", "a\\b", "a\0b", &"x".repeat(101)] {
            assert!(bad.parse::<ProjectName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn blank_and_huge_questions_are_refused() {
        assert!(" \n".parse::<QueryText>().is_err());
        assert!("x".repeat(QueryText::LIMIT + 1).parse::<QueryText>().is_err());
        assert!("x".repeat(QueryText::LIMIT).parse::<QueryText>().is_ok());
    }

    #[test]
    fn the_beginning_of_a_long_text_is_a_question() {
        let text = format!("\n{}", "é".repeat(QueryText::LIMIT + 5));
        assert_eq!(QueryText::beginning_of(&text).unwrap().as_str(), "é".repeat(QueryText::LIMIT));
        assert_eq!(QueryText::beginning_of(" why? "), "why?".parse().ok());
        assert_eq!(QueryText::beginning_of(" \n"), None);
    }
}
