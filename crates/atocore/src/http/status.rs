//! Looking at the installation.

use axum::{Json, http::StatusCode};

use super::{
    door::{Door, Reply},
    failure::Failure,
};
use crate::{verb, wire};

/// Says whether the server answers, and which program it is.
#[utoipa::path(get, path = "/health", operation_id = "health", tag = "installation",
    responses(
        (status = 200, description = "The server answers, and nothing is known to be wrong with the store",
            body = wire::Health),
        (status = 503, description = "The store cannot be used: `store_problem` says why", body = wire::Health),
    ))]
pub(super) async fn health(door: Door) -> Result<(StatusCode, Json<wire::Health>), Failure> {
    let health = door.run(verb::Health).await?;
    let status =
        if health.store_problem.is_none() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok((status, health))
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
