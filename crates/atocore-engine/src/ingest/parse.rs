//! Reads one document: title, tags and date, and the chunks with their heading paths and lines.
//!
//! A pure function of name and text: it never touches a disk, never fails, and gives the same answer every time.

use std::{borrow::Cow, ops::Range};

use atocore_extract::{Extracted, Format, LocationMark, TextSection, TextStructure};
use atocore_model::{
    document::{ChunkDraft, FrontMatter, HeadingPath, LineSpan, Location, ParsedDocument},
    link::Link,
};

use super::{
    blobs::without_blobs,
    chunk::{self, Block, ChunkLimits, CutAt},
    front_matter::{self, Header},
    inline::{self, Tags},
    links,
    markdown::{self, DocumentSection, Heading, Structure},
    obsidian::without_hidden,
    one_line::one_line,
    plain_text, together,
};

/// Cuts a document of Markdown, text or source code into chunks.
///
/// Every chunk is a piece of the text as it stands, without blank lines at its ends, but for four things: contents of `data:`
/// addresses and other runs that nobody reads are left out; so are codes for terminals in plain text, and comments and the
/// data of drawings in Markdown; and there a character that is written by its name is that character. Its lines are counted in
/// the text, front matter included. All text of the document is in some chunk, or in the heading path of one; what it says of
/// itself is in `front_matter`, and in the first chunk when it is more than title, tags and date. A document without text has
/// one chunk, its front matter or its title. A byte order mark is ignored.
///
/// Front matter and tags in the text are a convention of notes: they count in files of Markdown only.
#[must_use]
pub fn parse(format: Format, file_name: &str, text: &str, limits: ChunkLimits) -> ParsedDocument {
    parse_extracted(format, file_name, &Extracted::verbatim(format, text), limits)
}

/// As [`parse`], of what was extracted from a file of any format.
#[must_use]
pub(super) fn parse_extracted(
    format: Format,
    file_name: &str,
    document: &Extracted,
    limits: ChunkLimits,
) -> ParsedDocument {
    let ShownText { text, locations, sections } = ShownText::new(document);
    let is_note = format == Format::Markdown;
    let text = if is_note { without_hidden(&text) } else { Cow::Borrowed(text.as_ref()) };
    let text = text.as_ref();
    let read = match &document.structure {
        TextStructure::Markdown => ParsedText::markdown(text, is_note),
        TextStructure::Plain => ParsedText::plain_text(text, CutAt::Sentences),
        TextStructure::Lines => ParsedText::plain_text(text, CutAt::Lines),
        TextStructure::Sections(_) => ParsedText::sections(text, &sections, CutAt::Lines),
        TextStructure::Chapters(_) => ParsedText::sections(text, &sections, CutAt::Sentences),
        TextStructure::Definitions(_) => {
            ParsedText::sections(text, &together::joined(text, &sections, limits), CutAt::Lines)
        }
    };
    let title = front_matter::title(&read.front_matter)
        .or_else(|| document.title.as_ref().map(|title| title_of_document(format, file_name, title)))
        .or_else(|| title_heading(&read.sections).filter(|_| format != Format::Code))
        .unwrap_or_else(|| title_of_name(file_name));
    let mut drafts = Drafts {
        text,
        limits,
        entities: &read.entities,
        locations: &locations,
        ends: locations.iter().filter(|mark| mark.is_apart).map(|mark| mark.from).collect(),
        chunks: Vec::new(),
        offset: 0,
        line: 1,
    };
    drafts.add(&HeadingPath::default(), &read.head);
    cut_sections(&read.sections, &mut drafts);
    if drafts.chunks.is_empty() {
        (drafts.offset, drafts.line) = (0, 1);
        drafts.add(&HeadingPath::default(), Block::new(text, read.content, CutAt::Lines).as_slice());
    }
    let mut chunks = drafts.chunks;
    if chunks.is_empty() {
        let lines = LineSpan { first: 1, last: 1 };
        let location = locations.first().map(|mark| Location::from_text(mark.name.clone()));
        chunks.push(ChunkDraft {
            heading_path: HeadingPath::default(),
            text: title.clone(),
            lines,
            location,
        });
    }
    let links = if format == Format::Markup { links::of_markup(file_name, text) } else { read.links };
    let mut front_matter = read.front_matter;
    front_matter.faults.extend(document.notices.iter().cloned());
    let mut tags = Tags::default();
    front_matter::add_tags(&front_matter, &mut tags);
    inline::add_tags(text, &read.prose, &mut tags);
    ParsedDocument {
        title,
        format: format.as_str(),
        tags: tags.into_inner(),
        date: front_matter::date(&front_matter),
        front_matter,
        links,
        chunks,
    }
}

