//! One command of the soak, with what it means for the world.

use super::{facts::Attempt, subject::words};

/// One command and what it tries.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) arguments: Vec<String>,
    pub(super) attempt: Attempt,
}

impl Task {
    pub(super) fn new(arguments: &[&str], attempt: Attempt) -> Self {
        Self { arguments: words(arguments), attempt }
    }
}
