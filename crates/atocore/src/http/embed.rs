//! Making vectors.

use super::{
    door::{Door, Reply},
    extract::Nothing,
};
use crate::{verb::Embed, wire::EmbeddingResult};

/// Makes the vectors that are missing, and answers when all are there.
///
/// A server makes them by itself; this waits for it.
#[utoipa::path(post, path = "/embed", operation_id = "embed", tag = "installation",
    responses((status = 200, description = "What was made", body = EmbeddingResult)))]
pub(super) async fn embed(door: Door, _: Nothing) -> Reply<EmbeddingResult> {
    door.run(Embed).await
}
