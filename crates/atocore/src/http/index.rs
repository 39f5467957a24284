//! The vector index.

use super::{
    door::{Door, Reply},
    extract::Nothing,
};
use crate::{
    verb::{RebuildIndex, VerifyIndex},
    wire::{IndexBuilt, IndexComparison},
};

/// Compares every vector of the index with the store.
///
/// The index is brought up to date first. Nothing else is changed; documents are not read meanwhile.
#[utoipa::path(post, path = "/index/verify", operation_id = "verifyIndex", tag = "installation",
    responses((status = 200, description = "How they differ", body = IndexComparison)))]
pub(super) async fn verify(door: Door, _: Nothing) -> Reply<IndexComparison> {
    door.run(VerifyIndex).await
}

/// Builds the vector index anew from the store, without embedding anything.
///
/// Answers come from the present one until it is done.
#[utoipa::path(post, path = "/index/rebuild", operation_id = "rebuildIndex", tag = "installation",
    responses((status = 200, description = "What was built", body = IndexBuilt)))]
pub(super) async fn rebuild(door: Door, _: Nothing) -> Reply<IndexBuilt> {
    door.run(RebuildIndex).await
}