/// The text without what nobody reads, and where its parts are in it.
struct ShownText<'d> {
    text: Cow<'d, str>,
    locations: Vec<LocationMark>,
    sections: Vec<TextSection>,
}

impl<'d> ShownText<'d> {
    fn new(document: &'d Extracted) -> Self {
        let text = document.text.strip_prefix('\u{feff}').unwrap_or(&document.text);
        let sections = document.structure.sections();
        let (marks, starts) =
            (document.locations.iter().map(|mark| mark.from), sections.iter().map(|part| part.from));
        let mut starts: Vec<usize> = marks.chain(starts).collect();
        if starts.is_empty() {
            return Self { text: without_blobs(text), locations: Vec::new(), sections: Vec::new() };
        }
        let before = document.text.len() - text.len();
        starts.push(0);
        starts.sort_unstable();
        starts.dedup();
        // What is left out of a part moves those behind it.
        let (mut shown, mut moved) = (String::with_capacity(text.len()), Vec::new());
        let ends = starts.iter().skip(1).copied().chain([document.text.len()]);
        for (start, end) in starts.iter().copied().zip(ends) {
            moved.push((start, shown.len()));
            shown.push_str(&without_blobs(document.text.get(start.max(before)..end).unwrap_or_default()));
        }
        let now =
            |from: usize| moved.binary_search_by_key(&from, |(was, _)| *was).map_or(0, |at| moved[at].1);
        let location = |mark: &LocationMark| LocationMark {
            from: now(mark.from),
            name: mark.name.replace(char::is_control, " "),
            ..*mark
        };
        let section = |section: &TextSection| TextSection { from: now(section.from), ..section.clone() };
        let locations = document.locations.iter().map(location).collect();
        let sections = sections.iter().map(section).collect();
        Self { text: Cow::Owned(shown), locations, sections }
    }
}

/// What is in a text, before it is cut.
#[derive(Default)]
struct ParsedText {
    front_matter: FrontMatter,
    /// All of the front matter, as it stands.
    content: Range<usize>,
    /// The parts of it that make a chunk.
    head: Vec<Block>,
    sections: Vec<DocumentSection>,
    prose: Vec<Range<usize>>,
    entities: Vec<(Range<usize>, String)>,
    links: Vec<Link>,
}

impl ParsedText {
    fn plain_text(text: &str, cut: CutAt) -> Self {
        let blocks = plain_text::paragraphs(text, 0..text.len(), cut);
        Self { sections: vec![DocumentSection { heading: None, blocks }], ..Self::default() }
    }

    fn sections(text: &str, sections: &[TextSection], cut: CutAt) -> Self {
        let mut read = Self::default();
        let ends = sections.iter().skip(1).map(|section| section.from).chain([text.len()]);
        for (section, end) in sections.iter().zip(ends) {
            let headings = section.path.iter().zip(1..).map(|(name, level)| DocumentSection {
                heading: Some(Heading { level, text: name.clone(), span: section.from..section.from }),
                blocks: Vec::new(),
            });
            read.sections.extend(headings);
            let blocks = plain_text::paragraphs(text, section.from..end, cut);
            match read.sections.last_mut() {
                Some(last) if !section.path.is_empty() => last.blocks.extend(blocks),
                _ => read.sections.push(DocumentSection { heading: None, blocks }),
            }
        }
        read
    }

