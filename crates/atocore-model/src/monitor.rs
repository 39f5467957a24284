//! How long work tells its caller where it stands, and learns that it should stop.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a long piece of work stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Progress {
    /// What is being done, for a person: `reading documents`.
    pub phase: Cow<'static, str>,
    /// Units finished.
    pub done: u64,
    /// Units in all, when known.
    pub total: Option<u64>,
}

/// What the caller of long work passes in. The work never waits for it.
pub trait Monitor: Send + Sync {
    /// Takes note of where the work stands; called often.
    fn progress(&self, progress: Progress);

    /// Whether the work should stop at the next safe place.
    fn cancelled(&self) -> bool;
}

/// Shows nothing and never cancels.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Monitor for Silent {
    fn progress(&self, _: Progress) {}

    fn cancelled(&self) -> bool {
        false
    }
}
