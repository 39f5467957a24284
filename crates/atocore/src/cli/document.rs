//! `get`: prints lines of a document.

use atocore_model::monitor::Silent;
use clap::Args;

use super::{
    exit::Exit,
    output::{Form, Output, Style},
    typeset::{indented, plain},
};
use crate::{
    config::Config,
    operations::{ApiError, ReadDocument, ReadDocumentAt},
    session::Session,
    wire::DocumentText,
};

#[derive(Debug, Args)]
pub(super) struct Get {
    /// The id of a document (`doc_…`) or of a passage (`chk_…`); with --project, the path of a document in it
    #[arg(value_name = "ID|PATH")]
    document: String,
    /// The project that the path is in, by id or alias
    #[arg(long, value_name = "P")]
    project: Option<String>,
    /// Only these lines: 10-40, 10- or 10, counted from 1
    #[arg(long, value_name = "LINES")]
    lines: Option<String>,
    /// How many characters at most: 1 to 200000
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    max_chars: Option<u64>,
}

impl Get {
    pub(super) fn run(self, config: &Config, output: &Output) -> Result<Exit, ApiError> {
        let Self { document, project, lines, max_chars } = self;
        let session = Session::looking(config)?;
        let text = match project {
            None => session.run(ReadDocument { id: document, lines, max_chars }, &Silent)?,
            Some(project) => {
                session.run(ReadDocumentAt { project, path: document, lines, max_chars }, &Silent)?
            }
        };
        match output.form() {
            Form::Json => output.json(&text),
            Form::Human => print(&text, output),
        }
        Ok(Exit::Done)
    }
}

/// Every line with its number.
fn print(text: &DocumentText, output: &Output) {
    output.line(output.paint(Style::Bold, plain(&text.title)));
    let lines = match text.lines {
        Some(lines) => format!("lines {}-{} of {}", lines.first, lines.last, text.total_lines),
        None => "no lines".to_owned(),
    };
    let place = format!("{} · {} · {lines}", plain(&text.source_file), text.project);
    output.line(output.paint(Style::Dim, place));
    let first = text.lines.map_or(1, |lines| lines.first);
    for (number, line) in (first..).zip(text.content.lines()) {
        let number = output.paint(Style::Dim, format!("{number:>6} "));
        output.line(format!("{number} {}", indented(line)).trim_end());
    }
    if let Some(next) = text.next_line {
        output.remark(format!("note: there is more; --lines {next}- goes on from here"));
    }
    for notice in &text.notices {
        output.remark(output.aimed(format!("note: {notice}")));
    }
}
