//! `/admin/backup`: snapshots.

use axum::{Json, http::StatusCode};
use serde::{Deserialize, Deserializer, de};
use utoipa::ToSchema;

use super::{
    door::{Door, Reply},
    extract::{Name, OptionalBody, Params},
    failure::Failure,
};
use crate::{
    verb::{CreateBackup, DrillBackup, ListBackups, ValidateBackup},
    wire::{SnapshotEntry, SnapshotMetadata, Validation},
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
    let include_chroma =
        body.and_then(|body| body.include_chroma).or(query.include_chroma).unwrap_or_default();
    door.run(CreateBackup { include_chroma }).await
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
    depth: Option<String>,
}

/// Checks how much of a snapshot can be proven.
#[utoipa::path(get, path = "/admin/backup/{stamp}/validate", operation_id = "validate_backup", tag = "snapshots",
    params(
        ("stamp" = String, Path, description = "`YYYYMMDDTHHMMSSZ`"),
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

/// Restores the newest snapshot into scratch, lets it answer the questions that were stored with it, and writes the
/// verdict down.
#[utoipa::path(post, path = "/admin/backup/drill", operation_id = "drill_backup", tag = "snapshots",
    responses((status = 200, description = "What was found, as by a validation to the depth `answers`; null when there \
        is no snapshot", body = Option<Validation>)))]
pub(super) async fn drill(door: Door) -> Reply<Option<Validation>> {
    door.run(DrillBackup).await
}

/// Reads a flag of the query string in the spellings that clients use.
fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(Some(true)),
        "false" | "0" | "no" | "off" => Ok(Some(false)),
        _ => Err(de::Error::custom(format!("`{}` is not `true` or `false`", text.escape_debug()))),
    }
}