    fn markdown(text: &str, is_note: bool) -> Self {
        let mut read = Self::default();
        let mut from = 0;
        let mut malformed = None;
        match if is_note { front_matter::read(text) } else { Header::Absent } {
            Header::Read { front_matter, telling, content, end } => {
                from = end;
                read.head =
                    telling.into_iter().filter_map(|part| Block::new(text, part, CutAt::Lines)).collect();
                read.content = content;
                read.front_matter = front_matter;
            }
            Header::Malformed { fault, end } => {
                from = end;
                malformed = Block::new(text, 0..end, CutAt::Lines);
                read.front_matter.faults.push(fault);
            }
            Header::Absent => {}
        }
        let Structure { mut sections, prose, code, links } = markdown::structure(text, from);
        // Markdown would make a heading of it; it is shown to the reader as it stands instead.
        if let Some(first) = sections.first_mut() {
            first.blocks.splice(..0, malformed);
        }
        read.entities = inline::entities(text, from, &code);
        read.links = links::of_front_matter(&read.front_matter);
        read.links.extend(links);
        Self { sections, prose: if is_note { prose } else { Vec::new() }, ..read }
    }
}

/// The first heading, if it is of the first level.
fn title_heading(sections: &[DocumentSection]) -> Option<String> {
    let first = sections.iter().find_map(|section| section.heading.as_ref())?;
    (first.level == 1 && !first.text.is_empty()).then(|| first.text.clone())
}

/// The title that a document gives itself. Of source code it says what is in the file, whose name is as telling.
fn title_of_document(format: Format, file_name: &str, title: &str) -> String {
    match format {
        Format::Code => format!("{}: {title}", title_of_name(file_name)),
        _ => title.to_owned(),
    }
}

/// The title of a document that has none.
pub(super) fn title_of_name(file_name: &str) -> String {
    let stem = file_name.rsplit_once('.').map_or(file_name, |(stem, _)| stem);
    let title = one_line(&stem.replace(['-', '_'], " "));
    if title.is_empty() { file_name.to_owned() } else { title }
}

/// Cuts every section by itself. A heading that no text is under, however far below, would be in no heading path: such
/// headings are cut as text, neighbours together as long as the same headings are above all of them.
fn cut_sections(sections: &[DocumentSection], drafts: &mut Drafts<'_>) {
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
fn lead_to_text(sections: &[DocumentSection]) -> Vec<bool> {
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
    /// What stands for other characters, rising; those before `offset` are behind it.
    entities: &'a [(Range<usize>, String)],
    /// Where the parts of the text are found, rising.
    locations: &'a [LocationMark],
    /// Where passages end whatever follows, rising.
    ends: Vec<usize>,
    chunks: Vec<ChunkDraft>,
    /// Lines are counted up to this byte.
    offset: usize,
    /// The line that holds it.
    line: u32,
}

impl Drafts<'_> {
    fn add(&mut self, path: &HeadingPath, blocks: &[Block]) {
        let part = |block: &Block| self.ends.partition_point(|end| *end <= block.span.start);
        let parts = blocks.chunk_by(|a, b| part(a) == part(b));
        let spans: Vec<_> = parts.flat_map(|part| chunk::pack(self.text, part, self.limits)).collect();
        for span in spans {
            self.line += self.line_ends(self.offset..span.start);
            self.offset = span.start;
            let lines = LineSpan { first: self.line, last: self.line + self.line_ends(span.clone()) };
            let location = self.location(&span);
            let text = self.decoded(span);
            if text.trim().is_empty() {
                continue;
            }
            self.chunks.push(ChunkDraft { heading_path: path.clone(), text, lines, location });
        }
    }

    /// From the place where it begins to the one where it ends, with those between them.
    fn location(&self, span: &Range<usize>) -> Option<Location> {
        let at = |offset| self.locations.partition_point(|mark| mark.from <= offset).saturating_sub(1);
        let marks = self.locations.get(at(span.start)..=at(span.end.saturating_sub(1)))?;
        let places = marks.iter().map(|mark| Location::from_text(mark.name.clone()));
        places.reduce(|first, last| first.to(&last))
    }

    /// The text of a chunk with the characters that are named in it.
    fn decoded(&mut self, span: Range<usize>) -> String {
        let passed = self.entities.partition_point(|(range, _)| range.start < span.start);
        self.entities = &self.entities[passed..];
        let (mut text, mut end) = (String::new(), span.start);
        for (range, character) in self.entities.iter().take_while(|(range, _)| range.end <= span.end) {
            text.push_str(&self.text[end..range.start]);
            text.push_str(character);
            end = range.end;
        }
        text.push_str(&self.text[end..span.end]);
        text
    }

    fn line_ends(&self, span: Range<usize>) -> u32 {
        let count = self.text.as_bytes()[span].iter().filter(|&&byte| byte == b'\n').count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests;
