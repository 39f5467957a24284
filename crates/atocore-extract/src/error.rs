//! Why a document has no text for us.

use serde::{Deserialize, Serialize};

use crate::words::one_line;

/// Why nothing could be extracted from a file. Costs that file and no other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExtractError {
    /// A password is needed.
    #[error("it is protected by a password")]
    Encrypted,
    /// It consists of pictures, or of nothing.
    #[error("there is no text in it: a scanned document needs OCR first")]
    NoText,
    /// It is not what its format asks for; in words.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// A limit of the child process was reached: which one.
    #[error("it needs more than {0}")]
    Limit(String),
    /// The library gave up; in words.
    #[error("its reader failed: {0}")]
    Failed(String),
}

/// The longest message that is kept: a library may quote the file at any length.
const LONGEST: usize = 200;

impl ExtractError {
    /// What a library said of a file that it could not read.
    pub(crate) fn damaged(error: impl std::fmt::Display) -> Self {
        Self::Damaged(shortened(&error.to_string()))
    }

    /// What a panic said.
    pub(crate) fn failed(said: &str) -> Self {
        Self::Failed(shortened(said))
    }
}

/// One line of at most [`LONGEST`] characters.
fn shortened(said: &str) -> String {
    one_line(said).chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_library_says_is_one_short_line() {
        let error = ExtractError::damaged(format!("no\nheader {}", "x".repeat(1000)));
        assert!(error.to_string().starts_with("it is damaged: no header xxx"), "{error}");
        assert!(error.to_string().len() < 300);
    }
}
