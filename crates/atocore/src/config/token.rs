//! The secret that the network must show.

use std::{fmt, sync::Arc};

use atocore_model::error::ErrorCode;
use subtle::ConstantTimeEq;

use crate::operations::ApiError;

/// The secret that every request over the network must carry. It is never shown.
#[derive(Clone)]
pub struct Token(Arc<str>);

impl Token {
    /// Takes a secret.
    ///
    /// # Errors
    /// `invalid_setting` when it is shorter than 16 characters, or has some that a header cannot carry.
    pub fn new(secret: &str) -> Result<Self, ApiError> {
        if secret.len() >= 16 && secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Ok(Self(Arc::from(secret)));
        }
        let message = "the API token must have at least 16 characters, all of them ASCII and none a space";
        Err(ApiError::new(ErrorCode::InvalidSetting, message)
            .with_hint("make one with `openssl rand -hex 32` and set ATOCORE_API_TOKEN"))
    }

    /// Compares in a time that does not tell how much of it was right.
    pub(crate) fn is(&self, given: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(given).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_long_and_never_shown() {
        assert!(Token::new("short").is_err());
        assert!(Token::new("with a space in the middle").is_err());
        assert_eq!(format!("{:?}", Token::new("0123456789abcdef").unwrap()), "Token(…)");
    }
}
