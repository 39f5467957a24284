//! Documents as resources: what a client lists, attaches to a conversation, and hears of when it changes.

use atocore_model::{document::SOURCE_CODE, error::ErrorCode, id::DocumentId};
use rmcp::model::{
    ErrorData, ListResourceTemplatesResult, ListResourcesResult, ReadResourceResult, Resource,
    ResourceContents, ResourceTemplate,
};
use serde_json::json;

use super::{call::Call, documents::GetTool, tool::Tool};
use crate::operations::{ApiError, ListDocuments, ListProjects, ReadDocument};

/// What stands before the id of a document in the address of its resource.
const ADDRESS: &str = "atocore://documents/";

/// So many resources are a page.
const PAGE: usize = 100;

/// The most characters of a resource.
const MOST_CHARS: u64 = 25_000;

/// The id of the document that a resource is; `None` when it is no address of ours.
pub(super) fn document_id(uri: &str) -> Option<&str> {
    uri.strip_prefix(ADDRESS)
}

fn uri(id: &DocumentId) -> String {
    format!("{ADDRESS}{id}")
}

/// A page of the documents of all projects, project by project. The cursor names the project and the document to go on behind.
pub(super) async fn list(call: &Call, cursor: Option<&str>) -> Result<ListResourcesResult, ErrorData> {
    let invalid = || ErrorData::invalid_params("the cursor is none that was given", None);
    let from = cursor.map(|cursor| cursor.split_once('/').ok_or_else(invalid)).transpose()?;
    let projects = call.run(ListProjects {}).await.map_err(failed)?.projects;
    let is_before = |id: &str| from.is_some_and(|(project, _)| project != id);
    let mut after = from.map(|(_, after)| after.to_owned());
    let mut resources = Vec::new();
    for project in projects.iter().skip_while(|project| is_before(project.id.as_str())) {
        let limit = Some((PAGE - resources.len()) as u64);
        let asked = ListDocuments {
            project: project.id.to_string(),
            limit,
            after: after.take(),
            ..ListDocuments::default()
        };
        let page = call.run(asked).await.map_err(failed)?;
        for document in page.documents {
            let kind = if document.format == "markdown" { "text/markdown" } else { "text/plain" };
            let of = if document.format == SOURCE_CODE { "Source code" } else { "A document" };
            resources.push(
                Resource::new(uri(&document.id), document.path.as_str())
                    .with_title(document.title)
                    .with_description(format!("{of} of the project {}", project.id))
                    .with_mime_type(kind)
                    .with_size(document.size_bytes),
            );
        }
        if let Some(next) = page.next {
            let mut result = ListResourcesResult::with_all_items(resources);
            result.next_cursor = Some(format!("{}/{next}", project.id));
            return Ok(result);
        }
    }
    Ok(ListResourcesResult::with_all_items(resources))
}

/// The form of every address.
pub(super) fn templates() -> ListResourceTemplatesResult {
    let template = ResourceTemplate::new(format!("{ADDRESS}{{id}}"), "document")
        .with_title("A document")
        .with_description(
            "A document by its id, `doc_…`, or by that of a passage, `chk_…`, as atocore_search gives them",
        );
    ListResourceTemplatesResult::with_all_items(vec![template])
}

/// The text of a document as `atocore_get` shows it, labelled as data.
pub(super) async fn read(call: &Call, uri: &str) -> Result<ReadResourceResult, ErrorData> {
    let unknown =
        |error: &ApiError| ErrorData::resource_not_found(error.message.clone(), Some(json!({ "uri": uri })));
    let id = document_id(uri).ok_or_else(|| {
        unknown(&ApiError::new(
            ErrorCode::DocumentUnknown,
            format!("a resource is `{ADDRESS}` and the id of a document"),
        ))
    })?;
    let asked = ReadDocument { id: id.to_owned(), lines: None, max_chars: Some(MOST_CHARS) };
    let document = call.run(asked).await.map_err(|error| match error.code {
        ErrorCode::DocumentUnknown | ErrorCode::InvalidRequest => unknown(&error),
        _ => failed(error),
    })?;
    let text = ResourceContents::text(GetTool::text(&document), uri);
    Ok(ReadResourceResult::new(vec![text]))
}

/// A failure as the protocol has it.
fn failed(error: ApiError) -> ErrorData {
    let hint = error.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
    ErrorData::internal_error(format!("{}: {}{hint}", error.code.as_str(), error.message), None)
}
