//! Rich Text Format, as the document that it describes.

mod encodings;
mod tokens;

use std::collections::HashMap;

use encoding_rs::{Encoding, WINDOWS_1252};
use undoc::{
    Block, Cell, Document, HeadingLevel, ListInfo, ListType, Paragraph, Row, Table, TextRun, TextStyle,
};

use self::{
    encodings::{of_charset, of_code_page},
    tokens::{RtfToken, RtfTokens},
};
use super::office;
use crate::{error::ExtractError, extracted::Extracted, words::one_line};

/// How deep groups may be in each other.
const DEEPEST: usize = 10_000;

/// The most cells of a row.
const MOST_CELLS: usize = 1000;

pub(super) fn read(content: &[u8]) -> Result<Extracted, ExtractError> {
    if !content.trim_ascii_start().starts_with(b"{\\rtf") {
        return Err(ExtractError::Damaged("it does not begin as RTF does".to_owned()));
    }
    let mut reader = Reader::new();
    for token in RtfTokens::of(content) {
        match token {
            RtfToken::Open => reader.open()?,
            RtfToken::Close => reader.close(),
            RtfToken::Control { word, number } => reader.control(word, number),
            RtfToken::Ignorable => reader.ignorable = true,
            RtfToken::Byte(byte) => reader.byte(byte),
            RtfToken::Character(character) => reader.character(character),
        }
    }
    let out = office::written(&reader.finish());
    if out.text.trim().is_empty() { Err(ExtractError::NoText) } else { Ok(out) }
}

/// What the text of a group is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Destination {
    Text,
    Nothing,
    Fonts,
    Styles,
    Title,
    Author,
    /// What stands in front of an item of a list.
    ListMark,
    Footnote,
    Annotation,
}

/// What holds until a group ends.
#[derive(Debug, Clone, Copy)]
struct Group {
    destination: Destination,
    /// Whether the destination begins with this group.
    begins: bool,
    /// How many characters stand for one that Unicode names.
    substitutes: usize,
    font: i32,
    bold: bool,
    half_points: u32,
    hidden: bool,
}

#[derive(Debug, Default)]
struct Font {
    name: String,
    encoding: Option<&'static Encoding>,
}

#[derive(Debug, Default, Clone)]
struct RtfStyle {
    name: String,
    level: Option<u8>,
}

struct Reader {
    groups: Vec<Group>,
    group: Group,
    encoding: &'static Encoding,
    fonts: HashMap<i32, Font>,
    styles: HashMap<i32, RtfStyle>,
    /// The font or style that is being described.
    described: i32,
    style: RtfStyle,
    /// Bytes whose encoding is that of the font.
    bytes: Vec<u8>,
    /// The first half of a character that has two.
    half: Option<u16>,
    /// How many characters are still to be passed over.
    substitutes: usize,
    ignorable: bool,
    title: String,
    author: String,
    blocks: Vec<Block>,
    paragraph: Paragraph,
    /// What the last run of the paragraph looks like.
    look: Option<(i32, bool, u32)>,
    /// Paragraphs that a note or a comment interrupts.
    interrupted: Vec<Paragraph>,
    notes: Vec<Block>,
    in_table: bool,
    rows: Vec<Row>,
    row: Row,
    cell: Vec<Paragraph>,
}

impl Reader {
    fn new() -> Self {
        Self {
            groups: Vec::new(),
            group: Group {
                destination: Destination::Text,
                begins: false,
                substitutes: 1,
                font: 0,
                bold: false,
                half_points: 24,
                hidden: false,
            },
            encoding: WINDOWS_1252,
            fonts: HashMap::new(),
            styles: HashMap::new(),
            described: 0,
            style: RtfStyle::default(),
            bytes: Vec::new(),
            half: None,
            substitutes: 0,
            ignorable: false,
            title: String::new(),
            author: String::new(),
            blocks: Vec::new(),
            paragraph: Paragraph::default(),
            look: None,
            interrupted: Vec::new(),
            notes: Vec::new(),
            in_table: false,
            rows: Vec::new(),
            row: Row::default(),
            cell: Vec::new(),
        }
    }

