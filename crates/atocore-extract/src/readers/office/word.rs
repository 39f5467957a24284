//! Documents of Word.

use undoc::{
    Block, Document, ListType, Paragraph, Table, doc::DocParser, docx::DocxParser, model::RevisionType,
};

use super::{
    super::{archive::Archive, markdown::one_line},
    error, headings,
    remarks::Remarks,
};
use crate::{error::ExtractError, extracted::Extracted};

pub(super) fn read(content: &[u8]) -> Result<Extracted, ExtractError> {
    let remarks = Remarks::of(&mut Archive::open(content)?)?;
    let document = DocxParser::from_bytes(content.to_vec()).and_then(|mut parser| parser.parse());
    let mut document = document.map_err(error)?;
    for block in document.sections.iter_mut().flat_map(|section| &mut section.content) {
        if let Block::Paragraph(paragraph) = block {
            remarks.correct(paragraph);
        }
    }
    Ok(Writer::write(&document, remarks))
}

pub(super) fn read_binary(content: &[u8]) -> Result<Extracted, ExtractError> {
    let document = DocParser::from_bytes(content.to_vec()).and_then(|mut parser| parser.parse());
    Ok(Writer::write(&document.map_err(error)?, Remarks::default()))
}

/// Writes a document. Items of a list and lines of code are kept until something else comes.
struct Writer {
    out: Extracted,
    remarks: Remarks,
    list: Vec<String>,
    code: Vec<String>,
}

impl Writer {
    fn write(document: &Document, remarks: Remarks) -> Extracted {
        let mut writer = Self { out: Extracted::markdown(), remarks, list: Vec::new(), code: Vec::new() };
        writer.out.title_from_metadata(document.metadata.title.as_deref().unwrap_or_default());
        let blocks = || document.sections.iter().flat_map(|section| &section.content);
        let paragraphs: Vec<_> = blocks()
            .filter_map(|block| if let Block::Paragraph(paragraph) = block { Some(paragraph) } else { None })
            .collect();
        let mut levels = headings::levels(&paragraphs).into_iter();
        for block in blocks() {
            match block {
                Block::Paragraph(paragraph) => writer.paragraph(paragraph, levels.next().flatten()),
                Block::Table(table) => {
                    writer.flush();
                    writer.out.table(&rows(table));
                }
                Block::Note { label, content } => {
                    writer.flush();
                    let note = one_line(&texts(content));
                    writer.out.block(&format!("[^{label}]: {note}"));
                }
                Block::PageBreak | Block::SectionBreak | Block::Image { .. } => {}
            }
        }
        writer.flush();
        let rest = writer.remarks.rest();
        rest.iter().for_each(|comment| writer.out.paragraph(comment));
        writer.out.locations_from_headings();
        writer.out
    }

    fn paragraph(&mut self, paragraph: &Paragraph, heading: Option<usize>) {
        let text = text(paragraph);
        if let Some(level) = heading {
            self.flush();
            self.out.heading(level, &text);
        } else if is_code(paragraph) {
            self.flush_list();
            self.code.extend(text.lines().map(str::to_owned));
            if text.is_empty() {
                self.code.push(String::new());
            }
        } else if let Some(mark) = list_mark(paragraph) {
            if !text.trim().is_empty() {
                self.flush_code();
                self.list.push(format!("{mark}{}", one_line(&text)));
            }
        } else {
            self.flush();
            self.out.paragraph(&text);
        }
        let comments = self.remarks.take(paragraph);
        if !comments.is_empty() {
            self.flush();
            comments.iter().for_each(|comment| self.out.paragraph(comment));
        }
    }

    fn flush(&mut self) {
        self.flush_list();
        self.flush_code();
    }

    fn flush_list(&mut self) {
        let list = std::mem::take(&mut self.list).join("\n");
        self.out.block(&list);
    }

    fn flush_code(&mut self) {
        let code = std::mem::take(&mut self.code);
        self.out.code(&code);
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
        let indent = "  ".repeat(usize::from(list.level.min(8)));
        return Some(match (list.list_type, list.number) {
            (ListType::Numbered, Some(number)) => format!("{indent}{number}. "),
            (ListType::Numbered, None) => format!("{indent}1. "),
            _ => format!("{indent}- "),
        });
    }
    let style = style(paragraph);
    (style.starts_with("listbullet") || style.starts_with("listnumber")).then(|| "- ".to_owned())
}

/// Whether a paragraph is set as code: its style says so, or all its text is.
fn is_code(paragraph: &Paragraph) -> bool {
    let style = style(paragraph);
    let of_style =
        ["code", "sourcecode", "preformatted", "htmlpreformatted", "verbatim", "plaintext", "macrotext"]
            .iter()
            .any(|name| style.starts_with(name))
            && !["label", "caption", "title", "heading", "note"].iter().any(|name| style.contains(name));
    let mut runs = paragraph.runs.iter().filter(|run| !run.text.trim().is_empty()).peekable();
    of_style
        || (runs.peek().is_some() && runs.all(|run| run.style.font.as_deref().is_some_and(is_monospaced)))
}

fn is_monospaced(font: &str) -> bool {
    let font = font.to_lowercase();
    ["courier", "consolas", "mono", "menlo", "monaco", "lucida console", "fixedsys", "source code"]
        .iter()
        .any(|name| font.contains(name))
}

fn style(paragraph: &Paragraph) -> String {
    let name = paragraph.style_name.as_ref().or(paragraph.style_id.as_ref());
    name.map_or_else(String::new, |name| name.to_lowercase().replace([' ', '-', '_'], ""))
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
