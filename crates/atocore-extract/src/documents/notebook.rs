//! Jupyter notebooks.

use serde::Deserialize;

use super::{
    fence::{OpenFence, fence},
    html,
};
use crate::{error::ExtractError, extracted::Extracted, terminal::without_terminal_codes, words::one_line};

/// How much of what a cell has put out is kept, in characters.
const OUTPUT: usize = 2000;

/// Reads a notebook of version 3 or 4: the cells in their order, each as a place.
pub(super) fn read(content: &[u8]) -> Result<Extracted, ExtractError> {
    let text = super::text(content)?;
    if text.trim().is_empty() {
        return Ok(Extracted::markdown());
    }
    let notebook: Notebook = serde_json::from_str(text).map_err(ExtractError::damaged)?;
    let mut out = Extracted::markdown();
    let Metadata { title, name, kernelspec, language_info } = notebook.metadata.unwrap_or_default();
    for title in [name, title].into_iter().flatten() {
        out.title_from_metadata(&title);
    }
    let language = language_info.and_then(|info| info.name).or(kernelspec.and_then(|spec| spec.language));
    let sheets =
        notebook.worksheets.into_iter().flatten().flat_map(|sheet| sheet.cells.into_iter().flatten());
    for (index, cell) in notebook.cells.into_iter().flatten().chain(sheets).enumerate() {
        out.begin(format!("cell {}", index + 1));
        let from = out.text.len();
        cell.append(language.as_deref(), &mut out);
        if out.text.len() == from {
            out.locations.pop();
        }
    }
    Ok(out)
}

#[derive(Debug, Deserialize)]
struct Notebook {
    metadata: Option<Metadata>,
    cells: Option<Vec<NotebookCell>>,
    /// Where the cells are in version 3.
    worksheets: Option<Vec<Worksheet>>,
}

#[derive(Debug, Deserialize)]
struct Worksheet {
    cells: Option<Vec<NotebookCell>>,
}

#[derive(Debug, Default, Deserialize)]
struct Metadata {
    title: Option<String>,
    name: Option<String>,
    kernelspec: Option<Kernel>,
    language_info: Option<Kernel>,
}

#[derive(Debug, Deserialize)]
struct Kernel {
    name: Option<String>,
    language: Option<String>,
}

#[derive(Debug, Deserialize)]
struct NotebookCell {
    cell_type: Option<String>,
    source: Option<CellText>,
    /// The source of code in version 3.
    input: Option<CellText>,
    /// Of a cell of version 3.
    language: Option<String>,
    /// Of a heading of version 3.
    level: Option<u8>,
    outputs: Option<Vec<CellOutput>>,
}

#[derive(Debug, Deserialize)]
struct CellOutput {
    text: Option<CellText>,
    data: Option<Data>,
    ename: Option<String>,
    evalue: Option<String>,
}

/// What was put out, in the forms that are text.
#[derive(Debug, Deserialize)]
struct Data {
    #[serde(rename = "text/plain")]
    plain: Option<CellText>,
    #[serde(rename = "text/markdown")]
    markdown: Option<CellText>,
    #[serde(rename = "text/html")]
    html: Option<CellText>,
}

impl Data {
    /// The text of what was put out. Where that is only what an object is called, the object is shown as something else.
    fn into_text(self) -> Option<String> {
        let plain = self.plain.map(CellText::into_string).unwrap_or_default();
        if !plain.trim().is_empty() && !is_name_of_object(&plain) {
            return Some(plain);
        }
        let markdown = self.markdown.map(CellText::into_string).filter(|text| !text.trim().is_empty());
        let of_html = |html: CellText| html::read(html.into_string().as_bytes()).ok().map(|page| page.text);
        markdown.or_else(|| self.html.and_then(of_html))
    }
}

/// A text, whole or in lines.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum CellText {
    Whole(String),
    Lines(Vec<String>),
    /// Old notebooks have `{}` where there is nothing.
    Nothing {},
}

impl CellText {
    fn into_string(self) -> String {
        match self {
            Self::Whole(text) => text,
            Self::Lines(lines) => lines.concat(),
            Self::Nothing {} => String::new(),
        }
    }
}

impl NotebookCell {
    fn append(self, language: Option<&str>, out: &mut Extracted) {
        let source = self.source.or(self.input).map(CellText::into_string).unwrap_or_default();
        match self.cell_type.as_deref() {
            Some("code") => {
                append_code(&source, self.language.as_deref().or(language).unwrap_or_default(), out);
                let output = text_of(self.outputs.unwrap_or_default());
                append_code(&output, "", out);
            }
            Some("heading") => {
                let level = usize::from(self.level.unwrap_or(1).clamp(1, 6));
                let words = one_line(&source);
                if !words.is_empty() {
                    out.block(&format!("{} {words}", "#".repeat(level)));
                }
            }
            // Text for another program, in whatever notation that takes.
            Some("raw") => out.paragraph(&without_data(&source)),
            _ => {
                let source = without_data(&source);
                out.block(&source);
                let mut fence = OpenFence::default();
                for line in source.lines() {
                    fence.takes(line);
                }
                out.block(&fence.end().unwrap_or_default());
            }
        }
    }
}

fn append_code(code: &str, language: &str, out: &mut Extracted) {
    let code = code.trim_end().trim_start_matches(['\r', '\n']);
    if !code.is_empty() {
        let fence = fence(code);
        let language = language.split_whitespace().next().unwrap_or_default();
        out.block(&format!("{fence}{language}\n{code}\n{fence}"));
    }
}

/// The beginning of what a cell has put out as text; at its end stands how much there was, where that is more.
fn text_of(outputs: Vec<CellOutput>) -> String {
    let mut text = String::new();
    let (mut room, mut left_out) = (OUTPUT, 0);
    for output in outputs {
        let error = output.ename.map(|name| format!("{name}: {}\n", output.evalue.unwrap_or_default()));
        let data = output.data.and_then(Data::into_text);
        let stream = output.text.map(CellText::into_string).filter(|text| !is_name_of_object(text));
        for part in [error, data, stream].into_iter().flatten() {
            let part = without_terminal_codes(&part);
            let end = part.char_indices().nth(room).map_or(part.len(), |(end, _)| end);
            let (kept, rest) = part.split_at(end);
            if !kept.is_empty() && !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            text.push_str(kept);
            room -= kept.chars().count();
            left_out += rest.trim_end().chars().count();
        }
    }
    if left_out > 0 {
        text.push_str(&format!("… (first {OUTPUT} of {} characters of output)", OUTPUT + left_out));
    }
    text
}

fn is_name_of_object(text: &str) -> bool {
    let text = text.trim();
    text.starts_with('<') && text.ends_with('>') && !text.contains('\n')
}

/// A text without the data of pictures that are written into it.
fn without_data(text: &str) -> String {
    let mut rest = text;
    let mut kept = String::new();
    while let Some(at) = rest.find(";base64,") {
        let before = &rest[..at];
        let is_of_data = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
        let begin = before.rfind("data:").filter(|begin| before.len() - begin < 100).unwrap_or(at);
        kept.push_str(&before[..begin]);
        rest = rest[at + ";base64,".len()..].trim_start_matches(is_of_data);
    }
    kept.push_str(rest);
    kept
}

#[cfg(test)]
mod tests;