    fn open(&mut self) -> Result<(), ExtractError> {
        self.end_bytes();
        if self.groups.len() > DEEPEST {
            return Err(ExtractError::Limit(format!("{DEEPEST} groups in each other")));
        }
        self.groups.push(self.group);
        self.group.begins = false;
        self.ignorable = false;
        self.substitutes = 0;
        Ok(())
    }

    fn close(&mut self) {
        self.end_bytes();
        self.substitutes = 0;
        self.ignorable = false;
        let ended = self.group;
        if ended.destination == Destination::Styles && !self.style.name.is_empty() {
            self.end_style();
        }
        if let Some(group) = self.groups.pop() {
            self.group = group;
        }
        if ended.begins {
            match ended.destination {
                Destination::Footnote => self.end_note(),
                Destination::Annotation => self.end_annotation(),
                _ => {}
            }
        }
    }

    fn begin(&mut self, destination: Destination) {
        if self.group.destination == Destination::Nothing {
            return;
        }
        if matches!(destination, Destination::Footnote | Destination::Annotation) {
            self.interrupted.push(std::mem::take(&mut self.paragraph));
            self.look = None;
        }
        self.group.destination = destination;
        self.group.begins = true;
    }

    fn control(&mut self, word: &str, number: Option<i32>) {
        // What is passed over may be written as a control word, too.
        if self.substitutes > 0 && word != "u" {
            self.substitutes -= 1;
            return;
        }
        self.end_bytes();
        let ignorable = std::mem::take(&mut self.ignorable);
        let on = number != Some(0);
        let value = number.unwrap_or(0);
        match word {
            "u" => self.unicode(value),
            "uc" => self.group.substitutes = usize::try_from(value).unwrap_or(0).min(16),
            "ansicpg" => self.encoding = of_code_page(value).unwrap_or(self.encoding),
            "mac" => self.encoding = of_code_page(10_000).unwrap_or(self.encoding),
            "deff" | "f" if self.group.destination != Destination::Fonts => self.group.font = value,
            "b" => self.group.bold = on,
            "fs" => self.group.half_points = u32::try_from(value).unwrap_or(24),
            "v" | "deleted" => self.group.hidden = on,
            "plain" => (self.group.bold, self.group.half_points, self.group.hidden) = (false, 24, false),
            _ if self.describe(word, value) || self.destination(word) => {}
            _ if ignorable => self.begin(Destination::Nothing),
            _ => self.layout(word, value),
        }
    }

    /// Takes what is said of fonts and styles.
    fn describe(&mut self, word: &str, value: i32) -> bool {
        match (self.group.destination, word) {
            (Destination::Fonts, "f") => self.described = value,
            (Destination::Fonts, "fcharset") => {
                self.fonts.entry(self.described).or_default().encoding = of_charset(value);
            }
            (Destination::Styles, "s") => self.described = value,
            // Styles of characters and sections have numbers of their own.
            (Destination::Styles, "cs" | "ds" | "ts") => self.described = -1,
            (Destination::Styles, "outlinelevel") => self.style.level = level(value),
            _ => return false,
        }
        true
    }

    fn destination(&mut self, word: &str) -> bool {
        let destination = match word {
            "fonttbl" => Destination::Fonts,
            "stylesheet" => Destination::Styles,
            "title" => Destination::Title,
            "atnauthor" => Destination::Author,
            "listtext" | "pntext" => Destination::ListMark,
            "footnote" => Destination::Footnote,
            "annotation" => Destination::Annotation,
            "info" | "shpinst" | "shptxt" => return true,
            "colortbl" | "pict" | "object" | "header" | "headerl" | "headerr" | "headerf" | "footer"
            | "footerl" | "footerr" | "footerf" | "fldinst" | "nonshppict" | "nonesttables" | "sp"
            | "ftnsep" | "ftnsepc" | "ftncn" | "aftnsep" | "aftnsepc" | "aftncn" | "xe" | "tc" | "rxe"
            | "do" | "filetbl" | "revtbl" | "listtable" | "author" | "operator" | "subject" | "keywords"
            | "doccomm" | "company" | "manager" | "category" | "comment" | "hlinkbase" | "creatim"
            | "revtim" | "printim" | "buptim" | "template" | "pn" | "private" | "atnid" => {
                Destination::Nothing
            }
            _ => return false,
        };
        self.begin(destination);
        true
    }

