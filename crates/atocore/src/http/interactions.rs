//! `/interactions`: what was asked of models, what they answered, and what they had been given.

use serde::Deserialize;

use super::{
    door::{Door, Reply},
    extract::{Body, Name, Params},
};
use crate::{
    verb::{ListInteractions, RecordInteraction, ShowInteraction, lenient},
    wire::{Interaction, InteractionList},
};

/// Which interactions are wanted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    #[serde(default, deserialize_with = "lenient::text")]
    project: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    session_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    client: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    since: Option<String>,
    #[serde(default, deserialize_with = "lenient::number")]
    limit: Option<u64>,
    #[serde(default, deserialize_with = "lenient::text")]
    after: Option<String>,
}

/// Records an exchange with a model.
#[utoipa::path(post, path = "/interactions", operation_id = "record_interaction", tag = "facts",
    request_body = RecordInteraction,
    responses((status = 200, description = "The interaction, on disk", body = Interaction)))]
pub(super) async fn record(door: Door, Body(verb): Body<RecordInteraction>) -> Reply<Interaction> {
    door.run(verb).await
}

/// Lists interactions, newest first.
#[utoipa::path(get, path = "/interactions", operation_id = "list_interactions", tag = "facts",
    params(
        ("project" = Option<String>, Query, description = "Only about this project, by its id or an alias"),
        ("session_id" = Option<String>, Query, description = "Only of this conversation"),
        ("client" = Option<String>, Query, description = "Only of this program"),
        ("since" = Option<String>, Query, description = "Only recorded then or later: ISO 8601, UTC without an offset"),
        ("limit" = Option<u64>, Query, description = "1 to 500, 50 when left out"),
        ("after" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses((status = 200, description = "A page", body = InteractionList)))]
pub(super) async fn list(door: Door, Params(wanted): Params<Wanted>) -> Reply<InteractionList> {
    door.run(ListInteractions {
        project: wanted.project,
        session_id: wanted.session_id,
        client: wanted.client,
        since: wanted.since,
        limit: wanted.limit,
        after: wanted.after,
    })
    .await
}

/// Shows an interaction.
#[utoipa::path(get, path = "/interactions/{id}", operation_id = "show_interaction", tag = "facts",
    params(("id" = String, Path, description = "Its id")),
    responses((status = 200, description = "The interaction", body = Interaction)))]
pub(super) async fn show(door: Door, Name(id): Name) -> Reply<Interaction> {
    door.run(ShowInteraction { id }).await
}
