//! Documents of Word.

use std::collections::HashMap;

use undoc::{
    Block, Document, ListType, Paragraph, Table, doc::DocParser, docx::DocxParser, model::RevisionType,
};

use super::{
    super::{
        archive::Archive,
        markdown::{Writer, bullet, is_style_of_code},
    },
    error, headings,
    parts::WordParts,
    remarks::WordRemarks,
};
use crate::{error::ExtractError, extracted::Extracted};

pub(super) fn read(content: &[u8]) -> Result<Extracted, ExtractError> {
    let mut archive = Archive::open(content)?;
    let parts = WordParts::of(&mut archive)?;
    let remarks = WordRemarks::of(&parts)?;
    let package = parts.package(&mut archive, content);
    drop(parts);
    let document = DocxParser::from_bytes(package).and_then(|mut parser| parser.parse());
    let mut document = document.map_err(error)?;
    for block in document.sections.iter_mut().flat_map(|section| &mut section.content) {
        if let Block::Paragraph(paragraph) = block {
            remarks.correct(paragraph);
        }
    }
    Ok(written(&document, remarks))
}

pub(super) fn read_binary(content: &[u8]) -> Result<Extracted, ExtractError> {
    let document = DocParser::from_bytes(content.to_vec()).and_then(|mut parser| parser.parse());
    Ok(written(&document.map_err(error)?, WordRemarks::default()))
}

pub(super) fn written(document: &Document, mut remarks: WordRemarks) -> Extracted {
    let mut writer = Writer::new();
    let blocks = || document.sections.iter().flat_map(|section| &section.content);
    let paragraphs: Vec<_> = blocks()
        .filter_map(|block| if let Block::Paragraph(paragraph) = block { Some(paragraph) } else { None })
        .collect();
    let mut levels = headings::levels(&paragraphs).into_iter();
    let mut notes = WordNotes::of(blocks());
    for block in blocks() {
        match block {
            Block::Paragraph(paragraph) => {
                let level = levels.next().flatten();
                if level.is_some() {
                    notes.write(&mut writer);
                }
                notes.refer(paragraph);
                write_paragraph(&mut writer, paragraph, level);
                remarks.take(paragraph).iter().for_each(|comment| writer.paragraph(comment));
            }
            Block::Table(table) => {
                notes.refer_from_table(table);
                writer.table(&rows(table));
            }
            Block::Note { label, .. } => notes.waiting.push(label.clone()),
            Block::PageBreak | Block::SectionBreak | Block::Image { .. } => {}
        }
    }
    notes.write(&mut writer);
    remarks.rest().iter().for_each(|comment| writer.paragraph(comment));
    writer.finish(document.metadata.title.as_deref().unwrap_or_default())
}

/// The notes of a Word document, which are written at the end of the section that refers to them.
struct WordNotes {
    texts: HashMap<String, String>,
    /// The labels that the section so far refers to.
    waiting: Vec<String>,
}

impl WordNotes {
    fn of<'b>(blocks: impl Iterator<Item = &'b Block>) -> Self {
        let mut all: HashMap<String, String> = HashMap::new();
        for block in blocks {
            if let Block::Note { label, content } = block {
                let text = all.entry(label.clone()).or_default();
                text.push_str(&texts(content));
                text.push('\n');
            }
        }
        Self { texts: all, waiting: Vec::new() }
    }

    fn refer(&mut self, paragraph: &Paragraph) {
        let kept = paragraph.runs.iter().filter(|run| run.revision != RevisionType::Deleted);
        self.waiting.extend(kept.filter_map(|run| run.note.clone()));
    }

    fn refer_from_table(&mut self, table: &Table) {
        let mut tables = vec![table];
        while let Some(table) = tables.pop() {
            for cell in table.rows.iter().flat_map(|row| &row.cells) {
                cell.content.iter().for_each(|paragraph| self.refer(paragraph));
                tables.extend(&cell.nested_tables);
            }
        }
    }

    /// Writes the notes that were referred to, each once.
    fn write(&mut self, writer: &mut Writer) {
        for label in self.waiting.drain(..) {
            if let Some(text) = self.texts.remove(&label) {
                writer.note(&label, &text);
            }
        }
    }
}

fn write_paragraph(writer: &mut Writer, paragraph: &Paragraph, heading: Option<usize>) {
    let text = text(paragraph);
    if let Some(level) = heading {
        writer.heading(level, &text);
    } else if is_code(paragraph) {
        writer.code(&text);
    } else if let Some(mark) = list_mark(paragraph) {
        writer.item(&mark, &text);
    } else {
        writer.paragraph(&text);
    }
}

/// The text of a paragraph as it stands after all changes: without what was deleted.
fn text(paragraph: &Paragraph) -> String {
    let mut text = String::new();
    for run in paragraph.runs.iter().filter(|run| run.revision != RevisionType::Deleted) {
        text.push_str(&run.text);
        if let Some(label) = &run.note {
            text.push_str(&format!("[^{label}]"));
        }
        if run.line_break || run.page_break {
            text.push('\n');
        }
    }
    text
}

fn texts(paragraphs: &[Paragraph]) -> String {
    paragraphs.iter().map(text).collect::<Vec<_>>().join("\n")
}

/// What stands in front of an item of a list.
fn list_mark(paragraph: &Paragraph) -> Option<String> {
    if let Some(list) = &paragraph.list_info {
        let mark = bullet(list.level.into());
        return Some(match (list.list_type, list.number) {
            (ListType::Numbered, Some(number)) => mark.replace('-', &format!("{number}.")),
            _ => mark,
        });
    }
    let style = style(paragraph).to_lowercase().replace(' ', "");
    (style.starts_with("listbullet") || style.starts_with("listnumber")).then(|| bullet(0))
}

/// Whether a paragraph is set as code: its style says so, or the font of all its text.
fn is_code(paragraph: &Paragraph) -> bool {
    let mut runs = paragraph.runs.iter().filter(|run| !run.text.trim().is_empty()).peekable();
    is_style_of_code(style(paragraph))
        || (runs.peek().is_some() && runs.all(|run| run.style.font.as_deref().is_some_and(is_monospaced)))
}

fn style(paragraph: &Paragraph) -> &str {
    paragraph.style_name.as_deref().or(paragraph.style_id.as_deref()).unwrap_or_default()
}

fn is_monospaced(font: &str) -> bool {
    let font = font.to_lowercase();
    ["courier", "consolas", "mono", "menlo", "monaco", "lucida console", "fixedsys", "source code"]
        .iter()
        .any(|name| font.contains(name))
}

/// The cells of a table, each where it stands; those that another one covers are empty.
fn rows(table: &Table) -> Vec<Vec<String>> {
    let columns = table.cell_columns();
    let row = |(row, columns): (&undoc::Row, &Vec<usize>)| {
        let mut cells = Vec::new();
        for (cell, column) in row.cells.iter().zip(columns) {
            let mut text = texts(&cell.content);
            for nested in &cell.nested_tables {
                for row in rows(nested) {
                    let values: Vec<_> = row.into_iter().filter(|cell| !cell.is_empty()).collect();
                    text.push('\n');
                    text.push_str(&values.join("; "));
                }
            }
            if !text.trim().is_empty() {
                cells.resize(*column, String::new());
                cells.push(text);
            }
        }
        cells
    };
    table.rows.iter().zip(&columns).map(row).collect()
}
