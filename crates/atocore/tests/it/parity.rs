//! The same question through every interface: the program alone, the program beside a server, and HTTP itself.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use serde_json::Value;

use crate::program::Sandbox;

/// One request to the server; the body of its answer.
pub(crate) fn http(address: &str, method: &str, path: &str, body: Option<&str>) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let body = body.unwrap_or_default();
    let kind = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{kind}Content-Length: {length}\r\n\r\n"
    );
    stream.write_all((head + body).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// A command, and the HTTP request that is the same operation.
struct Case {
    arguments: Vec<String>,
    method: &'static str,
    path: String,
    body: Option<&'static str>,
}

fn case(arguments: &[&str], method: &'static str, path: &str, body: Option<&'static str>) -> Case {
    let arguments = ["--json"].iter().chain(arguments).map(|word| (*word).to_owned()).collect();
    Case { arguments, method, path: path.to_owned(), body }
}

fn cases(stamp: &str) -> Vec<Case> {
    let validate = |depth: &str| {
        let path = format!("/admin/backup/{stamp}/validate?depth={depth}");
        case(&["backup", "validate", stamp, "--depth", depth], "GET", &path, None)
    };
    vec![
        case(&["project", "list"], "GET", "/projects", None),
        case(&["project", "show", "FIELD notes"], "GET", "/projects/FIELD%20notes", None),
        case(&["documents", "list", "FIELD notes"], "GET", "/projects/FIELD%20notes/documents", None),
        case(&["query", "keys rotated"], "POST", "/query", Some(r#"{"query":"keys rotated"}"#)),
        case(
            &["query", "keys rotated", "--project", "field notes", "--scope", "--top-k", "1", "--explain"],
            "POST",
            "/query",
            Some(r#"{"query":"keys rotated","project":"field notes","scope":true,"top_k":1,"explain":true}"#),
        ),
        case(
            &["query", "keys", "--tag", "security", "--path", "*.md"],
            "POST",
            "/query",
            Some(r#"{"query":"keys","filter_tags":["security"],"path":"*.md"}"#),
        ),
        case(
            &["context", "keys rotated", "--project", "FIELD notes", "--scope", "--budget", "900"],
            "POST",
            "/context/build",
            Some(r#"{"prompt":"keys rotated","project":"FIELD notes","scope":true,"budget":900}"#),
        ),
        case(&["backup", "list"], "GET", "/admin/backup", None),
        validate("structure"),
        validate("digests"),
        validate("content"),
    ]
}

/// Without what tells when it was asked.
fn timeless(text: &str) -> Value {
    let mut value: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let of_validations = ["verified_at", "proven_at", "at", "duration_ms"];
    forget(&mut value, &of_validations);
    forget(&mut value, &["generation", "store_generation"]);
    value
}

fn forget(value: &mut Value, keys: &[&str]) {
    match value {
        Value::Object(map) => {
            map.retain(|key, _| !keys.contains(&key.as_str()));
            map.values_mut().for_each(|value| forget(value, keys));
        }
        Value::Array(items) => items.iter_mut().for_each(|value| forget(value, keys)),
        _ => {}
    }
}

#[test]
fn every_interface_gives_the_same_answer() {
    let place = Sandbox::with_notes();
    let stamp = place.snapshot();
    let words = |case: &Case| place.ok(&case.arguments.iter().map(String::as_str).collect::<Vec<_>>());
    // Validations are written down and listed: after one round, the next ones change nothing but the times.
    cases(&stamp).iter().for_each(|case| drop(words(case)));
    let alone: Vec<String> = cases(&stamp).iter().map(words).collect();
    let server = place.serve();
    for (case, alone) in cases(&stamp).iter().zip(alone) {
        let beside = words(case);
        let over_http = http(&server.address, case.method, &case.path, case.body);
        assert_eq!(timeless(&alone), timeless(&over_http), "{:?}", case.arguments);
        assert_eq!(timeless(&beside), timeless(&over_http), "{:?}", case.arguments);
        if !["verified_at", "proven_at", "duration_ms"].iter().any(|key| alone.contains(key)) {
            assert_eq!(alone.trim_end(), over_http, "{:?}", case.arguments);
        }
    }
}

#[test]
fn a_command_that_writes_is_handed_to_the_server() {
    let place = Sandbox::with_notes();
    // A file that was written just before it was read is read once more.
    std::thread::sleep(std::time::Duration::from_millis(100));
    place.ok(&["refresh", "notes"]);
    let alone = place.ok(&["--json", "refresh", "notes"]);
    let server = place.serve();
    let beside = place.ok(&["--json", "refresh", "notes"]);
    let over_http = http(&server.address, "POST", "/projects/notes/refresh", None);
    assert_eq!(timeless(&alone), timeless(&over_http));
    assert_eq!(timeless(&beside), timeless(&over_http));

    place.write("more/a.md", "# More\n\nA zebra.\n");
    place.ok(&["project", "add", "more", "--root", "more"]);
    place.ok(&["refresh", "more"]);
    let answer = http(&server.address, "POST", "/query", Some(r#"{"query":"zebra"}"#));
    assert_eq!(timeless(&answer)["results"].as_array().unwrap().len(), 1, "{answer}");
    let taken = place.json(&["backup", "create"]);
    let listed = http(&server.address, "GET", "/admin/backup", None);
    assert!(listed.contains(taken["created_at"].as_str().unwrap()), "{listed}");
    assert_eq!(server.stop(), Some(0));
    assert_eq!(place.json(&["query", "zebra"])["results"].as_array().unwrap().len(), 1);
}

#[test]
fn an_error_is_the_same_in_every_interface() {
    let place = Sandbox::with_notes();
    let arguments = ["--json", "query", "keys", "--project", "nobody"];
    let alone = place.run(&arguments);
    let server = place.serve();
    let beside = place.run(&arguments);
    let over_http = http(&server.address, "POST", "/query", Some(r#"{"query":"keys","project":"nobody"}"#));
    assert_eq!((alone.code, beside.code), (1, 1));
    assert_eq!(timeless(&alone.stdout), timeless(&over_http));
    assert_eq!(timeless(&beside.stdout), timeless(&over_http));
}
