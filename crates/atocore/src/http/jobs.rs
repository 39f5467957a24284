//! `/admin/jobs`: long work, whether somebody waits for it or not.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;

use super::{
    door::{Door, Reply},
    extract::{Name, Nothing, flag},
    failure::Failure,
};
use crate::{
    verb::Verb,
    wire::{Job, JobList},
};

/// Whether to wait for long work, in the query string.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Waiting {
    #[serde(default, deserialize_with = "flag")]
    pub(super) background: Option<bool>,
}

/// Runs a verb and answers with what came of it; or starts it in the background, and answers with the job.
pub(super) async fn run_or_start<V: Verb>(
    door: &Door,
    verb: V,
    background: Option<bool>,
) -> Result<Response, Failure> {
    if background != Some(true) {
        return Ok(door.run(verb).await?.into_response());
    }
    let job = door.start(verb)?;
    let place = HeaderValue::from_str(&format!("/admin/jobs/{}", job.id));
    let mut response = (StatusCode::ACCEPTED, Json(job)).into_response();
    if let Ok(place) = place {
        drop(response.headers_mut().insert(header::LOCATION, place));
    }
    Ok(response)
}

/// Lists the jobs of this server, the newest first: those at work, and the last that ended.
#[utoipa::path(get, path = "/admin/jobs", operation_id = "list_jobs", tag = "jobs",
    responses((status = 200, description = "Without results", body = JobList)))]
pub(super) async fn list(door: Door) -> Json<JobList> {
    Json(JobList { jobs: door.app().jobs().list() })
}

/// Shows a job.
#[utoipa::path(get, path = "/admin/jobs/{id}", operation_id = "show_job", tag = "jobs",
    params(("id" = String, Path, description = "As it was given when the job was started")),
    responses((status = 200, description = "Where it stands, or what came of it", body = Job)))]
pub(super) async fn show(door: Door, Name(id): Name) -> Reply<Job> {
    Ok(Json(door.app().jobs().show(&id)?))
}

/// Calls a job off: it stops at the next safe place, and what was committed stays. One that has ended stays as it is.
#[utoipa::path(delete, path = "/admin/jobs/{id}", operation_id = "cancel_job", tag = "jobs",
    params(("id" = String, Path, description = "As it was given when the job was started")),
    responses((status = 200, description = "The job; its state is `cancelled` once it has stopped", body = Job)))]
pub(super) async fn cancel(door: Door, Name(id): Name, _: Nothing) -> Reply<Job> {
    Ok(Json(door.app().jobs().call_off(&id)?))
}