    /// Takes what is said of paragraphs and of single characters.
    fn layout(&mut self, word: &str, value: i32) {
        if matches!(self.group.destination, Destination::Nothing | Destination::ListMark) {
            return;
        }
        match word {
            "par" | "sect" | "page" => self.end_paragraph(),
            "pard" => {
                self.in_table = false;
                let Paragraph { style_name, list_info, heading, .. } = &mut self.paragraph;
                (*style_name, *list_info, *heading) = (None, None, HeadingLevel::None);
            }
            "s" => {
                let style = self.styles.get(&value).cloned().unwrap_or_default();
                self.paragraph.heading = heading(style.level);
                self.paragraph.style_name = Some(style.name);
            }
            "outlinelevel" => self.paragraph.heading = heading(level(value)),
            "ilvl" => {
                if let Some(list) = &mut self.paragraph.list_info {
                    list.level = u8::try_from(value).unwrap_or_default();
                }
            }
            "intbl" => self.in_table = true,
            "cell" | "nestcell" => self.end_cell(),
            "row" => self.end_row(),
            "tab" => self.text("\t"),
            "line" => self.text("\n"),
            "emdash" => self.text("—"),
            "endash" => self.text("–"),
            "lquote" => self.text("‘"),
            "rquote" => self.text("’"),
            "ldblquote" => self.text("“"),
            "rdblquote" => self.text("”"),
            "bullet" => self.text("•"),
            "emspace" | "enspace" | "qmspace" => self.text(" "),
            _ => {}
        }
    }

    fn unicode(&mut self, value: i32) {
        self.substitutes = self.group.substitutes;
        // Numbers above 32767 are written as negative ones.
        let unit = (value & 0xffff) as u16;
        let units = [self.half.take().unwrap_or(unit), unit];
        let units = if units[0] == unit { &units[..1] } else { &units[..] };
        match char::decode_utf16(units.iter().copied()).collect::<Result<String, _>>() {
            Ok(text) => self.text(&text),
            Err(_) if (0xd800..0xdc00).contains(&unit) => self.half = Some(unit),
            Err(_) => {}
        }
    }

    fn byte(&mut self, byte: u8) {
        if self.substitutes > 0 {
            self.substitutes -= 1;
        } else {
            self.bytes.push(byte);
        }
    }

    fn character(&mut self, character: char) {
        if self.substitutes > 0 {
            self.substitutes -= 1;
        } else {
            self.end_bytes();
            self.text(character.encode_utf8(&mut [0; 4]));
        }
    }

    fn end_bytes(&mut self) {
        if self.bytes.is_empty() {
            return;
        }
        let bytes = std::mem::take(&mut self.bytes);
        let font = self.fonts.get(&self.group.font).and_then(|font| font.encoding);
        let text = font.unwrap_or(self.encoding).decode_without_bom_handling(&bytes).0;
        self.text(&text);
    }

    fn text(&mut self, text: &str) {
        match self.group.destination {
            Destination::Nothing => {}
            Destination::Fonts => {
                self.fonts.entry(self.described).or_default().name.push_str(text.trim_end_matches(';'));
            }
            Destination::Styles => {
                self.style.name.push_str(text);
                if text.ends_with(';') {
                    self.end_style();
                }
            }
            Destination::Title => self.title.push_str(text),
            Destination::Author => self.author.push_str(text),
            Destination::ListMark => {
                let number = text.trim().trim_end_matches(['.', ')']).parse().ok();
                let list = self.paragraph.list_info.get_or_insert_with(ListInfo::default);
                list.number = list.number.or(number);
                list.list_type = if list.number.is_some() { ListType::Numbered } else { ListType::Bullet };
            }
            Destination::Text | Destination::Footnote | Destination::Annotation => self.run(text),
        }
    }

