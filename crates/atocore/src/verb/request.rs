//! How a verb travels over HTTP.

use axum::http::Method;
use serde::Serialize;

/// An HTTP request without its headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The path, and the query string where there is one; percent-encoded.
    pub path: String,
    /// The JSON of the body.
    pub body: Option<Vec<u8>>,
}

impl Request {
    /// A request without a body.
    #[must_use]
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), body: None }
    }

    /// The request with a body.
    #[must_use]
    pub fn with_body(mut self, body: &impl Serialize) -> Self {
        // Cannot fail for the requests there are; the server would refuse an empty body by name.
        self.body = Some(serde_json::to_vec(body).unwrap_or_default());
        self
    }
}

/// One part of a path, percent-encoded.
pub(super) fn segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_one_part_of_the_path() {
        assert_eq!(segment("field-notes"), "field-notes");
        assert_eq!(segment("a b/c?d#é%"), "a%20b%2Fc%3Fd%23%C3%A9%25");
    }
}
