//! `/memory`: what is remembered, and what a person decides about what was proposed.

use serde::Deserialize;

use super::{
    door::{Door, Reply},
    extract::{Body, Name, Nothing, Params, flag},
};
use crate::{
    verb::{
        CreateMemory, DecideMemory, ListMemories, MemoryChange, MemoryDecision, ShowMemory, UpdateMemory,
        lenient,
    },
    wire::{Memory, MemoryList},
};

/// Which memories are wanted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    #[serde(default, deserialize_with = "lenient::text")]
    memory_type: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    project: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    status: Option<String>,
    #[serde(default, deserialize_with = "flag")]
    active_only: Option<bool>,
    #[serde(default, deserialize_with = "lenient::fraction")]
    min_confidence: Option<f64>,
    #[serde(default, deserialize_with = "lenient::number")]
    limit: Option<u64>,
    #[serde(default, deserialize_with = "lenient::text")]
    after: Option<String>,
}

/// Records a memory, or with the status `candidate` proposes it. One that says exactly the same already is returned.
#[utoipa::path(post, path = "/memory", operation_id = "create_memory", tag = "facts", request_body = CreateMemory,
    responses((status = 200, description = "The memory, on disk", body = Memory)))]
pub(super) async fn create(door: Door, Body(verb): Body<CreateMemory>) -> Reply<Memory> {
    door.run(verb).await
}

/// Lists memories, newest first.
#[utoipa::path(get, path = "/memory", operation_id = "list_memories", tag = "facts",
    params(
        ("memory_type" = Option<String>, Query, description = "Only of this type"),
        ("project" = Option<String>, Query, description = "Only those about this project, by its id or an alias"),
        ("status" = Option<String>, Query, description = "`candidate`, `active`, `superseded` or `invalid`"),
        ("active_only" = Option<bool>, Query, description = "The same as the status `active`"),
        ("min_confidence" = Option<f64>, Query, description = "Only those of which somebody is at least so sure"),
        ("limit" = Option<u64>, Query, description = "1 to 500, 50 when left out"),
        ("after" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses((status = 200, description = "A page", body = MemoryList)))]
pub(super) async fn list(door: Door, Params(wanted): Params<Wanted>) -> Reply<MemoryList> {
    door.run(ListMemories {
        memory_type: wanted.memory_type,
        project: wanted.project,
        status: wanted.status,
        active_only: wanted.active_only.unwrap_or(false),
        min_confidence: wanted.min_confidence,
        limit: wanted.limit,
        after: wanted.after,
    })
    .await
}

/// Shows a memory.
#[utoipa::path(get, path = "/memory/{id}", operation_id = "show_memory", tag = "facts",
    params(("id" = String, Path, description = "Its id")),
    responses((status = 200, description = "The memory", body = Memory)))]
pub(super) async fn show(door: Door, Name(id): Name) -> Reply<Memory> {
    door.run(ShowMemory { id }).await
}

/// Changes a memory; what is left out stays.
#[utoipa::path(put, path = "/memory/{id}", operation_id = "update_memory", tag = "facts",
    params(("id" = String, Path, description = "Its id")), request_body = MemoryChange,
    responses((status = 200, description = "The memory as it is now", body = Memory)))]
pub(super) async fn update(door: Door, Name(id): Name, Body(change): Body<MemoryChange>) -> Reply<Memory> {
    door.run(UpdateMemory { id, change }).await
}

/// Says that a memory no longer counts; it stays, with everything it said.
#[utoipa::path(delete, path = "/memory/{id}", operation_id = "invalidate_memory", tag = "facts",
    params(("id" = String, Path, description = "Its id")),
    responses((status = 200, description = "The memory as it is now", body = Memory)))]
pub(super) async fn invalidate(door: Door, Name(id): Name, _: Nothing) -> Reply<Memory> {
    door.run(DecideMemory { id, decision: MemoryDecision::Invalidate }).await
}

/// Makes a candidate count.
#[utoipa::path(post, path = "/memory/{id}/promote", operation_id = "promote_memory", tag = "facts",
    params(("id" = String, Path, description = "Its id")),
    responses((status = 200, description = "The memory as it is now", body = Memory)))]
pub(super) async fn promote(door: Door, Name(id): Name, _: Nothing) -> Reply<Memory> {
    door.run(DecideMemory { id, decision: MemoryDecision::Promote }).await
}

/// Refuses a candidate.
#[utoipa::path(post, path = "/memory/{id}/reject", operation_id = "reject_memory", tag = "facts",
    params(("id" = String, Path, description = "Its id")),
    responses((status = 200, description = "The memory as it is now", body = Memory)))]
pub(super) async fn reject(door: Door, Name(id): Name, _: Nothing) -> Reply<Memory> {
    door.run(DecideMemory { id, decision: MemoryDecision::Reject }).await
}
