//! Documents and the passages they are cut into.

mod cells;
pub mod conditions;

use std::{convert::Infallible, fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    digest::Digest,
    id::{ChunkId, DocumentId, ProjectId},
    json::{read_from_text, written_as_text},
    link::Link,
    name::Tag,
    path::SourcePath,
    time::Timestamp,
    words,
};

use cells::Cells;

/// The lines of a file that hold a passage, counted from 1, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct LineSpan {
    /// The first line.
    pub first: u32,
    /// The last line; never before the first.
    pub last: u32,
}

impl fmt::Display for LineSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}-{}", self.first, self.last)
        }
    }
}

/// Where a passage is found in a file whose lines nobody sees, in words: `page 3`, `slide 2 to slide 4`,
/// `sheet Budget, A2:F9`. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, ToSchema)]
pub struct Location(String);

impl Location {
    /// Takes the words as an extractor gives them or as they were stored.
    #[must_use]
    pub const fn from_text(text: String) -> Self {
        Self(text)
    }

    /// From the one place to the other. Cells of one sheet are one place, with all columns and rows of both.
    #[must_use]
    pub fn to(&self, last: &Self) -> Self {
        let places: Vec<&str> = self.0.split(Self::TO).chain(last.0.split(Self::TO)).collect();
        let first = widened(places.first().copied().unwrap_or_default(), &places);
        let last = widened(places.last().copied().unwrap_or_default(), &places);
        Self(if first == last { first } else { format!("{first}{}{last}", Self::TO) })
    }

    /// What is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Stands between two places; a sign that is in no name of one.
    const TO: char = '\u{1f}';
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.replace(Self::TO, " to "))
    }
}

/// A place; cells with all that others of their sheet hold.
fn widened(place: &str, places: &[&str]) -> String {
    let Some(cells) = Cells::of(place) else { return place.to_owned() };
    let others =
        places.iter().filter_map(|other| Cells::of(other)).filter(|other| other.sheet == cells.sheet);
    others.fold(cells, Cells::with).to_string()
}

impl FromStr for Location {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

read_from_text!(Location);
written_as_text!(Location);

/// How a person is told where in a file something is: `notes.md:3-9`, `report.pdf, page 3`.
#[must_use]
pub fn cited(path: &str, lines: LineSpan, location: Option<&Location>) -> String {
    match location {
        Some(location) => format!("{path}, {location}"),
        None => format!("{path}:{lines}"),
    }
}

/// The headings above a passage, outermost first, with ` > ` between them; may be empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize, ToSchema)]
pub struct HeadingPath(String);

impl HeadingPath {
    /// What stands between two headings in the text form.
    pub const SEPARATOR: &'static str = " > ";

    /// Joins headings, outermost first.
    #[must_use]
    pub fn new<'a>(headings: impl IntoIterator<Item = &'a str>) -> Self {
        Self(headings.into_iter().collect::<Vec<_>>().join(Self::SEPARATOR))
    }

    /// Takes the text form as it was stored.
    #[must_use]
    pub fn from_text(text: String) -> Self {
        Self(text)
    }

    /// The text form; empty when no heading stands above.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HeadingPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a document says of itself at its top.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FrontMatter {
    /// Everything that could be read, title, tags and date too, in the order of the document.
    pub fields: Vec<FrontMatterField>,
    /// What could not be read as it stands, a sentence each.
    pub faults: Vec<String>,
}

/// One thing that a document says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrontMatterField {
    /// Its name as it is written; those within another one are joined by dots, `author.name`.
    pub key: String,
    /// Its value.
    pub value: FieldValue,
}

/// The value of a field, as text: a single one, or a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum FieldValue {
    /// A single one.
    One(String),
    /// A list; may be empty.
    Many(Vec<String>),
}

impl FieldValue {
    /// Every single value of it.
    #[must_use]
    pub fn texts(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Many(texts) => texts,
        }
    }
}

/// The name of the format of source code and settings.
pub const SOURCE_CODE: &str = "code";

