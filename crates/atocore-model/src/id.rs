//! Identifiers. Each kind shows what it is, and nothing else parses as one.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::json::{checked_text, read_from_text, written_as_text};

/// Why a text is not the id it was taken for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// Not lower-case kebab-case.
    #[error(
        "`{0}` is not a project id: lower-case letters, digits and single hyphens, beginning with a letter or digit, at most 64"
    )]
    Project(String),
    /// Not a UTC stamp.
    #[error("`{0}` is not a snapshot stamp: the form is YYYYMMDDTHHMMSSZ, for example 20260406T184219Z")]
    Snapshot(String),
    /// Not a `doc_…` id.
    #[error("`{0}` is not a document id: the form is `doc_` and hexadecimal digits")]
    Document(String),
    /// Not a `chk_…` id.
    #[error("`{0}` is not a chunk id: the form is `chk_` and hexadecimal digits")]
    Chunk(String),
    /// Not a `sta_…` id.
    #[error("`{0}` is not the id of an entry of project state: the form is `sta_` and hexadecimal digits")]
    State(String),
    /// Not a `mem_…` id.
    #[error("`{0}` is not a memory id: the form is `mem_` and hexadecimal digits")]
    Memory(String),
    /// Not an `int_…` id.
    #[error("`{0}` is not an interaction id: the form is `int_` and hexadecimal digits")]
    Interaction(String),
    /// Not the id of any fact.
    #[error("`{0}` is not the id of a fact: it begins with `sta_`, `mem_` or `int_`")]
    Fact(String),
}

impl InvalidId {
    pub(crate) fn fact(text: &str) -> Self {
        Self::Fact(excerpt(text))
    }
}

/// At most eighty characters of what a caller typed, for a message.
fn excerpt(text: &str) -> String {
    text.chars().take(80).collect()
}

checked_text! {
    /// The stable id of a project: lower-case kebab-case, at most 64 characters.
    #[schema(example = "field-notes")]
    ProjectId
}

impl FromStr for ProjectId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shape = !text.is_empty()
            && text.len() <= 64
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-')
            && !text.contains("--");
        if shape { Ok(Self(text.to_owned())) } else { Err(InvalidId::Project(excerpt(text))) }
    }
}

/// Declares an id that AtoCore mints itself: a prefix and lower-case hexadecimal digits.
macro_rules! minted_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $error:ident) => {
        checked_text! { $(#[$doc])* $name }

        impl $name {
            /// Makes the id from bytes that are unique for the thing it names.
            #[must_use]
            pub fn from_bytes(bytes: [u8; 12]) -> Self {
                let mut text = String::from($prefix);
                for byte in bytes {
                    text.push_str(&format!("{byte:02x}"));
                }
                Self(text)
            }

            /// The bytes it was made from; `None` for an id that was not made from twelve.
            #[must_use]
            pub fn to_bytes(&self) -> Option<[u8; 12]> {
                let digits = self.0.strip_prefix($prefix)?;
                let mut bytes = [0; 12];
                for (index, byte) in bytes.iter_mut().enumerate() {
                    *byte = u8::from_str_radix(digits.get(2 * index..2 * index + 2)?, 16).ok()?;
                }
                (digits.len() == 24).then_some(bytes)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let digits = text.strip_prefix($prefix).unwrap_or_default();
                let shape = (1..=64).contains(&digits.len())
                    && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
                if shape { Ok(Self(text.to_owned())) } else { Err(InvalidId::$error(excerpt(text))) }
            }
        }
    };
}

minted_id! {
    /// Names one document for as long as it is followed, through edits and renames.
    DocumentId, "doc_", Document
}
minted_id! {
    /// Names one chunk of one document; stays the same for as long as its text and heading stay.
    ChunkId, "chk_", Chunk
}
minted_id! {
    /// Names one entry of project state through all its values.
    StateId, "sta_", State
}
minted_id! {
    /// Names one memory.
    MemoryId, "mem_", Memory
}
minted_id! {
    /// Names one interaction.
    InteractionId, "int_", Interaction
}

/// The counter that every committed change of the store moves by one.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize, ToSchema,
)]
pub struct Generation(pub u64);

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A version of one store: a generation and the random token that was committed with it.
///
/// Two stores with the same version in their history had equal content at that version. The generation alone cannot
/// tell: a restored store continues counting from its copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StoreVersion {
    /// The generation.
    pub generation: Generation,
    /// Drawn at random when the generation was committed.
    pub token: u64,
}

