//! `/documents`: reading one.

use serde::Deserialize;

use super::{
    door::{Door, Reply},
    extract::{Name, Params},
};
use crate::{
    verb::{ReadDocument, lenient},
    wire::DocumentText,
};

/// What of a document is read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    #[serde(default, deserialize_with = "lenient::text")]
    lines: Option<String>,
    #[serde(default, deserialize_with = "lenient::number")]
    max_chars: Option<u64>,
}

/// Reads lines of a document.
///
/// They come from its file when that still has the bytes that were ingested, else from the stored passages.
#[utoipa::path(get, path = "/documents/{id}", operation_id = "read_document", tag = "retrieval",
    params(
        ("id" = String, Path, description = "Of the document, `doc_…`, or of a passage of it, `chk_…`"),
        ("lines" = Option<String>, Query, description = "`10-40`, `10-` or `10`, counted from 1; left out: all of a document, \
            those of a passage"),
        ("max_chars" = Option<u64>, Query, description = "How many characters at most: 1 to 200000, 20000 when left out"),
    ),
    responses((status = 200, description = "The lines, and where to go on when there are more", body = DocumentText)))]
pub(super) async fn read(door: Door, Name(id): Name, Params(which): Params<Which>) -> Reply<DocumentText> {
    let Which { lines, max_chars } = which;
    door.run(ReadDocument { id: Some(id), lines, max_chars, ..ReadDocument::default() }).await
}

/// Which document is read, and what of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    #[serde(default, deserialize_with = "lenient::text")]
    project: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    path: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    lines: Option<String>,
    #[serde(default, deserialize_with = "lenient::number")]
    max_chars: Option<u64>,
}

/// Reads lines of the document at a path of a project.
#[utoipa::path(get, path = "/documents", operation_id = "read_document_at", tag = "retrieval",
    params(
        ("project" = String, Query, description = "Id or alias, in any case"),
        ("path" = String, Query, description = "Path of the document below its root"),
        ("lines" = Option<String>, Query, description = "As for one that is named by its id"),
        ("max_chars" = Option<u64>, Query, description = "As for one that is named by its id"),
    ),
    responses((status = 200, description = "The lines, and where to go on when there are more", body = DocumentText)))]
pub(super) async fn read_at(door: Door, Params(place): Params<Place>) -> Reply<DocumentText> {
    let Place { project, path, lines, max_chars } = place;
    door.run(ReadDocument { id: None, project, path, lines, max_chars }).await
}
