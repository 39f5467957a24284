//! What the library leaves out of Word documents: comments, outline levels of single paragraphs, and which style a paragraph
//! has when that was changed under tracking.

use std::collections::HashMap;

use undoc::{HeadingLevel, Paragraph, model::RevisionType};

use super::{
    super::xml::{Element, Node, Nodes},
    parts::WordParts,
};
use crate::{error::ExtractError, words::one_line};

/// Comments, and what is said of paragraphs. Paragraphs are known by their letters.
#[derive(Debug, Default)]
pub(super) struct WordRemarks {
    comments: HashMap<String, String>,
    on_paragraphs: HashMap<String, OnParagraph>,
}

#[derive(Debug, Default)]
struct OnParagraph {
    text: String,
    style: Option<String>,
    style_changed: bool,
    level: Option<u8>,
    comments: Vec<String>,
}

impl WordRemarks {
    pub(super) fn of(parts: &WordParts) -> Result<Self, ExtractError> {
        let comments = comments(&parts.comments)?;
        let on_paragraphs = on_paragraphs(&parts.document)?;
        Ok(Self { comments, on_paragraphs })
    }

    /// Corrects a paragraph that the library has read.
    pub(super) fn correct(&self, paragraph: &mut Paragraph) {
        let Some(said) = self.on_paragraphs.get(&letters_of(paragraph)) else { return };
        if said.style_changed {
            paragraph.style_id.clone_from(&said.style);
            paragraph.style_name = None;
            paragraph.heading = HeadingLevel::None;
        }
        if let Some(level) = said.level {
            paragraph.heading = HeadingLevel::from_number(level);
        }
    }

    /// The comments on a paragraph, once.
    pub(super) fn take(&mut self, paragraph: &Paragraph) -> Vec<String> {
        let on_paragraph = self.on_paragraphs.get_mut(&letters_of(paragraph));
        let ids = on_paragraph.map(|found| std::mem::take(&mut found.comments)).unwrap_or_default();
        ids.iter().filter_map(|id| self.comments.remove(id)).collect()
    }

    /// The comments that are left, in the order of the document.
    pub(super) fn rest(self) -> Vec<String> {
        let mut rest: Vec<_> = self.comments.into_iter().collect();
        rest.sort_by_key(|(id, _)| (id.parse::<u64>().unwrap_or(u64::MAX), id.clone()));
        rest.into_iter().map(|(_, comment)| comment).collect()
    }
}

fn letters(text: &str) -> String {
    text.chars().filter(|one| one.is_alphanumeric()).collect()
}

fn letters_of(paragraph: &Paragraph) -> String {
    let kept = paragraph.runs.iter().filter(|run| run.revision != RevisionType::Deleted);
    kept.map(|run| letters(&run.text)).collect()
}

/// Comments by their number, with who wrote them.
fn comments(xml: &str) -> Result<HashMap<String, String>, ExtractError> {
    let mut comments = HashMap::new();
    let mut current: Option<(String, String, String)> = None;
    let mut nodes = Nodes::of(xml);
    while let Some(node) = nodes.next() {
        match node? {
            Node::Open(element) if element.name == "comment" => {
                let said = |name| element.attribute(name).unwrap_or_default();
                current = Some((said("id"), said("author"), String::new()));
            }
            Node::Open(element) if element.name == "del" => nodes.pass_over(&element)?,
            Node::Text(text) => {
                if let Some((_, _, comment)) = &mut current {
                    comment.push_str(&text);
                }
            }
            Node::Close(name) if name == "p" => {
                if let Some((_, _, comment)) = &mut current {
                    comment.push(' ');
                }
            }
            Node::Close(name) if name == "comment" => {
                if let Some((id, author, comment)) = current.take()
                    && !comment.trim().is_empty()
                {
                    let by = if author.trim().is_empty() { String::new() } else { format!(" by {author}") };
                    comments.insert(id, one_line(&format!("Comment{by}: {comment}")));
                }
            }
            _ => {}
        }
    }
    Ok(comments)
}

/// What the document says of those paragraphs of which it says anything.
fn on_paragraphs(xml: &str) -> Result<HashMap<String, OnParagraph>, ExtractError> {
    let mut found: HashMap<String, OnParagraph> = HashMap::new();
    // Paragraphs of text boxes are inside others.
    let mut open: Vec<OnParagraph> = Vec::new();
    let mut in_text = false;
    let mut nodes = Nodes::of(xml);
    while let Some(node) = nodes.next() {
        match node? {
            Node::Open(element) => match element.name.as_str() {
                "p" => open.push(OnParagraph::default()),
                "t" => in_text = true,
                "del" | "Fallback" | "sectPr" | "rPr" => nodes.pass_over(&element)?,
                "pPrChange" => {
                    nodes.pass_over(&element)?;
                    if let Some(paragraph) = open.last_mut() {
                        paragraph.style_changed = true;
                    }
                }
                _ => {
                    if let Some(paragraph) = open.last_mut() {
                        paragraph.take_from(&element);
                    }
                }
            },
            Node::Text(text) => {
                if let Some(paragraph) = open.last_mut().filter(|_| in_text) {
                    paragraph.text.push_str(&text);
                }
            }
            Node::Close(name) if name == "t" => in_text = false,
            Node::Close(name) if name == "p" => {
                let Some(paragraph) = open.pop() else { continue };
                let letters = letters(&paragraph.text);
                if !letters.is_empty() && paragraph.says_something() {
                    let comments = found.remove(&letters).map(|other| other.comments);
                    let all = found.entry(letters).or_insert(paragraph);
                    all.comments.extend(comments.unwrap_or_default());
                }
            }
            Node::Close(_) => {}
        }
    }
    Ok(found)
}

impl OnParagraph {
    fn says_something(&self) -> bool {
        self.style_changed || self.level.is_some() || !self.comments.is_empty()
    }

    fn take_from(&mut self, element: &Element<'_>) {
        match element.name.as_str() {
            // The tenth level, 9, is that of the text.
            "outlineLvl" => {
                let level = element.attribute("val").and_then(|level| level.parse::<u8>().ok());
                self.level = level.filter(|level| *level < 9).map(|level| level + 1);
            }
            "pStyle" => self.style = element.attribute("val"),
            "commentReference" => self.comments.extend(element.attribute("id")),
            _ => {}
        }
    }
}
