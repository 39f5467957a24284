//! `/query`: asking a question.

use super::{
    door::{Door, Reply},
    extract::Body,
};
use crate::{verb::Query, wire::Answer};

/// Asks a question.
#[utoipa::path(post, path = "/query", operation_id = "query", tag = "retrieval", request_body = Query,
    responses((status = 200, description = "The best passages, best first", body = Answer)))]
pub(super) async fn query(door: Door, Body(verb): Body<Query>) -> Reply<Answer> {
    door.run(verb).await
}
