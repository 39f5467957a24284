//! `/admin/backup`: snapshots.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    door::{Door, Reply},
    extract::{Name, NoBody, OptionalBody, Params, flag},
    failure::Failure,
    jobs::{Waiting, run_or_start},
};
use crate::{
    verb::{CreateBackup, DrillBackup, ListBackups, ValidateAllBackups, ValidateBackup, lenient},
    wire::{Job, SnapshotEntry, SnapshotMetadata, Validation},
};

/// What a snapshot is to hold, in the query string.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Include {
    #[serde(default, deserialize_with = "flag")]
    include_chroma: Option<bool>,
}

/// What a snapshot is to hold, in the body.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BackupRequest {
    /// Whether the directory of the vector store is copied too; ingestion waits meanwhile. `false` when left out.
    include_chroma: Option<bool>,
    /// What it is taken for, as a line for people of at most 500 characters; shown in the list.
    note: Option<String>,
}

/// Takes a snapshot.
#[utoipa::path(post, path = "/admin/backup", operation_id = "create_backup", tag = "snapshots",
    params(("include_chroma" = Option<bool>, Query,
        description = "Whether the directory of the vector store is copied too; the body goes before")),
    request_body(content = Option<BackupRequest>, description = "May be left out"),
    responses((status = 200, description = "Its metadata; it is whole and on disk", body = SnapshotMetadata)))]
pub(super) async fn create(
    door: Door,
    Params(query): Params<Include>,
    OptionalBody(body): OptionalBody<BackupRequest>,
) -> Reply<SnapshotMetadata> {
    let (asked, note) = body.map(|body| (body.include_chroma, body.note)).unwrap_or_default();
    let note = note.unwrap_or_default();
    let include_chroma = asked.or(query.include_chroma).unwrap_or_default();
    door.run(CreateBackup { include_chroma, note }).await
}

/// Lists every snapshot, sorted by stamp.
#[utoipa::path(get, path = "/admin/backup", operation_id = "list_backups", tag = "snapshots",
    responses((status = 200, description = "One entry per directory", body = Vec<SnapshotEntry>)))]
pub(super) async fn list(door: Door) -> Reply<Vec<SnapshotEntry>> {
    door.run(ListBackups).await
}

/// How thoroughly to look.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Look {
    #[serde(default, deserialize_with = "lenient::text")]
    depth: Option<String>,
}

/// Checks how much of a snapshot can be proven.
#[utoipa::path(get, path = "/admin/backup/{stamp}/validate", operation_id = "validate_backup", tag = "snapshots",
    params(
        ("stamp" = String, Path, description = "`YYYYMMDDTHHMMSSZ`, or `latest`"),
        ("depth" = Option<String>, Query, description = "`structure`, `digests`, `content`, `restore` or `answers`, each of \
            which includes the ones before; `structure` when left out"),
    ),
    responses(
        (status = 200, description = "What was found; damage is a result, not an error", body = Validation),
        (status = 404, description = "There is no such snapshot", body = Validation),
    ))]
pub(super) async fn validate(
    door: Door,
    Name(stamp): Name,
    Params(look): Params<Look>,
) -> Result<(StatusCode, Json<Validation>), Failure> {
    let Json(found) = door.run(ValidateBackup { stamp, depth: look.depth }).await?;
    let status = if found.exists { StatusCode::OK } else { StatusCode::NOT_FOUND };
    Ok((status, Json(found)))
}

/// How thoroughly to look, and whether to wait for it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LookOrStart {
    #[serde(default, deserialize_with = "lenient::text")]
    depth: Option<String>,
    #[serde(default, deserialize_with = "flag")]
    background: Option<bool>,
}

/// Checks how much of a snapshot can be proven, as `GET` does, or in the background.
#[utoipa::path(post, path = "/admin/backup/{stamp}/validate", operation_id = "start_validation", tag = "snapshots",
    params(
        ("stamp" = String, Path, description = "`YYYYMMDDTHHMMSSZ`, or `latest`"),
        ("depth" = Option<String>, Query, description = "As for `GET`"),
        ("background" = Option<bool>, Query, description = "Answers at once with a job, of which this is the result"),
    ),
    responses(
        (status = 200, description = "What was found; damage is a result, not an error", body = Validation),
        (status = 202, description = "The job, which `Location` leads to", body = Job),
        (status = 404, description = "There is no such snapshot", body = Validation),
    ))]
pub(super) async fn start_validation(
    door: Door,
    Name(stamp): Name,
    Params(look): Params<LookOrStart>,
    _: NoBody,
) -> Result<Response, Failure> {
    if look.background == Some(true) {
        return run_or_start(&door, ValidateBackup { stamp, depth: look.depth }, look.background).await;
    }
    let answer = validate(door, Name(stamp), Params(Look { depth: look.depth })).await?;
    Ok(answer.into_response())
}

/// Checks how much of every snapshot can be proven, one after the other.
#[utoipa::path(post, path = "/admin/backup/validate", operation_id = "validate_all_backups", tag = "snapshots",
    params(
        ("depth" = Option<String>, Query, description = "As for one snapshot"),
        ("background" = Option<bool>, Query, description = "Answers at once with a job, of which this is the result"),
    ),
    responses(
        (status = 200, description = "What was found in each, sorted by stamp", body = Vec<Validation>),
        (status = 202, description = "The job, which `Location` leads to", body = Job),
    ))]
pub(super) async fn validate_all(
    door: Door,
    Params(look): Params<LookOrStart>,
    _: NoBody,
) -> Result<Response, Failure> {
    run_or_start(&door, ValidateAllBackups { depth: look.depth }, look.background).await
}

/// Restores the newest snapshot into scratch, lets it answer the questions that were stored with it, and writes the
/// verdict down.
#[utoipa::path(post, path = "/admin/backup/drill", operation_id = "drill_backup", tag = "snapshots",
    params(("background" = Option<bool>, Query,
        description = "Answers at once with a job, of which this is the result")),
    responses(
        (status = 200, description = "What was found, as by a validation to the depth `answers`; null when there \
            is no snapshot", body = Option<Validation>),
        (status = 202, description = "The job, which `Location` leads to", body = Job),
    ))]
pub(super) async fn drill(
    door: Door,
    Params(waiting): Params<Waiting>,
    _: NoBody,
) -> Result<Response, Failure> {
    run_or_start(&door, DrillBackup, waiting.background).await
}
