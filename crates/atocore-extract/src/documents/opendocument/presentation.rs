//! Presentations and drawings: a page is a slide.

use super::{
    super::{
        slides::{Slide, SlideContent, written},
        xml::{Element, Node, Nodes},
    },
    Annotation, inline, is_hidden,
};
use crate::{error::ExtractError, extracted::Extracted, words::one_line};

pub(super) fn read(xml: &str, title: &str) -> Result<Extracted, ExtractError> {
    let mut slides = Vec::new();
    let mut nodes = Nodes::of(xml);
    while let Some(node) = nodes.next() {
        if let Node::Open(element) = node?
            && element.name == "page"
        {
            slides.push(read_page(&mut nodes)?);
        }
    }
    Ok(written(title, slides))
}

/// What is being read of a page.
#[derive(Debug, Default)]
struct DrawPage {
    slide: Slide,
    lines: Vec<String>,
    line: String,
    paragraphs: usize,
    rows: Vec<Vec<String>>,
    in_notes: bool,
    /// What the frame is for: `title`, `footer`, `outline`.
    class: String,
}

fn read_page(nodes: &mut Nodes<'_>) -> Result<Slide, ExtractError> {
    let mut page = DrawPage::default();
    while let Some(node) = nodes.next() {
        match node? {
            Node::Open(element) if element.name == "annotation" => {
                let comment = Annotation::read(nodes)?;
                let comment = comment.strip_prefix("Comment: ").unwrap_or(&comment);
                page.slide.comments.push(comment.to_owned());
            }
            Node::Open(element) if is_hidden(&element) => nodes.pass_over(&element)?,
            Node::Open(element) => page.open(&element),
            Node::Text(text) if page.paragraphs > 0 => page.line.push_str(&text),
            Node::Text(_) => {}
            Node::Close(name) if name == "page" => break,
            Node::Close(name) => page.close(&name),
        }
    }
    page.end_shape();
    Ok(page.slide)
}

impl DrawPage {
    fn open(&mut self, element: &Element<'_>) {
        match element.name.as_str() {
            "notes" => {
                self.end_shape();
                self.in_notes = true;
            }
            "frame" | "custom-shape" | "rect" | "ellipse" | "g" => {
                self.end_shape();
                self.class = element.attribute("class").unwrap_or_default();
            }
            "p" | "h" => self.paragraphs += 1,
            "table-row" => self.rows.push(Vec::new()),
            _ => self.line.push_str(&inline(element)),
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "p" | "h" => {
                self.paragraphs = self.paragraphs.saturating_sub(1);
                let line = std::mem::take(&mut self.line);
                if !line.trim().is_empty() {
                    self.lines.push(line);
                }
            }
            "table-cell" => {
                let cell = std::mem::take(&mut self.lines).join("\n");
                self.rows.last_mut().into_iter().for_each(|row| row.push(cell.clone()));
            }
            "table" => self.slide.parts.push(SlideContent::Table(std::mem::take(&mut self.rows))),
            "frame" => self.end_shape(),
            "notes" => {
                self.end_shape();
                self.in_notes = false;
            }
            _ => {}
        }
    }

    fn end_shape(&mut self) {
        let lines = std::mem::take(&mut self.lines);
        let class = std::mem::take(&mut self.class);
        match class.as_str() {
            // What stands on every page.
            "footer" | "header" | "date-time" | "page-number" => {}
            _ if self.in_notes => self.slide.notes.extend(lines),
            "title" if !lines.is_empty() => {
                self.slide.title = one_line(&format!("{} {}", self.slide.title, lines.join(" ")));
            }
            _ if !lines.is_empty() => self.slide.parts.push(SlideContent::Text(lines)),
            _ => {}
        }
    }
}
