//! Texts, sheets and presentations of `OpenDocument`.

mod presentation;
mod spreadsheet;
mod text;

use super::{
    archive::Archive,
    xml::{Element, Node, Nodes, text_of},
};
use crate::{error::ExtractError, extracted::Extracted};

pub(super) fn read(content: &[u8]) -> Result<Extracted, ExtractError> {
    let mut archive = Archive::open(content)?;
    if archive.text("META-INF/manifest.xml")?.is_some_and(|manifest| manifest.contains("encryption-data")) {
        return Err(ExtractError::Encrypted);
    }
    let title = text_of(&archive.text("meta.xml")?.unwrap_or_default(), "title")?;
    let xml = archive.required("content.xml")?;
    let out = match kind(&xml)?.as_str() {
        "spreadsheet" => spreadsheet::read(&xml, &title)?,
        "presentation" | "drawing" => presentation::read(&xml, &title)?,
        _ => text::read(&xml, &title)?,
    };
    if out.text.trim().is_empty() { Err(ExtractError::NoText) } else { Ok(out) }
}

/// What the body of a document is.
fn kind(xml: &str) -> Result<String, ExtractError> {
    let mut in_body = false;
    for node in Nodes::of(xml) {
        if let Node::Open(element) = node? {
            if in_body {
                return Ok(element.name);
            }
            in_body = element.name == "body";
        }
    }
    Err(ExtractError::Damaged("it has no body".to_owned()))
}

/// The most spaces in a row.
const MOST_SPACES: usize = 100;

/// The text that an element stands for within a paragraph.
fn inline(element: &Element<'_>) -> String {
    match element.name.as_str() {
        "s" => " ".repeat(number(element, "c").clamp(1, MOST_SPACES)),
        "tab" => "\t".to_owned(),
        "line-break" => "\n".to_owned(),
        _ => String::new(),
    }
}

/// Elements whose text is not shown where they stand, or repeats other text: what was deleted, descriptions of pictures,
/// pronunciations, forms, tables of contents.
///
/// The title of a picture is hidden, that of the document is a field, which stands in the text.
fn is_hidden(element: &Element<'_>) -> bool {
    if element.name == "title" {
        return element.prefix() != "text";
    }
    matches!(
        element.name.as_str(),
        "tracked-changes"
            | "desc"
            | "ruby-text"
            | "forms"
            | "scripts"
            | "table-of-content"
            | "event-listeners"
    )
}

/// A number in an attribute; 1 when there is none.
fn number(element: &Element<'_>, name: &str) -> usize {
    element.attribute(name).and_then(|number| number.parse().ok()).unwrap_or(1)
}

/// A comment that is being read.
#[derive(Debug, Default)]
struct Annotation {
    author: String,
    text: String,
    /// The element whose text comes now.
    inside: String,
}

impl Annotation {
    /// Reads what an element for a comment contains, its end included.
    fn read(nodes: &mut Nodes<'_>) -> Result<String, ExtractError> {
        let mut annotation = Self::default();
        for node in nodes {
            match node? {
                Node::Open(element) => {
                    annotation.text.push_str(&inline(&element));
                    annotation.inside = element.name;
                }
                Node::Text(text) => match annotation.inside.as_str() {
                    "creator" => annotation.author.push_str(&text),
                    "date" | "date-string" | "creator-initials" | "sender-initials" => {}
                    _ => annotation.text.push_str(&text),
                },
                Node::Close(name) if name == "annotation" => break,
                Node::Close(name) => {
                    annotation.inside.clear();
                    if name == "p" {
                        annotation.text.push(' ');
                    }
                }
            }
        }
        let by =
            if annotation.author.is_empty() { String::new() } else { format!(" by {}", annotation.author) };
        Ok(crate::words::one_line(&format!("Comment{by}: {}", annotation.text)))
    }
}

#[cfg(test)]
mod tests;
