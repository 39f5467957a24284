//! The one error that every interface shows: a stable code, a sentence, and what to do about it.

use std::{error::Error, fmt};

/// An error and its causes as one sentence.
pub(crate) use atocore_model::error::with_causes as sentence;
use atocore_model::error::{ErrorCode, ErrorKind};

use serde_path_to_error::Path;

use super::Problem;

/// What is wrong, behind the name of what it is wrong with.
pub(crate) fn named(path: &Path, error: &dyn Error) -> String {
    match path.to_string().as_str() {
        "." => error.to_string(),
        path => format!("{path}: {error}"),
    }
}

/// Why an operation failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// The stable code.
    pub code: ErrorCode,
    /// What failed and on what, with its causes; one sentence, lower case, no full stop.
    pub message: String,
    /// What to do about it, as a command where there is one.
    pub hint: Option<String>,
}

impl ApiError {
    /// An error without a hint.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None }
    }

    /// The error with a hint.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A part of the request cannot be what it stands for: `field` names it, `cause` says why.
    #[must_use]
    pub fn invalid(field: &str, cause: &dyn Error, hint: &str) -> Self {
        Self::new(ErrorCode::InvalidRequest, format!("`{field}` cannot be used: {}", sentence(cause)))
            .with_hint(hint)
    }

    /// There is no place for a request.
    #[must_use]
    pub fn busy() -> Self {
        Self::new(ErrorCode::IngestionBusy, "too many concurrent requests")
            .with_hint("try again when they have finished; `atocore status` shows what is running")
    }

    /// What a client is told about a panic: nothing of what is inside. The panic itself is on standard error.
    #[must_use]
    pub fn fault() -> Self {
        Self::new(ErrorCode::Internal, "internal error")
            .with_hint("what was committed is safe; `atocore doctor` checks the installation")
    }

    /// What sort of trouble it is.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.code.kind()
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for ApiError {}

impl From<atocore_engine::Error> for ApiError {
    fn from(error: atocore_engine::Error) -> Self {
        Self { code: error.code(), message: sentence(&error), hint: error.hint() }
    }
}

/// What another process said; a code that this version does not know is a fault.
impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        let code = ErrorCode::ALL.iter().find(|code| code.as_str() == problem.code);
        Self {
            code: code.copied().unwrap_or(ErrorCode::Internal),
            message: problem.detail,
            hint: problem.hint,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_survives_the_wire() {
        for code in ErrorCode::ALL {
            let error = ApiError::new(*code, "it failed").with_hint("try `atocore status`");
            assert_eq!(ApiError::from(Problem::new(&error)), error);
        }
        let mut problem = Problem::new(&ApiError::new(ErrorCode::Io, "x"));
        "a_code_of_tomorrow".clone_into(&mut problem.code);
        assert_eq!(ApiError::from(problem).code, ErrorCode::Internal);
    }
}