/// A file after reading and cutting, before it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedDocument {
    /// From the front matter, else the first top heading, else the name of the file.
    pub title: String,
    /// The name of the format it was read as.
    pub format: &'static str,
    /// From the front matter, then from the text, in their order, no two the same.
    pub tags: Vec<Tag>,
    /// From the front matter.
    pub date: Option<Timestamp>,
    /// What it says of itself.
    pub front_matter: FrontMatter,
    /// The links to other documents, in their order.
    pub links: Vec<Link>,
    /// The passages in their order; never empty.
    pub chunks: Vec<ChunkDraft>,
}

/// A passage before it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkDraft {
    /// The headings above it, without the title of the document unless that is a heading.
    pub heading_path: HeadingPath,
    /// The text as it stands in the file, but for what is no text; the title where there is nothing else. Never blank.
    pub text: String,
    /// Where it stands in the text.
    pub lines: LineSpan,
    /// Where it is found in the file; `None` when the lines of the text are those of the file.
    pub location: Option<Location>,
}

/// What the file system said about a file when it was read: a file for which all of it is the same is not read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct FileStamp {
    /// Size in bytes.
    pub size: u64,
    /// Time of the last change in nanoseconds since 1970; anybody can set it to anything.
    pub modified_ns: i64,
    /// Time at which the system last changed anything about the file, in the same count; nobody can set it.
    pub changed_ns: i64,
    /// The number of the file in its file system: a file that replaces another one has a number of its own.
    pub inode: u64,
}

impl FileStamp {
    /// The time of the last change.
    #[must_use]
    pub fn modified(&self) -> Timestamp {
        let time = jiff::Timestamp::from_nanosecond(self.modified_ns.into());
        Timestamp::new(time.unwrap_or_default())
    }
}

/// A document as the store knows it, without its passages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its id.
    pub id: DocumentId,
    /// The project that owns it.
    pub project: ProjectId,
    /// Absolute path of the file.
    pub file_path: String,
    /// Path below its root.
    pub source_path: SourcePath,
    /// Digest of the bytes of the file.
    pub digest: Digest,
    /// Title.
    pub title: String,
    /// Tags.
    pub tags: Vec<Tag>,
    /// Date of the document: from its front matter, else of its commit, else the last change of the file.
    pub date: Timestamp,
    /// What it says of itself.
    pub front_matter: FrontMatter,
    /// The name of the encoding of the file, as the Encoding Standard has it: `UTF-8`, `windows-1252`.
    pub encoding: String,
}

/// What a person should know of how a document was read.
#[must_use]
pub fn reading_notices(encoding: &str, front_matter: &FrontMatter) -> Vec<String> {
    let guessed = (encoding != "UTF-8").then(|| format!("it was read as {encoding}"));
    guessed.into_iter().chain(front_matter.faults.iter().cloned()).collect()
}

words! {
    /// What has become of the file of a document since it was read.
    DocumentState, "a state of a document", {
        /// It is as it was then.
        Current = "current",
        /// It is another one now: the next refresh reads it again.
        Changed = "changed",
        /// It is not there.
        Gone = "gone",
        /// It cannot be looked at, or lies on another machine, which only a refresh asks.
        Unchecked = "unchecked",
    }
}

impl DocumentState {
    /// What whoever relies on its text is told; `None` when there is nothing to say.
    #[must_use]
    pub const fn caution(self) -> Option<&'static str> {
        match self {
            Self::Changed => Some("the file has changed since it was read"),
            Self::Gone => Some("the file is not there at present"),
            Self::Current | Self::Unchecked => None,
        }
    }
}

/// A stored passage with the document it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Its id.
    pub id: ChunkId,
    /// Its document.
    pub document: Document,
    /// What the system said of its file when it was read.
    pub stamp: FileStamp,
    /// Its place among the passages of the document, from 0.
    pub index: u32,
    /// The headings above it.
    pub heading_path: HeadingPath,
    /// Its text.
    pub content: String,
    /// Where it stands in the text.
    pub lines: LineSpan,
    /// Where it is found in the file; `None` when the lines of the text are those of the file.
    pub location: Option<Location>,
}

