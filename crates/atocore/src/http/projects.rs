//! `/projects`: the registry, and bringing a project up to date.

use atocore_model::refresh::RefreshOptions;
use axum::{Json, http::StatusCode, response::Response};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    door::{Door, Reply},
    extract::{Body, Name, NoBody, OptionalBody, Params, flag},
    failure::Failure,
    jobs::run_or_start,
};
use crate::{
    verb::{
        AddProject, ListProjects, PlanRemoval, ProjectChange, ProposeProject, Refresh, RemoveProject,
        ShowProject, ShowTemplate, UpdateProject,
    },
    wire::{Job, Project, ProjectList, ProjectProposal, RefreshResult, Removal, RemovalPlan},
};

/// Lists every project.
#[utoipa::path(get, path = "/projects", operation_id = "list_projects", tag = "projects",
    responses((status = 200, description = "The registry", body = ProjectList)))]
pub(super) async fn list(door: Door) -> Reply<ProjectList> {
    door.run(ListProjects).await
}

/// Registers a project.
///
/// Over the network a root is below the vault or the drive.
#[utoipa::path(post, path = "/projects", operation_id = "add_project", tag = "projects", request_body = AddProject,
    responses((status = 201, description = "The project as it is registered", body = Project)))]
pub(super) async fn add(
    door: Door,
    Body(verb): Body<AddProject>,
) -> Result<(StatusCode, Json<Project>), Failure> {
    Ok((StatusCode::CREATED, door.run(verb).await?))
}

/// Registers a project, under the path of the original.
#[utoipa::path(post, path = "/projects/register", operation_id = "register_project", tag = "projects",
    request_body = AddProject,
    responses((status = 201, description = "The project as it is registered", body = Project)))]
pub(super) async fn register(
    door: Door,
    body: Body<AddProject>,
) -> Result<(StatusCode, Json<Project>), Failure> {
    add(door, body).await
}

/// Checks a project as registering it would, and registers nothing.
#[utoipa::path(post, path = "/projects/proposal", operation_id = "propose_project", tag = "projects",
    request_body = AddProject,
    responses((status = 200, description = "It can be registered", body = ProjectProposal)))]
pub(super) async fn propose(door: Door, Body(project): Body<AddProject>) -> Reply<ProjectProposal> {
    door.run(ProposeProject(project)).await
}

/// Shows a registry with one project in it, to be filled in.
#[utoipa::path(get, path = "/projects/template", operation_id = "show_project_template", tag = "projects",
    responses((status = 200, description = "The template", body = ProjectList)))]
pub(super) async fn template(door: Door) -> Reply<ProjectList> {
    door.run(ShowTemplate).await
}

/// Shows a project.
#[utoipa::path(get, path = "/projects/{name}", operation_id = "show_project", tag = "projects",
    params(("name" = String, Path, description = "Id or alias, in any case")),
    responses((status = 200, description = "The project", body = Project)))]
pub(super) async fn show(door: Door, Name(name): Name) -> Reply<Project> {
    door.run(ShowProject { name }).await
}

/// Changes a project; what is left out stays.
#[utoipa::path(put, path = "/projects/{name}", operation_id = "update_project", tag = "projects",
    params(("name" = String, Path, description = "Id or alias, in any case")), request_body = ProjectChange,
    responses((status = 200, description = "The project as it is registered now", body = Project)))]
pub(super) async fn update(
    door: Door,
    Name(name): Name,
    Body(change): Body<ProjectChange>,
) -> Reply<Project> {
    door.run(UpdateProject { name, change }).await
}

/// Says what removing a project would delete.
#[utoipa::path(get, path = "/projects/{name}/removal", operation_id = "plan_removal", tag = "projects",
    params(("name" = String, Path, description = "Id or alias, in any case")),
    responses((status = 200, description = "The plan", body = RemovalPlan)))]
pub(super) async fn plan_removal(door: Door, Name(name): Name) -> Reply<RemovalPlan> {
    door.run(PlanRemoval { name }).await
}

/// Which plan is carried out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OfPlan {
    pub(super) generation: Option<u64>,
}

/// Removes a project and what the store holds of it; the files stay where they are.
#[utoipa::path(delete, path = "/projects/{name}", operation_id = "remove_project", tag = "projects",
    params(
        ("name" = String, Path, description = "Id or alias, in any case"),
        ("generation" = Option<u64>, Query, description = "The generation of the plan that was read; refused when the \
            store has moved on. Without it, as things are now"),
    ),
    responses((status = 200, description = "What was removed", body = Removal)))]
pub(super) async fn remove(
    door: Door,
    Name(name): Name,
    Params(plan): Params<OfPlan>,
    _: NoBody,
) -> Reply<Removal> {
    door.run(RemoveProject { name, generation: plan.generation }).await
}

/// How a refresh is done, in the query string.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Refreshing {
    #[serde(default, deserialize_with = "flag")]
    background: Option<bool>,
    #[serde(default, deserialize_with = "flag")]
    allow_empty: Option<bool>,
    #[serde(default, deserialize_with = "flag")]
    reread: Option<bool>,
}

/// How a refresh is done, in the body.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RefreshRequest {
    /// Whether documents are removed even when all of a root are gone, or more than the settings allow; else such a root is
    /// skipped. `false` when left out.
    allow_empty: Option<bool>,
    /// Whether every file is read, also one that the system says is unchanged. `false` when left out.
    reread: Option<bool>,
}

/// Reads what changed in the roots of a project.
#[utoipa::path(post, path = "/projects/{name}/refresh", operation_id = "refresh_project", tag = "projects",
    params(
        ("name" = String, Path, description = "Id or alias, in any case"),
        ("background" = Option<bool>, Query, description = "Answers at once with a job, of which this is the result"),
        ("allow_empty" = Option<bool>, Query, description = "As in the body, which goes before"),
        ("reread" = Option<bool>, Query, description = "As in the body, which goes before"),
    ),
    request_body(content = Option<RefreshRequest>, description = "May be left out"),
    responses(
        (status = 200, description = "What became of every root and file", body = RefreshResult),
        (status = 202, description = "The job, which `Location` leads to", body = Job),
    ))]
pub(super) async fn refresh(
    door: Door,
    Name(name): Name,
    Params(query): Params<Refreshing>,
    OptionalBody(body): OptionalBody<RefreshRequest>,
) -> Result<Response, Failure> {
    let body = body.unwrap_or(RefreshRequest { allow_empty: None, reread: None });
    let options = RefreshOptions {
        allow_empty: body.allow_empty.or(query.allow_empty).unwrap_or_default(),
        reread: body.reread.or(query.reread).unwrap_or_default(),
    };
    run_or_start(&door, Refresh { name, options }, query.background).await
}