    fn run(&mut self, text: &str) {
        if self.group.hidden {
            return;
        }
        let look = (self.group.font, self.group.bold, self.group.half_points);
        if let Some(run) = self.paragraph.runs.last_mut().filter(|_| self.look == Some(look)) {
            run.text.push_str(text);
            return;
        }
        self.look = Some(look);
        let font = self.fonts.get(&look.0).map(|font| font.name.clone());
        let style = TextStyle { bold: look.1, size: Some(look.2), font, ..TextStyle::default() };
        self.paragraph.runs.push(TextRun::styled(text, style));
    }

    fn end_style(&mut self) {
        let mut style = std::mem::take(&mut self.style);
        style.name = style.name.trim_end_matches(';').trim().to_owned();
        if self.described >= 0 {
            self.styles.insert(self.described, style);
        }
        self.described = 0;
    }

    fn end_paragraph(&mut self) {
        self.look = None;
        // What is said of a paragraph holds for the next one.
        let next = Paragraph {
            style_name: self.paragraph.style_name.clone(),
            heading: self.paragraph.heading,
            ..Paragraph::default()
        };
        let paragraph = std::mem::replace(&mut self.paragraph, next);
        if matches!(self.group.destination, Destination::Footnote | Destination::Annotation) {
            // Notes are one paragraph.
            self.paragraph = paragraph;
            self.text(" ");
        } else if self.in_table {
            self.cell.push(paragraph);
        } else {
            self.end_table();
            self.blocks.push(Block::Paragraph(paragraph));
        }
    }

    fn end_cell(&mut self) {
        self.in_table = true;
        self.end_paragraph();
        let content = std::mem::take(&mut self.cell);
        if self.row.cells.len() < MOST_CELLS {
            self.row.cells.push(Cell { content, ..Cell::new() });
        }
    }

    fn end_row(&mut self) {
        let row = std::mem::take(&mut self.row);
        if !row.cells.is_empty() {
            self.rows.push(row);
        }
    }

    fn end_table(&mut self) {
        self.end_row();
        let rows = std::mem::take(&mut self.rows);
        if !rows.is_empty() {
            self.blocks.push(Block::Table(Table { rows, ..Table::default() }));
        }
    }

    fn end_note(&mut self) {
        self.look = None;
        let outer = self.interrupted.pop().unwrap_or_default();
        let content = std::mem::replace(&mut self.paragraph, outer);
        let label = (self.notes.len() + 1).to_string();
        self.paragraph.runs.push(TextRun::note_reference(label.as_str()));
        self.notes.push(Block::Note { label, content: vec![content] });
    }

    fn end_annotation(&mut self) {
        self.look = None;
        let outer = self.interrupted.pop().unwrap_or_default();
        let comment = std::mem::replace(&mut self.paragraph, outer).plain_text();
        let author = one_line(&std::mem::take(&mut self.author));
        let by = if author.is_empty() { author } else { format!(" by {author}") };
        self.notes
            .push(Block::Paragraph(Paragraph::with_text(format!("Comment{by}: {}", one_line(&comment)))));
    }

    fn finish(mut self) -> Document {
        self.end_bytes();
        self.in_table = false;
        self.group.destination = Destination::Text;
        self.end_paragraph();
        self.blocks.append(&mut self.notes);
        let mut document = Document::new();
        document.metadata.title = Some(self.title);
        let mut section = undoc::Section::new(0);
        section.content = self.blocks;
        document.add_section(section);
        document
    }
}

/// The level of a heading; the tenth one, 9, is that of the text.
fn level(value: i32) -> Option<u8> {
    u8::try_from(value).ok().filter(|level| *level < 6).map(|level| level + 1)
}

fn heading(level: Option<u8>) -> HeadingLevel {
    HeadingLevel::from_number(level.unwrap_or(0))
}

#[cfg(test)]
mod tests;
