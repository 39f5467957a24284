//! `/project/state`: what is known to be true of a project.

use serde::Deserialize;

use super::{
    door::{Door, Reply},
    extract::{Body, Name, Params, flag},
};
use crate::{
    verb::{InvalidateState, ListState, SetState, lenient},
    wire::{ProjectState, StateEntry},
};

/// Which entries are wanted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    #[serde(default, deserialize_with = "lenient::text")]
    category: Option<String>,
    #[serde(default, deserialize_with = "flag")]
    all: Option<bool>,
}

/// Records what is true of a project, in place of what the category and key said before.
#[utoipa::path(post, path = "/project/state", operation_id = "set_state", tag = "facts", request_body = SetState,
    responses((status = 200, description = "The entry, on disk", body = StateEntry)))]
pub(super) async fn set(door: Door, Body(verb): Body<SetState>) -> Reply<StateEntry> {
    door.run(verb).await
}

/// Says that an entry no longer holds; it stays, with every value it had.
#[utoipa::path(delete, path = "/project/state", operation_id = "invalidate_state", tag = "facts",
    request_body = InvalidateState,
    responses((status = 200, description = "The entry as it is now", body = StateEntry)))]
pub(super) async fn invalidate(door: Door, Body(verb): Body<InvalidateState>) -> Reply<StateEntry> {
    door.run(verb).await
}

/// Lists what is recorded of a project.
#[utoipa::path(get, path = "/project/state/{name}", operation_id = "list_state", tag = "facts",
    params(
        ("name" = String, Path, description = "Id or alias of the project, in any case"),
        ("category" = Option<String>, Query, description = "Only of this category"),
        ("all" = Option<bool>, Query, description = "Also what no longer holds"),
    ),
    responses((status = 200, description = "The entries, by category and key", body = ProjectState)))]
pub(super) async fn list(
    door: Door,
    Name(project): Name,
    Params(wanted): Params<Wanted>,
) -> Reply<ProjectState> {
    door.run(ListState { project, category: wanted.category, all: wanted.all.unwrap_or(false) }).await
}
