//! Reading a document.

use atocore_model::error::ErrorCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    answer::{DATA_NOTE, notices, quoted},
    call::Call,
    names,
    tool::{Effect, Tool},
};
use crate::{
    cli::plain,
    operations::{ApiError, DocumentText, ReadDocument, ReadDocumentAt},
};

/// The most characters of one answer.
const MOST_CHARS: u64 = 25_000;

/// How many characters there are at most when nothing is said.
const USUAL_CHARS: u64 = 12_000;

/// `atocore_get`.
pub(super) struct GetTool;

/// Which document, and what of it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// Of a document (`doc_…`) or of a passage (`chk_…`).
    #[serde(default)]
    id: Option<String>,
    /// Its project, by id or alias; goes with `path`.
    #[serde(default)]
    project: Option<String>,
    /// Its path below the root, instead of `id`; goes with `project`.
    #[serde(default)]
    path: Option<String>,
    /// `10-40`, `10-` or `10`, counted from 1. Left out: the whole document, or the lines of the passage.
    #[serde(default)]
    lines: Option<String>,
    /// How many characters at most: 12,000 when left out, up to 25,000.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 25000, default = 12000)]
    max_chars: Option<u64>,
}

impl Tool for GetTool {
    const NAME: &'static str = names::GET;
    const TITLE: &'static str = "Read a document";
    const DESCRIPTION: &'static str = "Reads a document, or a range of its lines, by the ids that atocore_search gives or by project and \
        path. Use it to see what stands around a passage before relying on it, or to read a whole file. A long one comes in \
        parts: `next_line` says where to go on.";
    const EFFECT: Effect = Effect::Reads;
    type Arguments = Arguments;
    type Answer = DocumentText;

    async fn run(call: &Call, asked: Arguments) -> Result<DocumentText, ApiError> {
        let Arguments { id, project, path, lines, max_chars } = asked;
        let max_chars = Some(max_chars.unwrap_or(USUAL_CHARS).min(MOST_CHARS));
        match (id, project, path) {
            (Some(id), None, None) => call.run(ReadDocument { id, lines, max_chars }).await,
            (None, Some(project), Some(path)) => {
                call.run(ReadDocumentAt { project, path, lines, max_chars }).await
            }
            _ => {
                let message = "a document is named by `id`, or by `project` and `path`";
                let hint = "a query gives the ids of what it finds; or name a project and a path in it";
                Err(ApiError::new(ErrorCode::InvalidRequest, message).with_hint(hint))
            }
        }
    }

    fn text(document: &DocumentText) -> String {
        let lines = match document.lines {
            Some(lines) => format!("lines {}-{} of {}", lines.first, lines.last, document.total_lines),
            None => "no lines".to_owned(),
        };
        let location = document.location.as_ref();
        let location = location.map_or_else(String::new, |location| format!(", {}", plain(location)));
        let mut text = format!(
            "{}\n{}{location} · {} · {lines} · {}\n",
            plain(&document.title),
            plain(&document.source_path),
            document.project,
            document.document_id
        );
        text.push_str(&notices(&document.notices));
        text.push_str(DATA_NOTE);
        text.push('\n');
        text.push_str(&quoted(document.lines.map_or(1, |lines| lines.first), &document.content));
        if let Some(next) = document.next_line {
            text.push_str(&format!("There is more: go on with lines \"{next}-\".\n"));
        }
        text
    }
}
