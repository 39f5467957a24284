//! What comes out of a document.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{error::ExtractError, format::Format, terminal::without_terminal_codes};

/// The text of a document, how it is structured, and where its parts are found in the file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Extracted {
    /// The text.
    pub text: String,
    /// How it is cut.
    pub structure: TextStructure,
    /// The title that the document gives itself outside its text; `None` when it gives none.
    pub title: Option<String>,
    /// Where its parts are found, rising. Empty when the lines of the text are those of the file.
    pub locations: Vec<LocationMark>,
    /// What a person should know of how it was read, a sentence each without a full stop: pages without text, rows left out.
    pub notices: Vec<String>,
}

/// How a text is structured.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextStructure {
    /// As its Markdown says.
    Markdown,
    /// Paragraphs.
    #[default]
    Plain,
    /// Lines, with blank ones between those that belong together.
    Lines,
    /// Sections, rising and without gaps from the first one on; each is cut by itself, at the ends of lines.
    Sections(Vec<TextSection>),
    /// Sections of prose, which are cut at the ends of sentences.
    Chapters(Vec<TextSection>),
    /// Sections that are definitions, or between them: what one of them contains stays together when all of it fits.
    Definitions(Vec<TextSection>),
}

impl TextStructure {
    /// As [`Self::sections`], to move them.
    #[cfg(feature = "documents")]
    pub(crate) fn sections_mut(&mut self) -> &mut [TextSection] {
        match self {
            Self::Markdown | Self::Plain | Self::Lines => &mut [],
            Self::Sections(sections) | Self::Chapters(sections) | Self::Definitions(sections) => sections,
        }
    }

    /// Its sections; of Markdown and plain text none are known.
    #[must_use]
    pub fn sections(&self) -> &[TextSection] {
        match self {
            Self::Markdown | Self::Plain | Self::Lines => &[],
            Self::Sections(sections) | Self::Chapters(sections) | Self::Definitions(sections) => sections,
        }
    }
}

/// A section of a text that is no Markdown: a function, a table of a data file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextSection {
    /// Its first byte in the text; it ends where the next one begins.
    pub from: usize,
    /// What stands above it, outermost first: module, type, function.
    pub path: Vec<String>,
    /// Whether what the path names begins here, and is not gone on with.
    pub begins: bool,
}

/// A place in the file that a person can go to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocationMark {
    /// The first byte of the text that is found there; it ends where the next place begins.
    pub from: usize,
    /// Whether it is apart from what comes before, as a page is and a row of a table is not: passages end where it begins.
    pub is_apart: bool,
    /// In words: `page 3`, `slide 12`, `sheet Budget, A7:F7`, `chapter Installation`, `cell 4`, `message 2`.
    pub name: String,
}

impl Extracted {
    /// The text of a file as it stands; plain text, which logs are, without codes for terminals. Its lines are those of the
    /// file.
    #[must_use]
    pub fn verbatim(format: Format, text: &str) -> Self {
        let structure = match format {
            Format::Markdown => TextStructure::Markdown,
            Format::Code => TextStructure::Lines,
            _ => TextStructure::Plain,
        };
        let text = if format == Format::Text { without_terminal_codes(text) } else { Cow::Borrowed(text) };
        Self { text: text.into_owned(), structure, ..Self::default() }
    }
}

/// The content of a text format.
pub(crate) fn text(content: &[u8]) -> Result<&str, ExtractError> {
    std::str::from_utf8(content).map_err(ExtractError::damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_has_no_codes_for_terminals() {
        let log = "INFO \x1b[1mword\x1b[0m\ndone\n";
        assert_eq!(Extracted::verbatim(Format::Text, log).text, "INFO word\ndone\n");
        assert_eq!(Extracted::verbatim(Format::Code, log).text, log);
    }
}
