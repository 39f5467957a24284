//! Text documents.

use std::collections::HashMap;

use super::{
    super::{
        markdown::{Writer, bullet, is_style_of_code},
        xml::{Element, Node, Nodes},
    },
    Annotation, inline, is_hidden, number,
};
use crate::{error::ExtractError, extracted::Extracted};

pub(super) fn read(xml: &str, title: &str) -> Result<Extracted, ExtractError> {
    let mut reader = OpenTextReader::new();
    let mut nodes = Nodes::of(xml);
    while let Some(node) = nodes.next() {
        match node? {
            Node::Open(element) if element.name == "annotation" => {
                let comment = Annotation::read(&mut nodes)?;
                reader.comments.push(comment);
            }
            Node::Open(element) if is_hidden(&element) => nodes.pass_over(&element)?,
            Node::Open(element) => reader.open(&element),
            Node::Text(text) => reader.text(&collapsed(&text)),
            Node::Close(name) => reader.close(&name),
        }
    }
    for (label, note) in &reader.notes {
        reader.writer.note(label, note);
    }
    Ok(reader.writer.finish(title))
}

/// Text in which white space of any length is one space, as the format wants it.
fn collapsed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for one in text.chars() {
        if !one.is_ascii_whitespace() {
            out.push(one);
        } else if !out.ends_with(' ') {
            out.push(' ');
        }
    }
    out
}

/// A paragraph that has begun; those in notes and frames are inside others.
#[derive(Debug)]
struct Paragraph {
    text: String,
    /// The level of a heading.
    level: Option<usize>,
    style: String,
}

/// Where paragraphs go that are not in the text itself.
#[derive(Debug)]
enum Container {
    Cell(String),
    Note { label: String, text: String },
}

#[derive(Debug)]
struct OpenTextReader {
    writer: Writer,
    /// The styles that styles are made of.
    parents: HashMap<String, String>,
    paragraphs: Vec<Paragraph>,
    containers: Vec<Container>,
    tables: Vec<Vec<Vec<String>>>,
    lists: usize,
    /// Whether the next paragraph is the first one of an item.
    item_begins: bool,
    in_citation: bool,
    comments: Vec<String>,
    notes: Vec<(String, String)>,
}

impl OpenTextReader {
    fn new() -> Self {
        Self {
            writer: Writer::new(),
            parents: HashMap::new(),
            paragraphs: Vec::new(),
            containers: Vec::new(),
            tables: Vec::new(),
            lists: 0,
            item_begins: false,
            in_citation: false,
            comments: Vec::new(),
            notes: Vec::new(),
        }
    }

    fn open(&mut self, element: &Element<'_>) {
        match element.name.as_str() {
            "style" => {
                if let (Some(name), Some(parent)) =
                    (element.attribute("name"), element.attribute("parent-style-name"))
                {
                    self.parents.insert(name, parent);
                }
            }
            "h" | "p" => self.paragraphs.push(Paragraph {
                text: String::new(),
                level: (element.name == "h").then(|| number(element, "outline-level")),
                style: element.attribute("style-name").unwrap_or_default(),
            }),
            "list" => self.lists += 1,
            "list-item" | "list-header" => self.item_begins = true,
            "table" => self.tables.push(Vec::new()),
            "table-row" => self.tables.last_mut().into_iter().for_each(|rows| rows.push(Vec::new())),
            "table-cell" | "covered-table-cell" => self.containers.push(Container::Cell(String::new())),
            "note" => self.containers.push(Container::Note { label: String::new(), text: String::new() }),
            "note-citation" => self.in_citation = true,
            _ => self.text(&inline(element)),
        }
    }

    fn text(&mut self, text: &str) {
        if self.in_citation {
            if let Some(Container::Note { label, .. }) = self.containers.last_mut() {
                label.push_str(text.trim());
            }
        } else if let Some(paragraph) = self.paragraphs.last_mut() {
            paragraph.text.push_str(text);
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "h" | "p" => {
                if let Some(paragraph) = self.paragraphs.pop() {
                    self.end_paragraph(&paragraph);
                }
            }
            "list" => self.lists = self.lists.saturating_sub(1),
            "note-citation" => self.in_citation = false,
            "note" => {
                if let Some(Container::Note { label, text }) = self.containers.pop() {
                    self.text(&format!("[^{label}]"));
                    self.notes.push((label, text));
                }
            }
            "table-cell" | "covered-table-cell" => {
                if let Some(Container::Cell(mut text)) = self.containers.pop()
                    && let Some(row) = self.tables.last_mut().and_then(|rows| rows.last_mut())
                {
                    // In a table a comment stays in its cell.
                    text.push_str(&std::mem::take(&mut self.comments).join("\n"));
                    row.push(text);
                }
            }
            "table" => self.end_table(),
            _ => {}
        }
    }

    fn end_paragraph(&mut self, paragraph: &Paragraph) {
        let text = paragraph.text.as_str();
        match self.containers.last_mut() {
            Some(Container::Cell(cell) | Container::Note { text: cell, .. }) => {
                cell.push_str(text);
                cell.push('\n');
            }
            None => {
                self.write(paragraph);
                self.comments.drain(..).for_each(|comment| self.writer.paragraph(&comment));
            }
        }
    }

    fn write(&mut self, paragraph: &Paragraph) {
        let text = paragraph.text.as_str();
        let named = |name: &str| self.has_style(&paragraph.style, |style| style == name);
        if let Some(level) = paragraph.level.or_else(|| named("Title").then_some(1)) {
            self.writer.heading(level, text);
        } else if self.has_style(&paragraph.style, is_style_of_code) {
            self.writer.code(text);
        } else if self.lists > 0 {
            let mark = bullet(self.lists - 1);
            let mark = if std::mem::take(&mut self.item_begins) { mark } else { mark.replace('-', " ") };
            self.writer.item(&mark, text);
        } else {
            self.writer.paragraph(text);
        }
    }

    /// Whether a style, or one that it is made of, has such a name.
    fn has_style(&self, style: &str, is: impl Fn(&str) -> bool) -> bool {
        let mut style = style;
        // Styles may be made of each other in a ring.
        for _ in 0..8 {
            if is(&style.replace("_20_", " ")) {
                return true;
            }
            match self.parents.get(style) {
                Some(parent) => style = parent,
                None => return false,
            }
        }
        false
    }

    /// A table in a cell of another one is text of that cell.
    fn end_table(&mut self) {
        let Some(rows) = self.tables.pop() else { return };
        if let Some(Container::Cell(cell) | Container::Note { text: cell, .. }) = self.containers.last_mut() {
            for row in rows {
                let values: Vec<_> =
                    row.iter().map(|cell| cell.trim()).filter(|cell| !cell.is_empty()).collect();
                cell.push_str(&values.join("; "));
                cell.push('\n');
            }
        } else {
            self.writer.table(&rows);
        }
    }
}
