//! `get`: prints lines of a document.

use clap::Args;

use super::{
    console::Console,
    exit::Exit,
    output::{Output, Style},
    typeset::{indented, plain},
};
use crate::operations::{ApiError, DocumentText, ReadDocument, ReadDocumentAt};

#[derive(Debug, Args)]
pub(super) struct Get {
    #[command(flatten)]
    read: ReadDocument,
    /// The project that the document is in, by id or alias: the document is named by its path then
    #[arg(long, value_name = "P")]
    project: Option<String>,
}

impl Get {
    pub(super) fn run(self, console: &Console<'_>) -> Result<Exit, ApiError> {
        let Some(project) = self.project else { return console.run(self.read, print) };
        let ReadDocument { id: path, lines, max_chars } = self.read;
        console.run(ReadDocumentAt { project, path, lines, max_chars }, print)
    }
}

/// Every line with its number.
fn print(text: &DocumentText, output: &Output) {
    output.line(output.paint(Style::Bold, plain(&text.title)));
    let lines = match text.lines {
        Some(lines) => format!("lines {}-{} of {}", lines.first, lines.last, text.total_lines),
        None => "no lines".to_owned(),
    };
    let location =
        text.location.as_ref().map_or_else(String::new, |location| format!(", {}", plain(location)));
    let place = format!("{}{location} · {} · {lines}", plain(&text.source_path), text.project);
    output.line(output.paint(Style::Dim, place));
    let first = text.lines.map_or(1, |lines| lines.first);
    for (number, line) in (first..).zip(text.content.lines()) {
        let number = output.paint(Style::Dim, format!("{number:>6} "));
        output.line(format!("{number} {}", indented(line)).trim_end());
    }
    if let Some(next) = text.next_line {
        output.remark(format!("note: there is more; --lines {next}- goes on from here"));
    }
    output.notices(&text.notices);
}
