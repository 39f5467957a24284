//! Presentations of `PowerPoint`.

use undoc::{Block, Paragraph, ppt::PptParser};

use super::{
    super::{
        archive::Archive,
        slides::{Slide, SlideContent, written},
        xml::{Node, Nodes},
    },
    error,
    package::{Relation, relations, title},
};
use crate::{error::ExtractError, extracted::Extracted, words::one_line};

const PRESENTATION: &str = "ppt/presentation.xml";

pub(super) fn read(content: &[u8]) -> Result<Extracted, ExtractError> {
    let mut archive = Archive::open(content)?;
    let targets = relations(&mut archive, PRESENTATION)?;
    let mut slides = Vec::new();
    for id in slide_ids(&archive.required(PRESENTATION)?)? {
        let relation = targets.iter().find(|relation| relation.id == id);
        slides.push(match relation {
            Some(Relation { target, .. }) => read_slide(&mut archive, target)?,
            None => Slide::default(),
        });
    }
    Ok(written(&title(&mut archive)?, slides))
}

pub(super) fn read_binary(content: &[u8]) -> Result<Extracted, ExtractError> {
    let document =
        PptParser::from_bytes(content.to_vec()).and_then(|mut parser| parser.parse()).map_err(error)?;
    let slides = document.sections.iter().map(|section| {
        let mut slide = Slide::default();
        let mut lines = Vec::new();
        for block in &section.content {
            let Block::Paragraph(paragraph) = block else { continue };
            if paragraph.heading.level() == 1 && slide.title.is_empty() {
                slide.title = one_line(&paragraph.plain_text());
            } else {
                lines.push(paragraph.plain_text());
            }
        }
        slide.parts.push(SlideContent::Text(lines));
        slide.notes.extend(section.notes.iter().flatten().map(Paragraph::plain_text));
        slide
    });
    Ok(written(document.metadata.title.as_deref().unwrap_or_default(), slides))
}

/// The slides in their order, by the numbers of their relations.
fn slide_ids(xml: &str) -> Result<Vec<String>, ExtractError> {
    let mut ids = Vec::new();
    for node in Nodes::of(xml) {
        if let Node::Open(element) = node?
            && element.name == "sldId"
        {
            // `r:id` stands after `id`, the number that nothing else uses.
            ids.extend(element.attributes("id").last());
        }
    }
    Ok(ids)
}

fn read_slide(archive: &mut Archive<'_>, part: &str) -> Result<Slide, ExtractError> {
    let Some(xml) = archive.text(part)? else { return Ok(Slide::default()) };
    let mut slide = shapes(&xml)?;
    for Relation { kind, target, .. } in relations(archive, part)? {
        match kind.as_str() {
            "notesSlide" => {
                let notes = shapes(&archive.text(&target)?.unwrap_or_default())?;
                for part in notes.parts {
                    if let SlideContent::Text(lines) = part {
                        slide.notes.extend(lines);
                    }
                }
            }
            "comments" => slide.comments.extend(loose_texts(&archive.text(&target)?.unwrap_or_default())?),
            "chart" | "diagramData" => {
                let texts = loose_texts(&archive.text(&target)?.unwrap_or_default())?;
                slide.parts.push(SlideContent::Text(texts));
            }
            _ => {}
        }
    }
    Ok(slide)
}

/// What is being read of a slide.
#[derive(Debug, Default)]
struct Shape {
    /// What the shape is a placeholder for.
    kind: Option<String>,
    lines: Vec<String>,
    line: String,
    rows: Vec<Vec<String>>,
    tables: usize,
    in_text: bool,
}

impl Shape {
    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        if !line.trim().is_empty() {
            self.lines.push(line);
        }
    }

    /// The text of a cell is collected as lines.
    fn end_cell(&mut self) {
        let cell = std::mem::take(&mut self.lines).join("\n");
        if let Some(row) = self.rows.last_mut() {
            row.push(cell);
        }
    }

    fn end(&mut self, slide: &mut Slide) {
        let lines = std::mem::take(&mut self.lines);
        match self.kind.take().as_deref() {
            Some("title" | "ctrTitle") => {
                slide.title.push_str(&format!(" {}", lines.join(" ")));
                slide.title = one_line(&slide.title);
            }
            // What stands on every slide.
            Some("sldNum" | "ftr" | "hdr" | "dt" | "sldImg") => {}
            _ if !lines.is_empty() => slide.parts.push(SlideContent::Text(lines)),
            _ => {}
        }
    }
}

/// The shapes of a slide or of its notes.
fn shapes(xml: &str) -> Result<Slide, ExtractError> {
    let (mut slide, mut shape) = (Slide::default(), Shape::default());
    let mut nodes = Nodes::of(xml);
    while let Some(node) = nodes.next() {
        match node? {
            Node::Open(element) => match element.name.as_str() {
                "Fallback" => nodes.pass_over(&element)?,
                "ph" => shape.kind = Some(element.attribute("type").unwrap_or_default()),
                "t" => shape.in_text = true,
                "br" => shape.line.push('\n'),
                "tbl" => shape.tables += 1,
                "tr" => shape.rows.push(Vec::new()),
                _ => {}
            },
            Node::Text(text) if shape.in_text => shape.line.push_str(&text),
            Node::Text(_) => {}
            Node::Close(name) => match name.as_str() {
                "t" => shape.in_text = false,
                "p" => shape.end_line(),
                "tc" => shape.end_cell(),
                "tbl" => {
                    shape.tables = shape.tables.saturating_sub(1);
                    if shape.tables == 0 {
                        slide.parts.push(SlideContent::Table(std::mem::take(&mut shape.rows)));
                    }
                }
                "sp" if shape.tables == 0 => shape.end(&mut slide),
                _ => {}
            },
        }
    }
    Ok(slide)
}

/// The texts of a chart, of a diagram or of comments, each once.
fn loose_texts(xml: &str) -> Result<Vec<String>, ExtractError> {
    let mut texts: Vec<String> = Vec::new();
    let mut line = String::new();
    let mut reading = false;
    // Numbers of charts stand in other caches than names.
    let mut in_names = false;
    let mut nodes = Nodes::of(xml);
    while let Some(node) = nodes.next() {
        match node? {
            Node::Open(element) => match element.name.as_str() {
                "t" | "text" => reading = true,
                "v" => reading = in_names,
                "strCache" => in_names = true,
                "Fallback" => nodes.pass_over(&element)?,
                _ => {}
            },
            Node::Text(text) if reading => line.push_str(&text),
            Node::Text(_) => {}
            Node::Close(name) => match name.as_str() {
                "t" => reading = false,
                "strCache" => in_names = false,
                "p" | "v" | "text" => {
                    reading = false;
                    let text = one_line(&std::mem::take(&mut line));
                    if !text.is_empty() && texts.last() != Some(&text) {
                        texts.push(text);
                    }
                }
                _ => {}
            },
        }
    }
    Ok(texts)
}
