//! Reading a document: which one, which lines, how much of it at most, and what came of it.

use std::{fmt, str::FromStr};

use crate::{
    document::{Document, LineSpan, Location},
    id::{ChunkId, DocumentId, Generation, InvalidId},
    json::words,
    name::ProjectName,
    path::SourcePath,
};

/// Which document is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DocumentRef {
    /// The one with this id.
    Document(DocumentId),
    /// The one that has this passage.
    Chunk(ChunkId),
    /// The one of a project that lies at this path below its root.
    Place {
        /// The project.
        project: ProjectName,
        /// Path below the root.
        path: SourcePath,
    },
}

/// The id of a document, or of a passage of it.
impl FromStr for DocumentRef {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text.parse() {
            Ok(chunk) => Ok(Self::Chunk(chunk)),
            Err(_) => text.parse().map(Self::Document),
        }
    }
}

impl fmt::Display for DocumentRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Document(id) => id.fmt(f),
            Self::Chunk(id) => id.fmt(f),
            Self::Place { project, path } => write!(f, "{path} of {project}"),
        }
    }
}

/// Lines that are wanted, counted from 1, both ends included; to the end of the document when there is no last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineRange {
    first: u32,
    last: Option<u32>,
}

/// A text that is no range of lines.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a range of lines: the form is `10-40`, `10-` or `10`, counted from 1")]
pub struct InvalidLineRange(String);

impl LineRange {
    /// The first line.
    #[must_use]
    pub const fn first(self) -> u32 {
        self.first
    }

    /// The last line; `None` for the last of the document.
    #[must_use]
    pub const fn last(self) -> Option<u32> {
        self.last
    }
}

/// The lines of a passage.
impl From<LineSpan> for LineRange {
    fn from(span: LineSpan) -> Self {
        Self { first: span.first, last: Some(span.last) }
    }
}

impl FromStr for LineRange {
    type Err = InvalidLineRange;

    fn from_str(text: &str) -> Result<Self, InvalidLineRange> {
        let invalid = || InvalidLineRange(text.chars().take(80).collect());
        let number = |text: &str| match text.bytes().all(|byte| byte.is_ascii_digit()) {
            true => text.parse::<u32>().ok().filter(|line| *line > 0).ok_or_else(invalid),
            false => Err(invalid()),
        };
        let (first, last) = match text.split_once('-') {
            None => (number(text)?, Some(number(text)?)),
            Some((first, "")) => (number(first)?, None),
            Some((first, last)) => (number(first)?, Some(number(last)?)),
        };
        if last.is_some_and(|last| last < first) { Err(invalid()) } else { Ok(Self { first, last }) }
    }
}

/// How many characters are read at most: 1 to [`MaxChars::LIMIT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxChars(usize);

/// A number of characters out of range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("max_chars is {0}, it must be between 1 and {limit}", limit = MaxChars::LIMIT)]
pub struct InvalidMaxChars(pub u64);

impl MaxChars {
    /// The most that can be asked for.
    pub const LIMIT: usize = 200_000;
    /// What a caller gets who does not say.
    pub const DEFAULT: Self = Self(20_000);

    /// Checks the number.
    ///
    /// # Errors
    /// When it is 0 or above the limit.
    pub fn new(count: u64) -> Result<Self, InvalidMaxChars> {
        match usize::try_from(count) {
            Ok(count @ 1..=Self::LIMIT) => Ok(Self(count)),
            _ => Err(InvalidMaxChars(count)),
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> usize {
        self.0
    }
}

/// What is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Of which document.
    pub document: DocumentRef,
    /// Which lines; all of a document, and those of a passage, when this is `None`.
    pub lines: Option<LineRange>,
    /// How much at most.
    pub limit: MaxChars,
}

words! {
    /// Where a text was read.
    TextSource, "a source of text", {
        /// In the file, whose bytes are those that the store knows.
        File = "file",
        /// In the stored passages, put together by their lines, because the file is gone or has other bytes now. What
        /// stands in no passage, a heading above all, is an empty line.
        Chunks = "passages",
    }
}

/// Lines of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// The document.
    pub document: Document,
    /// Which lines these are; `None` when the document has none.
    pub lines: Option<LineSpan>,
    /// Where they are found in the file; `None` when these are lines of the file.
    pub location: Option<Location>,
    /// How many lines there are.
    pub total_lines: u32,
    /// The text of the lines, without the end of the last one.
    pub text: String,
    /// Whether the last of them was cut because it alone is longer than the limit.
    pub cut_line: bool,
    /// The line to go on from, when there was more than the limit.
    pub next_line: Option<u32>,
    /// Where it was read.
    pub source: TextSource,
    /// The generation of the store.
    pub generation: Generation,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_lines_are_read_strictly() {
        let range = |text: &str| text.parse::<LineRange>().map(|range| (range.first(), range.last()));
        assert_eq!(range("10-40"), Ok((10, Some(40))));
        assert_eq!(range("10-"), Ok((10, None)));
        assert_eq!(range("7"), Ok((7, Some(7))));
        for bad in ["", "-", "-5", "0", "0-3", "4-3", "1-2-3", "a", "+1", " 1", "1-+2", "4294967296"] {
            assert!(range(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_id_says_itself_what_it_names() {
        assert!(matches!("doc_0a".parse(), Ok(DocumentRef::Document(_))));
        assert!(matches!("chk_0a".parse(), Ok(DocumentRef::Chunk(_))));
        assert!(matches!("notes/a.md".parse::<DocumentRef>(), Err(InvalidId::Document(_))));
    }
}
