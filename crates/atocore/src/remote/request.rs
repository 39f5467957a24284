//! How an operation travels over HTTP.

use axum::http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use crate::operations::{self, Body, OPERATIONS, Operation, PathPart, Route, Spec};

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

    /// The operation as a request.
    #[must_use]
    pub fn of<O: Operation>(operation: &O) -> Self {
        // Cannot fail for the operations there are; the server would name what is missing.
        let fields = match serde_json::to_value(operation) {
            Ok(Value::Object(fields)) => fields,
            _ => Map::new(),
        };
        Self::with(&O::SPEC, fields)
    }

    fn with(spec: &Spec, mut fields: Map<String, Value>) -> Self {
        fields.retain(|_, value| !value.is_null());
        let method = match spec.route.method {
            operations::Method::Get => Method::GET,
            operations::Method::Post => Method::POST,
            operations::Method::Put => Method::PUT,
            operations::Method::Delete => Method::DELETE,
        };
        let mut request = Self::new(method, path(&spec.route, &mut fields));
        if spec.body != Body::None {
            request.body = Some(Value::Object(fields).to_string().into_bytes());
            return request;
        }
        for (index, (name, value)) in fields.iter().enumerate() {
            request.path.push(if index == 0 { '?' } else { '&' });
            request.path.push_str(&format!("{name}={}", segment(&text(value))));
        }
        request
    }
}

/// The path with the fields that belong there, which are taken out.
fn path(route: &Route, fields: &mut Map<String, Value>) -> String {
    let parts = route.parts().map(|part| match part {
        PathPart::Word(word) => word.to_owned(),
        PathPart::Parameter(name) => {
            segment(&fields.remove(name).map(|value| text(&value)).unwrap_or_default())
        }
    });
    let path = parts.collect::<Vec<_>>().join("/");
    let is_another = |route: &Route| route.path == path;
    let taken = route.path != path && OPERATIONS.iter().any(|spec| spec.routes().any(is_another));
    match path.rsplit_once('/') {
        // A name that is a word of the API leads to what it names when it is spelt like this.
        Some((before, word)) if taken && word.is_ascii() && !word.is_empty() => {
            format!("{before}/%{:02X}{}", word.as_bytes()[0], &word[1..])
        }
        _ => path,
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What is escaped in one part of a path, and in a value of a query string.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

fn segment(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::{ListBackups, Query, ReadDocumentAt, ShowProject, UndoRestore, UpdateProject};

    #[test]
    fn a_field_is_in_the_path_the_query_string_or_the_body() {
        let shown = |name: &str| Request::of(&ShowProject { name: name.to_owned() }).path;
        assert_eq!(shown("field-notes"), "/projects/field-notes");
        assert_eq!(shown("a b/c?d#é%"), "/projects/a%20b%2Fc%3Fd%23%C3%A9%25");
        // A name that is a word of the API.
        assert_eq!(shown("template"), "/projects/%74emplate");
        assert_eq!(Request::of(&ListBackups {}), Request::new(Method::GET, "/admin/backup"));

        let read = ReadDocumentAt {
            project: "Notes".to_owned(),
            path: "a b/c.md".to_owned(),
            lines: Some("3-".to_owned()),
            max_chars: Some(9),
        };
        let path = "/documents?project=Notes&path=a%20b%2Fc.md&lines=3-&max_chars=9";
        assert_eq!(Request::of(&read).path, path);
        assert_eq!(Request::of(&UndoRestore { generation: Some(7) }).path, "/admin/backup/undo?generation=7");

        let query = Query { query: "x".to_owned(), top_k: Some(3), explain: true, ..Query::default() };
        let request = Request::of(&query);
        assert_eq!(serde_json::from_slice::<Query>(&request.body.unwrap()).unwrap(), query);
        let update = UpdateProject {
            name: "notes".to_owned(),
            description: Some("d".to_owned()),
            ..UpdateProject::default()
        };
        let request = Request::of(&update);
        assert_eq!((request.method, request.path.as_str()), (Method::PUT, "/projects/notes"));
        assert_eq!(request.body.unwrap(), br#"{"description":"d"}"#);
    }
}
