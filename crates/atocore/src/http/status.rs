//! Looking at the installation.

use super::door::{Door, Reply};
use crate::{verb, wire};

/// Says whether the server answers, and which program it is.
#[utoipa::path(get, path = "/health", operation_id = "health", tag = "installation",
    responses((status = 200, description = "The server answers", body = wire::Health)))]
pub(super) async fn health(door: Door) -> Reply<wire::Health> {
    door.run(verb::Health).await
}

/// Says what is stored, what is running, and how old the newest snapshot is.
#[utoipa::path(get, path = "/status", operation_id = "status", tag = "installation",
    responses((status = 200, description = "The state of the installation", body = wire::Status)))]
pub(super) async fn status(door: Door) -> Reply<wire::Status> {
    door.run(verb::Status).await
}

/// Checks everything that can be checked without changing anything.
#[utoipa::path(get, path = "/doctor", operation_id = "doctor", tag = "installation",
    responses((status = 200, description = "Every check with its cure", body = wire::Doctor)))]
pub(super) async fn doctor(door: Door) -> Reply<wire::Doctor> {
    door.run(verb::Doctor).await
}

/// Lists every configured root of every project and whether it can be read.
#[utoipa::path(get, path = "/sources", operation_id = "sources", tag = "installation",
    responses((status = 200, description = "The roots", body = wire::SourceList)))]
pub(super) async fn sources(door: Door) -> Reply<wire::SourceList> {
    door.run(verb::Sources).await
}