/// The text that a model sees of a passage: title, headings and text, a line each; a title that is the first heading
/// is said once. The vectors of a store are kept by the digest of this text.
#[must_use]
pub fn embedded_text(title: &str, heading_path: &str, content: &str) -> String {
    let said = heading_path.strip_prefix(title);
    let said = said.is_some_and(|rest| rest.is_empty() || rest.starts_with(HeadingPath::SEPARATOR));
    let lines = [if said { "" } else { title }, heading_path, content];
    let lines: Vec<&str> = lines.into_iter().filter(|line| !line.is_empty()).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_sees_title_and_headings_once() {
        assert_eq!(embedded_text("A", "A > B", "text"), "A > B\ntext");
        assert_eq!(embedded_text("A", "AB > C", "text"), "A\nAB > C\ntext");
        assert_eq!(embedded_text("A", "", "text"), "A\ntext");
        assert_eq!(embedded_text("A", "A", "text"), "A\ntext");
    }

    #[test]
    fn a_place_without_lines_is_cited_in_words() {
        let place = |words: &str| Location::from_text(words.to_owned());
        let page = |number: u32| place(&format!("page {number}"));
        assert_eq!(page(3).to(&page(3)), page(3));
        assert_eq!(page(2).to(&page(3)).to(&page(3).to(&page(5))).to_string(), "page 2 to page 5");
        let (how, whom) = (place("section How to plant"), place("section Whom to ask"));
        assert_eq!(how.to(&how).to(&whom).to_string(), "section How to plant to section Whom to ask");
        let lines = LineSpan { first: 3, last: 9 };
        assert_eq!(cited("a.md", lines, None), "a.md:3-9");
        assert_eq!(cited("a.pdf", lines, Some(&page(3))), "a.pdf, page 3");
    }

    #[test]
    fn cells_of_a_sheet_are_one_range() {
        let place = |words: &str| Location::from_text(words.to_owned());
        let joined = |places: &[&str]| {
            let places = places.iter().map(|words| place(words));
            places.reduce(|first, last| first.to(&last)).unwrap().to_string()
        };
        let cases: [(&[&str], &str); 9] = [
            (&["sheet A, B3", "sheet A, B3"], "sheet A, B3"),
            (&["sheet A, C4:D4", "sheet A, B5", "sheet A, C6:F6"], "sheet A, B4:F6"),
            // A comment on a cell stands behind the rows.
            (&["sheet A, A8:C8", "sheet A, A9:C9", "sheet A, B7"], "sheet A, A7:C9"),
            (&["sheet A, Z9:AA9", "sheet A, B10"], "sheet A, B9:AA10"),
            (&["sheet A, B, A2:B2", "sheet A, B, A3:C3"], "sheet A, B, A2:C3"),
            (&["sheet A, A1:C9", "sheet B, A1:A1", "sheet B, A2:B2"], "sheet A, A1:C9 to sheet B, A1:B2"),
            (&["sheet A, A1", "sheet B, A1", "sheet C, A1", "sheet C, A2"], "sheet A, A1 to sheet C, A1:A2"),
            (&["section sheet, A1", "section sheet, A2"], "section sheet, A1 to section sheet, A2"),
            (&["sheet A, row 2", "sheet A, row 9"], "sheet A, row 2 to sheet A, row 9"),
        ];
        for (places, expected) in cases {
            assert_eq!(joined(places), expected);
        }
        let (before, after) = (place("sheet A, A1:B2").to(&place("sheet B, A1")), place("sheet B, C2"));
        assert_eq!(before.to(&after).to_string(), "sheet A, A1:B2 to sheet B, A1:C2");
        assert_eq!(before.to(&before), before);
    }

    #[test]
    fn one_line_is_shown_as_one() {
        assert_eq!(LineSpan { first: 3, last: 3 }.to_string(), "3");
        assert_eq!(LineSpan { first: 3, last: 9 }.to_string(), "3-9");
    }
}
