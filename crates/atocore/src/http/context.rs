//! `/context/build` and `/debug/context`: context packs.

use axum::Json;
use serde::Deserialize;

use super::{
    door::{Door, Reply},
    extract::{Body, Params},
};
use crate::{
    verb::{BuildContext, lenient},
    wire::Pack,
};

/// Makes a context pack for a prompt: facts and passages in order of trust, within a budget.
#[utoipa::path(post, path = "/context/build", operation_id = "build_context", tag = "retrieval",
    request_body = BuildContext, responses((status = 200, description = "The pack", body = Pack)))]
pub(super) async fn build(door: Door, Body(verb): Body<BuildContext>) -> Reply<Pack> {
    door.run(verb).await
}

/// Which pack to show, in the query string.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    #[serde(default, deserialize_with = "lenient::text")]
    hash: Option<String>,
}

/// Shows the last context pack that this server has made, or one of the last 64 by its hash.
#[utoipa::path(get, path = "/debug/context", operation_id = "show_context", tag = "retrieval",
    params(("hash" = Option<String>, Query, description = "At least the first 6 digits of its hash")),
    responses((status = 200, description = "The pack as it was answered", body = Pack)))]
pub(super) async fn show(door: Door, Params(which): Params<Which>) -> Reply<Pack> {
    Ok(Json(door.app().packs().show(which.hash.as_deref())?))
}
