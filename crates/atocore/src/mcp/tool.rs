//! What a tool is: a name, a description for a model, and the operations that it runs.

use std::future::Future;

use serde::{Serialize, de::DeserializeOwned};
use utoipa::ToSchema;

use super::call::Call;
use crate::operations::ApiError;

/// Something that a model can call.
pub(super) trait Tool: 'static {
    /// What it is called; a name of the contract where there is one.
    const NAME: &'static str;
    /// The name for a person.
    const TITLE: &'static str;
    /// When to call it, for a model that chooses.
    const DESCRIPTION: &'static str;
    /// What it does to the world.
    const EFFECT: Effect;
    /// Those of its arguments that a model has no use for: it is not told of them, and they are refused.
    const HIDDEN: &'static [&'static str] = &[];
    /// The largest numbers here, where the API has a larger one or says none in its schema.
    const AT_MOST: &'static [(&'static str, u64)] = &[];
    /// What it takes: the parameters of its operation, where it has one; an unknown key is refused.
    type Arguments: DeserializeOwned + ToSchema + Send;
    /// What it answers.
    type Answer: Serialize + ToSchema + Send;

    /// Does it.
    ///
    /// # Errors
    /// What its operations fail with.
    fn run(
        call: &Call,
        arguments: Self::Arguments,
    ) -> impl Future<Output = Result<Self::Answer, ApiError>> + Send;

    /// The answer in words.
    fn text(answer: &Self::Answer) -> String;
}

/// What a tool does to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing.
    Reads,
    /// Brings what is derived up to date: doing it twice is doing it once.
    Updates,
    /// Puts something before a person, who decides: proposing the same twice is proposing it once.
    Proposes,
}
