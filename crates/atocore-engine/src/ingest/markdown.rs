//! Structure of a Markdown text: its headings, and between them the blocks that should stay whole.
//!
//! Blocks tile what stands between two headings: whatever the parser makes no event of (link definitions, markers) still
//! belongs to one of them, so no text is ever lost.

use std::ops::Range;

use atocore_model::link::Link;
use pulldown_cmark::{Event, Options, Parser, Tag};

use super::{
    chunk::{Block, CutAt},
    links::Links,
    one_line::{LONGEST_LINE, one_line},
};

/// What is in a Markdown text.
#[derive(Debug, Default)]
pub(super) struct Structure {
    /// The first has no heading.
    pub(super) sections: Vec<DocumentSection>,
    /// What a reader sees as running text, headings included; neither code nor HTML. Rising, none touches the next.
    pub(super) prose: Vec<Range<usize>>,
    /// Blocks and spans of code, rising.
    pub(super) code: Vec<Range<usize>>,
    /// The links to other documents, in their order.
    pub(super) links: Vec<Link>,
}

/// A heading, and what follows it up to the next heading.
#[derive(Debug)]
pub(super) struct DocumentSection {
    /// `None` for what stands above the first heading.
    pub(super) heading: Option<Heading>,
    /// In their order; empty when there is no text.
    pub(super) blocks: Vec<Block>,
}

/// A heading that stands by itself, not one inside a quotation or a list.
#[derive(Debug)]
pub(super) struct Heading {
    /// 1 to 6.
    pub(super) level: u8,
    /// Its text on one line without markup, at most [`LONGEST_LINE`] characters; may be empty.
    pub(super) text: String,
    /// The source lines it takes.
    pub(super) span: Range<usize>,
}

/// Reads `text` from the byte `from` on, which begins a line.
pub(super) fn structure(text: &str, from: usize) -> Structure {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_WIKILINKS
        | Options::ENABLE_GFM;
    let mut reader = MarkdownReader::new(text, from);
    for (event, range) in Parser::new_ext(&text[from..], options).into_offset_iter() {
        reader.take(&event, from + range.start..from + range.end);
    }
    reader.finish()
}

struct MarkdownReader<'a> {
    text: &'a str,
    done: Structure,
    links: Links<'a>,
    /// The heading of the section being read.
    heading: Option<Heading>,
    /// Where its text begins.
    body: usize,
    /// Where tiles begin, rising; a tile that cannot be cut is a thematic break and carries no text.
    tiles: Vec<(usize, Option<CutAt>)>,
    /// How many elements are open.
    depth: usize,
    /// The text of the heading that is open.
    heading_text: Option<String>,
    /// Everything before it was searched for line ends.
    searched: usize,
    /// The last beginning of a line up to there.
    line: usize,
    /// From each place in here, the next line begins at its end.
    ahead: Range<usize>,
}

impl<'a> MarkdownReader<'a> {
    const fn new(text: &'a str, from: usize) -> Self {
        Self {
            text,
            done: Structure { sections: Vec::new(), prose: Vec::new(), code: Vec::new(), links: Vec::new() },
            links: Links::new(text),
            heading: None,
            body: from,
            tiles: Vec::new(),
            depth: 0,
            heading_text: None,
            searched: from,
            line: from,
            ahead: 0..0,
        }
    }

    fn take(&mut self, event: &Event<'_>, range: Range<usize>) {
        match event {
            Event::Start(tag) => {
                if matches!(tag, Tag::CodeBlock(_)) {
                    self.done.code.push(range.clone());
                }
                self.links.begin(tag, &range);
                self.start(tag, range.start);
                self.depth += 1;
            }
            Event::End(tag) => {
                self.links.end(*tag);
                self.depth = self.depth.saturating_sub(1);
                if self.depth > 0 {
                    return;
                }
                if let (pulldown_cmark::TagEnd::Heading(level), Some(text)) = (tag, self.heading_text.take())
                {
                    self.heading_ends(*level as u8, &text, range);
                } else {
                    let line = self.line_after(range.end);
                    self.tile(line, Some(CutAt::Sentences));
                }
            }
            // Inside a list or a quotation it may share its tile with text.
            Event::Rule if self.depth == 0 => {
                let line = self.line_start(range.start);
                self.tile(line, None);
                let line = self.line_after(range.end);
                self.tile(line, Some(CutAt::Sentences));
            }
            Event::Text(part) | Event::Code(part) => {
                if let Some(text) = &mut self.heading_text {
                    text.push_str(part);
                }
                self.links.text(part);
                self.inline(matches!(event, Event::Code(_)), range);
            }
            Event::SoftBreak | Event::HardBreak => {
                if let Some(text) = &mut self.heading_text {
                    text.push(' ');
                }
                self.links.text(" ");
            }
            _ => {}
        }
    }

