//! `/facts/changes`: the journal of facts, and taking a change back.

use serde::Deserialize;

use super::{
    door::{Door, Reply},
    extract::{Nothing, Number, Params},
};
use crate::{
    verb::{ListChanges, ReverseChange, lenient},
    wire::{FactChange, FactChangeList},
};

/// Which changes are wanted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    #[serde(default, deserialize_with = "lenient::text")]
    project: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    kind: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    fact: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    since: Option<String>,
    #[serde(default, deserialize_with = "lenient::number")]
    limit: Option<u64>,
    #[serde(default, deserialize_with = "lenient::number")]
    after: Option<u64>,
}

/// Lists changes of facts, newest first.
#[utoipa::path(get, path = "/facts/changes", operation_id = "list_changes", tag = "facts",
    params(
        ("project" = Option<String>, Query, description = "Only of facts of this project, by its id or an alias"),
        ("kind" = Option<String>, Query, description = "`state`, `memory` or `interaction`"),
        ("fact" = Option<String>, Query, description = "Only of the fact with this id"),
        ("since" = Option<String>, Query, description = "Only then or later: ISO 8601, UTC without an offset"),
        ("limit" = Option<u64>, Query, description = "1 to 500, 50 when left out"),
        ("after" = Option<u64>, Query, description = "The `next` of the page before"),
    ),
    responses((status = 200, description = "A page", body = FactChangeList)))]
pub(super) async fn list(door: Door, Params(wanted): Params<Wanted>) -> Reply<FactChangeList> {
    door.run(ListChanges {
        project: wanted.project,
        kind: wanted.kind,
        fact: wanted.fact,
        since: wanted.since,
        limit: wanted.limit,
        after: wanted.after,
    })
    .await
}

/// Takes the last change of a fact back. That is a change too, and can be taken back.
#[utoipa::path(post, path = "/facts/changes/{number}/reverse", operation_id = "reverse_change", tag = "facts",
    params(("number" = u64, Path, description = "The number of the change")),
    responses((status = 200, description = "The change that took it back", body = FactChange)))]
pub(super) async fn reverse(door: Door, Number(number): Number, _: Nothing) -> Reply<FactChange> {
    door.run(ReverseChange { number }).await
}
