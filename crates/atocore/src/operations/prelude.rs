//! What every operation is made of.

pub(super) use clap::Args;
pub(super) use serde::{Deserialize, Serialize};
pub(super) use utoipa::ToSchema;

pub(super) use super::{ApiError, Body, Context, Method, Needs, Operation, Route, Spec, fields, lenient};