    /// Notes where text or a span of code stands.
    fn inline(&mut self, is_code: bool, range: Range<usize>) {
        let Structure { prose, code, .. } = &mut self.done;
        if code.last().is_some_and(|block| block.contains(&range.start)) {
            return;
        }
        match prose.last_mut() {
            _ if is_code => code.push(range),
            Some(last) if last.end == range.start => last.end = range.end,
            _ => prose.push(range),
        }
    }

    fn start(&mut self, tag: &Tag<'_>, at: usize) {
        let cut = match tag {
            Tag::Heading { .. } if self.depth == 0 => {
                self.heading_text = Some(String::new());
                return;
            }
            Tag::CodeBlock(_) | Tag::Table(_) | Tag::HtmlBlock => CutAt::Lines,
            Tag::Paragraph
            | Tag::Heading { .. }
            | Tag::BlockQuote(_)
            | Tag::Item
            | Tag::FootnoteDefinition(_) => CutAt::Sentences,
            _ => return,
        };
        let line = self.line_start(at);
        self.tile(line, Some(cut));
    }

    fn heading_ends(&mut self, level: u8, text: &str, range: Range<usize>) {
        let span = self.line_start(range.start)..self.line_after(range.end);
        self.close_section(span.start);
        self.body = span.end;
        let text = without_anchor(text);
        if text.chars().nth(LONGEST_LINE).is_some() {
            self.body = span.start;
            self.tile(span.start, Some(CutAt::Sentences));
            self.tile(span.end, Some(CutAt::Sentences));
        }
        self.heading = Some(Heading { level, text: one_line(text), span });
    }

    fn close_section(&mut self, end: usize) {
        let mut blocks = Vec::new();
        let (mut start, mut cut) = (self.body, Some(CutAt::Sentences));
        for (next, next_cut) in self.tiles.drain(..).chain([(end, None)]) {
            if let Some(cut) = cut
                && next > start
            {
                blocks.extend(Block::new(self.text, start..next, cut));
            }
            (start, cut) = (next.max(start), next_cut);
        }
        self.done.sections.push(DocumentSection { heading: self.heading.take(), blocks });
    }

    fn finish(mut self) -> Structure {
        self.close_section(self.text.len());
        Structure { links: self.links.into_inner(), ..self.done }
    }

    /// Begins a tile, or says more about the one that begins at the same place.
    fn tile(&mut self, at: usize, cut: Option<CutAt>) {
        match self.tiles.last_mut() {
            Some(last) if last.0 == at => last.1 = cut,
            Some(last) if last.0 > at => {}
            _ => self.tiles.push((at, cut)),
        }
    }

    /// The beginning of the line that holds `at`. Events come in order, so each byte is looked at once.
    fn line_start(&mut self, at: usize) -> usize {
        if let Some(passed) = self.text.as_bytes().get(self.searched..at) {
            if let Some(offset) = passed.iter().rposition(|byte| matches!(byte, b'\n' | b'\r')) {
                self.line = self.searched + offset + 1;
            }
            self.searched = at;
        }
        self.line
    }

    /// The beginning of the line after an element that ends at `end`, which may or may not include its line end.
    fn line_after(&mut self, end: usize) -> usize {
        let last = end.saturating_sub(1);
        if !self.ahead.contains(&last) {
            let rest = &self.text.as_bytes()[last..];
            let length = match rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
                Some(offset) if rest[offset..].starts_with(b"\r\n") => offset + 2,
                Some(offset) => offset + 1,
                None => rest.len(),
            };
            self.ahead = last..last + length;
        }
        self.ahead.end
    }
}

/// Takes off an explicit anchor, `{#name}`. Other braces are text: `/users/{id}`.
fn without_anchor(text: &str) -> &str {
    let text = text.trim_end();
    match text.strip_suffix('}').and_then(|start| start.rsplit_once("{#")) {
        Some((before, name)) if !name.contains([' ', '{', '}']) => before.trim_end(),
        _ => text,
    }
}

#[cfg(test)]
mod tests;
