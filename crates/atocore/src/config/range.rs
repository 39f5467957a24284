//! What a setting may be: told to people, and held against what they set.

use std::fmt;

/// What a setting may be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Range {
    /// A whole number from the first to the second.
    Whole(u64, u64),
    /// A number above 0.
    Positive,
    /// A number from 0 to 1.
    Share,
    /// One of these words, in any case.
    Words(&'static [&'static str]),
    /// What the reader of the setting judges, in words.
    Text(&'static str),
}

/// The largest weight.
const LARGEST: f64 = 1000.0;

impl Range {
    /// The whole number, when it is one and within the range.
    pub(super) fn whole(self, text: &str) -> Option<u64> {
        let Self::Whole(least, most) = self else { return None };
        text.parse().ok().filter(|number| (least..=most).contains(number))
    }

    /// The number, when it is one and within the range.
    pub(super) fn number(self, text: &str) -> Option<f64> {
        let number = text.parse().ok()?;
        let fits = match self {
            Self::Positive => number > 0.0 && number <= LARGEST,
            Self::Share => (0.0..=1.0).contains(&number),
            Self::Whole(..) | Self::Words(_) | Self::Text(_) => false,
        };
        fits.then_some(number)
    }

    /// The word, as it stands in the range.
    pub(super) fn word(self, text: &str) -> Option<&'static str> {
        let Self::Words(words) = self else { return None };
        words.iter().copied().find(|word| word.eq_ignore_ascii_case(text))
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(least, most) => write!(f, "a whole number from {least} to {most}"),
            Self::Positive => write!(f, "a number above 0, at most {LARGEST}"),
            Self::Share => f.write_str("a number from 0 to 1"),
            Self::Text(words) => f.write_str(words),
            Self::Words(words) => {
                let quoted: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
                match quoted.split_last() {
                    Some((last, first)) if !first.is_empty() => write!(f, "{} or {last}", first.join(", ")),
                    _ => f.write_str(&quoted.concat()),
                }
            }
        }
    }
}
