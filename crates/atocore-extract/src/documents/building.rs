//! What readers put a document together with.

use super::fence::OpenFence;
use crate::{
    extracted::{Extracted, LocationMark, TextStructure},
    words::one_line,
};

impl Extracted {
    /// A document of Markdown without text yet.
    pub(crate) fn markdown() -> Self {
        Self { structure: TextStructure::Markdown, ..Self::default() }
    }

    /// Says where what is appended from now on is found: on another page, slide or the like.
    pub(crate) fn begin(&mut self, name: impl Into<String>) {
        self.locations.push(LocationMark { from: self.text.len(), is_apart: true, name: name.into() });
    }

    /// Says where what is appended from now on is found: further on in the same table or the like.
    pub(crate) fn go_on(&mut self, name: impl Into<String>) {
        self.locations.push(LocationMark { from: self.text.len(), is_apart: false, name: name.into() });
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
        let title = one_line(title);
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
                self.locations.push(LocationMark {
                    from,
                    is_apart: false,
                    name: format!("section {heading}"),
                });
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
    is_heading
        .then(|| without_note_marks(&text.replace(['`', '\\'], "")).chars().take(LONGEST_HEADING).collect())
}

/// A heading without the marks of notes, `[^3]`: digits, behind an `e` where the notes are at the end, or a star.
fn without_note_marks(text: &str) -> String {
    let mut parts = text.split("[^");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let label = part.split_once(']').filter(|(label, _)| {
            let number = label.strip_prefix('e').unwrap_or(label);
            *label == "*" || (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
        });
        match label {
            Some((_, rest)) => out.push_str(rest),
            None => {
                out.push_str("[^");
                out.push_str(part);
            }
        }
    }
    out.trim_end().to_owned()
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
    fn marks_of_notes_are_no_part_of_the_name_of_a_section() {
        for (heading, name) in
            [("Two[^3]", "Two"), ("A[^e12] b[^*]", "A b"), ("[^a-z] and [^", "[^a-z] and [^"), ("[^1]", "")]
        {
            assert_eq!(without_note_marks(heading), name);
        }
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