/// The name of a snapshot: its UTC stamp, `YYYYMMDDTHHMMSSZ`.
///
/// Only a real date and time of that exact form parses, so a stamp can always be used as the name of a folder. Counts
/// seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ToSchema)]
#[schema(value_type = String, example = "20260406T184219Z")]
pub struct SnapshotId(i64);

read_from_text!(SnapshotId);
written_as_text!(SnapshotId);

impl SnapshotId {
    /// The stamp of a point in time; fractions of a second are cut off.
    #[must_use]
    pub fn at(time: jiff::Timestamp) -> Self {
        Self(time.as_second())
    }

    /// The stamp one second later.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The point in time that the stamp names.
    #[must_use]
    pub fn time(self) -> jiff::Timestamp {
        jiff::Timestamp::from_second(self.0).unwrap_or_default()
    }
}

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.time().strftime("%Y%m%dT%H%M%SZ"))
    }
}

impl FromStr for SnapshotId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidId::Snapshot(excerpt(text));
        let bytes = text.as_bytes();
        let digits = |range: std::ops::Range<usize>| bytes[range].iter().all(u8::is_ascii_digit);
        let shape =
            bytes.len() == 16 && digits(0..8) && bytes[8] == b'T' && digits(9..15) && bytes[15] == b'Z';
        if !shape {
            return Err(invalid());
        }
        let number = |range: std::ops::Range<usize>| {
            bytes[range].iter().fold(0_i16, |n, b| n * 10 + i16::from(b - b'0'))
        };
        let small = |range| i8::try_from(number(range)).map_err(|_| invalid());
        let time = jiff::civil::DateTime::new(
            number(0..4),
            small(4..6)?,
            small(6..8)?,
            small(9..11)?,
            small(11..13)?,
            small(13..15)?,
            0,
        )
        .and_then(|civil| jiff::tz::TimeZone::UTC.to_timestamp(civil))
        .map_err(|_| invalid())?;
        Ok(Self::at(time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn project_ids_are_kebab_case() {
        for good in ["a", "atocore", "p04-gigabit", "7-zip"] {
            assert_eq!(good.parse::<ProjectId>().unwrap().as_str(), good);
        }
        let long = "a".repeat(65);
        for bad in ["", "-a", "a-", "a--b", "A", "a_b", "a/b", "..", "é", "a b", long.as_str()] {
            assert!(bad.parse::<ProjectId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn stamps_are_real_times_and_nothing_else() {
        let stamp: SnapshotId = "20260406T184219Z".parse().unwrap();
        assert_eq!(stamp.to_string(), "20260406T184219Z");
        assert_eq!(stamp.next().to_string(), "20260406T184220Z");
        let bad = [
            "",
            "../../x",
            "20260406T184219",
            "20261306T184219Z",
            "20260230T000000Z",
            "20260406t184219z",
            "20260406T246060Z",
            "%2e%2e%2fx",
            "20260406T184219Z/..",
            "２０２６0406T184219Z",
        ];
        for bad in bad {
            assert!(bad.parse::<SnapshotId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn minted_ids_show_their_kind() {
        let id = DocumentId::from_bytes([0xab; 12]);
        assert_eq!(id.as_str(), "doc_abababababababababababab");
        assert_eq!(id.as_str().parse(), Ok(id));
        assert!("chk_ab".parse::<DocumentId>().is_err());
        assert!("doc_".parse::<DocumentId>().is_err());
        assert!("chk_ab".parse::<ChunkId>().is_ok());
    }

    proptest! {
        #[test]
        fn every_stamp_reads_back(second in -62_135_596_800_i64..253_402_300_799) {
            let stamp = SnapshotId::at(jiff::Timestamp::from_second(second).unwrap());
            prop_assert_eq!(stamp.to_string().parse::<SnapshotId>().unwrap(), stamp);
        }

        #[test]
        fn no_text_makes_the_stamp_parser_panic(text in "\\PC*") {
            let _parsed = text.parse::<SnapshotId>();
        }
    }
}
