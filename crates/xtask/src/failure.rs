//! Why a task did not succeed, and what to do about it.

/// A task that did not succeed.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What this program ends with: 1 failed, 64 wrong usage.
    pub(crate) exit: u8,
    /// What failed, for a person; empty when another program has already said it.
    pub(crate) message: String,
    /// What to do next.
    pub(crate) hint: Option<String>,
}

impl Failure {
    /// The task ran and found something wrong.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self { exit: 1, message: message.into(), hint: None }
    }

    /// The task was called in a way it does not understand.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { exit: 64, message: message.into(), hint: None }
    }

    /// Another program has failed and said why.
    #[cfg(not(feature = "measure"))]
    pub(crate) fn passed_on(exit: u8) -> Self {
        Self { exit, message: String::new(), hint: None }
    }

    /// Adds what to do next.
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
