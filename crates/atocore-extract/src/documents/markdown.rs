//! Markdown of what other formats say.

use super::fence::fence;
use crate::{extracted::Extracted, words::one_line};

/// The longest heading, in bytes: what is longer is a paragraph that looks like one.
const LONGEST_HEADING: usize = 300;

impl Extracted {
    /// Appends a heading, level 1 and above; a paragraph when it is too long for one.
    pub(super) fn heading(&mut self, level: usize, text: &str) {
        let text = one_line(text);
        if text.len() > LONGEST_HEADING {
            self.paragraph(&text);
        } else if !text.is_empty() {
            let marks = "#".repeat(level.clamp(1, 6));
            self.block(&format!("{marks} {text}"));
        }
    }

    /// Appends a paragraph.
    pub(super) fn paragraph(&mut self, text: &str) {
        self.block(&escaped(text));
    }

    /// Appends lines of code or of text that is set as code.
    pub(super) fn code(&mut self, lines: &[String]) {
        let code = lines.join("\n");
        if code.trim().is_empty() {
            return;
        }
        let fence = fence(&code);
        self.block(&format!("{fence}\n{}\n{fence}", code.trim_matches('\n')));
    }

    /// Appends a table; its first row is its header. One of a single row or column is paragraphs.
    pub(super) fn table(&mut self, rows: &[Vec<String>]) {
        let used = |row: &Vec<String>| row.iter().rposition(|cell| !cell.trim().is_empty());
        let width = rows.iter().filter_map(used).max().map_or(0, |last| last + 1);
        let rows: Vec<_> = rows.iter().filter(|row| used(row).is_some()).collect();
        if rows.len() < 2 || width < 2 {
            for cell in rows.into_iter().flatten() {
                self.paragraph(cell);
            }
            return;
        }
        let mut table = String::new();
        for (number, row) in rows.into_iter().enumerate() {
            // A row may be shorter than the header, which has every column.
            let cells = if number == 0 { width } else { used(row).map_or(0, |last| last + 1) };
            for column in 0..cells {
                let cell = row.get(column).map(|cell| one_line(cell).replace('|', "\\|"));
                table.push_str("| ");
                table.push_str(&cell.unwrap_or_default());
                table.push(' ');
            }
            table.push_str("|\n");
            if number == 0 {
                table.push_str(&"| --- ".repeat(width));
                table.push_str("|\n");
            }
        }
        self.block(&table);
    }
}

/// Writes a document of paragraphs. Items of a list and lines of code are kept until something else comes.
#[derive(Debug)]
pub(super) struct Writer {
    out: Extracted,
    list: Vec<String>,
    code: Vec<String>,
}

impl Writer {
    pub(super) fn new() -> Self {
        Self { out: Extracted::markdown(), list: Vec::new(), code: Vec::new() }
    }

    pub(super) fn heading(&mut self, level: usize, text: &str) {
        self.flush();
        self.out.heading(level, text);
    }

    pub(super) fn paragraph(&mut self, text: &str) {
        if !text.trim().is_empty() {
            self.flush();
            self.out.paragraph(text);
        }
    }

    /// Appends an item with what stands in front of it.
    pub(super) fn item(&mut self, mark: &str, text: &str) {
        let text = one_line(text);
        if !text.is_empty() {
            self.flush_code();
            self.list.push(format!("{mark}{text}"));
        }
    }

    /// Appends lines of code; no text is an empty line.
    pub(super) fn code(&mut self, text: &str) {
        self.flush_list();
        self.code.extend(text.split('\n').map(str::to_owned));
    }

    pub(super) fn table(&mut self, rows: &[Vec<String>]) {
        self.flush();
        self.out.table(rows);
    }

    /// Appends a note at the end of a text, which refers to it by `label`.
    pub(super) fn note(&mut self, label: &str, text: &str) {
        self.flush();
        self.out.block(&format!("[^{label}]: {}", one_line(text)));
    }

    /// The text, with locations by its headings.
    pub(super) fn finish(mut self, title: &str) -> Extracted {
        self.flush();
        self.out.title_from_metadata(title);
        self.out.locations_from_headings();
        self.out
    }

    fn flush(&mut self) {
        self.flush_list();
        self.flush_code();
    }

    fn flush_list(&mut self) {
        let list = std::mem::take(&mut self.list).join("\n");
        self.out.block(&list);
    }

    fn flush_code(&mut self) {
        let code = std::mem::take(&mut self.code);
        self.out.code(&code);
    }
}

/// What stands in front of an item that is this deep in lists, from 0 on.
pub(super) fn bullet(depth: usize) -> String {
    format!("{}- ", "  ".repeat(depth.min(8)))
}

/// Whether a style of this name is one for code.
pub(super) fn is_style_of_code(name: &str) -> bool {
    let name = name.to_lowercase().replace([' ', '-', '_'], "");
    ["code", "sourcecode", "preformatted", "htmlpreformatted", "verbatim", "plaintext", "macrotext"]
        .iter()
        .any(|code| name.starts_with(code))
        && !["label", "caption", "title", "heading", "note"].iter().any(|other| name.contains(other))
}

/// Text of which no line begins what Markdown takes for a heading, a fence, a rule or HTML. Marks within a line stay as they
/// are: they are found as they were written.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let line = line.trim();
        let underline = |mark: char| !line.is_empty() && line.chars().all(|one| one == mark);
        let begins = line.starts_with(['#', '<', '>'])
            || line.starts_with("```")
            || line.starts_with("~~~")
            || underline('-')
            || underline('=');
        if begins {
            out.push('\\');
        }
        out.push_str(line);
        out.push('\n');
    }
    out.trim_end_matches('\n').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_looks_like_markdown_stays_text() {
        let mut out = Extracted::markdown();
        out.paragraph("# no\n<div>\n---\na # b\n    deep\n```");
        out.heading(9, "A\n B");
        out.heading(1, &"x".repeat(400));
        out.code(&["```".to_owned(), "x".to_owned()]);
        let expected = "\\# no\n\\<div>\n\\---\na # b\ndeep\n\\```\n\n###### A B\n\n";
        let rest = out.text.strip_prefix(expected).unwrap_or_else(|| panic!("{}", out.text));
        assert_eq!(rest, format!("{}\n\n````\n```\nx\n````\n\n", "x".repeat(400)));
    }

    #[test]
    fn a_table_has_the_columns_that_hold_something() {
        let rows = |rows: &[&[&str]]| -> Vec<Vec<String>> {
            rows.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect()).collect()
        };
        let mut out = Extracted::markdown();
        out.table(&rows(&[&["a", "", ""], &["", "", ""], &["1", "x|y\nz", ""]]));
        out.table(&rows(&[&["one"], &["two"]]));
        assert_eq!(out.text, "| a |  |\n| --- | --- |\n| 1 | x\\|y z |\n\none\n\ntwo\n\n");
    }
}
