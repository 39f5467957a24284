//! Reads one document: title, tags and date, and the chunks with their heading paths and lines.
//!
//! A pure function of name and text: it never touches a disk, never fails, and gives the same answer every time.

use std::ops::Range;

use atocore_model::document::{ChunkDraft, DocumentType, HeadingPath, LineSpan, ParsedDocument};

use super::{
    chunk::{self, Block, ChunkLimits, CutAt},
    front_matter::{self, FrontMatter, Header},
    markdown::{self, Heading, Section},
    plain_text,
};

/// Reads a document and cuts it into chunks.
///
/// Every chunk is a piece of `text` as it stands, without blank lines at its ends; its lines are counted in `text`, front
/// matter included. All text of the document is in some chunk, or in the heading path of one. A byte order mark is ignored.
#[must_use]
pub fn parse(doc_type: DocumentType, file_name: &str, text: &str, limits: ChunkLimits) -> ParsedDocument {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (front_matter, sections) = match doc_type {
        DocumentType::Markdown => read_markdown(text),
        DocumentType::Text => {
            let blocks = plain_text::paragraphs(text);
            (FrontMatter::default(), vec![Section { heading: None, blocks }])
        }
    };
    let title =
        front_matter.title.or_else(|| title_heading(&sections)).unwrap_or_else(|| title_of_name(file_name));
    let mut drafts = Drafts { text, limits, chunks: Vec::new(), offset: 0, line: 1 };
    cut_sections(&sections, &mut drafts);
    ParsedDocument {
        title,
        doc_type,
        tags: front_matter.tags,
        date: front_matter.date,
        chunks: drafts.chunks,
    }
}

fn read_markdown(text: &str) -> (FrontMatter, Vec<Section>) {
    match front_matter::read(text) {
        Header::Read { front_matter, end } => (front_matter, markdown::sections(text, end)),
        // Markdown would make a heading of it; it is shown to the reader as it stands instead.
        Header::Malformed { end } => {
            let mut sections = markdown::sections(text, end);
            if let Some(first) = sections.first_mut() {
                first.blocks.splice(..0, Block::new(text, 0..end, CutAt::Lines));
            }
            (FrontMatter::default(), sections)
        }
        Header::Absent => (FrontMatter::default(), markdown::sections(text, 0)),
    }
}

/// The first heading, if it is of the first level.
fn title_heading(sections: &[Section]) -> Option<String> {
    let first = sections.iter().find_map(|section| section.heading.as_ref())?;
    (first.level == 1 && !first.text.is_empty()).then(|| first.text.clone())
}

fn title_of_name(file_name: &str) -> String {
    let stem = file_name.rsplit_once('.').map_or(file_name, |(stem, _)| stem);
    let title = markdown::one_line(&stem.replace(['-', '_'], " "));
    if title.is_empty() { file_name.to_owned() } else { title }
}

/// Cuts every section by itself. A heading that no text is under, however far below, would be in no heading path: such
/// headings are cut as text, neighbours together as long as the same headings are above all of them.
fn cut_sections(sections: &[Section], drafts: &mut Drafts<'_>) {
    let mut above: Vec<&Heading> = Vec::new();
    let mut bare: Option<BareHeadings> = None;
    for (section, leads_to_text) in sections.iter().zip(lead_to_text(sections)) {
        let Some(heading) = &section.heading else {
            drafts.add(&HeadingPath::default(), &section.blocks);
            continue;
        };
        while above.pop_if(|outer| outer.level >= heading.level).is_some() {}
        if let Some(done) = bare.take_if(|group| leads_to_text || heading.level < group.level) {
            drafts.add(&done.path, &done.blocks);
        }
        if !leads_to_text {
            let group = bare.get_or_insert_with(|| BareHeadings {
                level: heading.level,
                path: path_of(&above),
                blocks: Vec::new(),
            });
            if !heading.text.is_empty() {
                group.blocks.extend(Block::new(drafts.text, heading.span.clone(), CutAt::Sentences));
            }
        }
        above.push(heading);
        if !section.blocks.is_empty() {
            drafts.add(&path_of(&above), &section.blocks);
        }
    }
    if let Some(done) = bare {
        drafts.add(&done.path, &done.blocks);
    }
}

/// Consecutive headings without text, none higher than the first.
struct BareHeadings {
    level: u8,
    path: HeadingPath,
    blocks: Vec<Block>,
}

fn path_of(above: &[&Heading]) -> HeadingPath {
    HeadingPath::new(above.iter().map(|heading| heading.text.as_str()).filter(|text| !text.is_empty()))
}

/// Says for each section whether it or a section below its heading has text.
fn lead_to_text(sections: &[Section]) -> Vec<bool> {
    // Going backwards: the highest level that a heading can have and still be above the nearest text.
    let mut covers = 0;
    let mut leads: Vec<bool> = sections
        .iter()
        .rev()
        .map(|section| {
            let level = section.heading.as_ref().map_or(0, |heading| heading.level);
            let has_text = !section.blocks.is_empty();
            let leads = has_text || covers > level;
            covers = if has_text { level } else { covers.min(level) };
            leads
        })
        .collect();
    leads.reverse();
    leads
}

/// Takes chunks in document order and counts lines as it goes.
struct Drafts<'a> {
    text: &'a str,
    limits: ChunkLimits,
    chunks: Vec<ChunkDraft>,
    /// Lines are counted up to this byte.
    offset: usize,
    /// The line that holds it.
    line: u32,
}

impl Drafts<'_> {
    fn add(&mut self, path: &HeadingPath, blocks: &[Block]) {
        for span in chunk::pack(self.text, blocks, self.limits) {
            self.line += self.line_ends(self.offset..span.start);
            self.offset = span.start;
            let lines = LineSpan { first: self.line, last: self.line + self.line_ends(span.clone()) };
            let text = self.text[span].to_owned();
            self.chunks.push(ChunkDraft { heading_path: path.clone(), text, lines });
        }
    }

    fn line_ends(&self, span: Range<usize>) -> u32 {
        let count = self.text.as_bytes()[span].iter().filter(|&&byte| byte == b'\n').count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests;
