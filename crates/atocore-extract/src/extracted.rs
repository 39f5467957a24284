//! What comes out of a document.

use serde::{Deserialize, Serialize};

use crate::{format::Format, readers::fence::OpenFence};

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
}

/// A section of a text that is no Markdown: a function, a table of a data file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextSection {
    /// Its first byte in the text; it ends where the next one begins.
    pub from: usize,
    /// What stands above it, outermost first: module, type, function.
    pub path: Vec<String>,
}

/// A place in the file that a person can go to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocationMark {
    /// The first byte of the text that is found there; it ends where the next place begins.
    pub from: usize,
    /// In words: `page 3`, `slide 12`, `sheet Budget, row 7`, `chapter Installation`, `cell 4`, `message 2`.
    pub name: String,
}

impl Extracted {
    /// The text of a file as it stands.
    #[must_use]
    pub fn verbatim(format: Format, text: &str) -> Self {
        let structure = match format {
            Format::Markdown => TextStructure::Markdown,
            Format::Code => TextStructure::Lines,
            _ => TextStructure::Plain,
        };
        Self { text: text.to_owned(), structure, ..Self::default() }
    }

    /// A document of Markdown without text yet.
    pub(crate) fn markdown() -> Self {
        Self { structure: TextStructure::Markdown, ..Self::default() }
    }

    /// Says where what is appended from now on is found.
    pub(crate) fn begin(&mut self, name: impl Into<String>) {
        self.locations.push(LocationMark { from: self.text.len(), name: name.into() });
    }

    /// Appends a block of text, set off by a blank line.
    pub(crate) fn block(&mut self, text: &str) {
        let text = text.trim_matches(['\n', '\r']).trim_end();
        if !text.is_empty() {
            self.text.push_str(text);
            self.text.push_str("\n\n");
        }
    }

    /// Takes the title that the metadata gives, unless it is empty or comes from a template or a program.
    pub(crate) fn title_from_metadata(&mut self, title: &str) {
        let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
        let lower = title.to_lowercase();
        let is_default = DEFAULT_TITLES.contains(&lower.as_str())
            || lower.starts_with("microsoft word - ")
            || lower.starts_with("microsoft powerpoint - ");
        if title.contains(char::is_alphanumeric) && !is_default {
            self.title = Some(title.chars().take(LONGEST_TITLE).collect());
        }
    }

    /// Names the locations of one flowing text by its headings: `section HEADING`.
    pub(crate) fn locations_from_headings(&mut self) {
        let mut from = 0;
        let mut fence = OpenFence::default();
        for line in self.text.split_inclusive('\n') {
            if !fence.takes(line)
                && let Some(heading) = heading(line)
            {
                self.locations.push(LocationMark { from, name: format!("section {heading}") });
            }
            from += line.len();
        }
    }
}

/// The longest title, in characters.
const LONGEST_TITLE: usize = 300;

/// The longest heading in the name of a place, in characters.
const LONGEST_HEADING: usize = 100;

/// Titles that programs give, in lower case.
const DEFAULT_TITLES: [&str; 10] = [
    "untitled",
    "untitled document",
    "untitled-1",
    "unknown",
    "document",
    "document1",
    "title",
    "powerpoint presentation",
    "powerpoint-präsentation",
    "presentation",
];

/// The text of a line that is a heading, without its marks.
fn heading(line: &str) -> Option<String> {
    let text = line.trim_start_matches('#');
    let level = line.len() - text.len();
    let text = text.trim().trim_end_matches('#').trim_end();
    let is_heading = (1..=6).contains(&level) && line[level..].starts_with(' ') && !text.is_empty();
    is_heading.then(|| text.replace(['`', '\\'], "").chars().take(LONGEST_HEADING).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_begin_at_headings_and_not_in_code() {
        let mut out = Extracted::markdown();
        out.block("before\n\n# One `x`\n\n```\n# no\n~~~\n```\n\n####### no\n#no\n\n## Two \\# ##\n\nend");
        out.locations_from_headings();
        let locations: Vec<_> = out.locations.iter().map(|place| place.name.as_str()).collect();
        assert_eq!(locations, ["section One x", "section Two #"]);
        assert!(out.text[out.locations[1].from..].starts_with("## Two"));
    }

    #[test]
    fn the_title_of_a_template_is_no_title() {
        for no_title in ["", " - ", "Untitled", "Microsoft Word - a.doc", "PowerPoint Presentation"] {
            let mut out = Extracted::markdown();
            out.title_from_metadata(no_title);
            assert_eq!(out.title, None, "{no_title}");
        }
        let mut out = Extracted::markdown();
        out.title_from_metadata(" Annual\nreport ");
        assert_eq!(out.title.as_deref(), Some("Annual report"));
    }
}
