//! While a command makes vectors without a server, which takes long, everybody else works as ever.

use std::process::{Child, Stdio};

use serde_json::{Value, json};

use crate::{
    agent::{Agent, text},
    program::{Sandbox, interrupt},
};

/// How many documents: minutes of work, of which the tests see the beginning.
const MANY: usize = 1500;

/// A place with so many documents that their vectors take minutes, and with another project.
fn place() -> Sandbox {
    let place = Sandbox::new().with_model();
    for number in 0..MANY {
        let text = format!("Key {number} is rotated in spring, and its copy lies in the vault. ").repeat(4);
        place.write(&format!("many/{number}.md"), format!("# Note {number}\n\n{text}\n"));
    }
    place.write("other/one.md", "# One\n\nAnother project.\n");
    place.ok(&["project", "add", "many", "--root", "many"]);
    place.ok(&["project", "add", "other", "--root", "other"]);
    place
}

fn documents(place: &Sandbox) -> Vec<Value> {
    place.json(&["status"])["projects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["documents"].clone())
        .collect()
}

/// Starts a refresh and waits until all is read, so that vectors are being made.
fn refreshing(place: &Sandbox) -> Child {
    let mut refresh = place.command(&["refresh", "many"]);
    let child = refresh.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while documents(place)[0] != MANY {
        std::thread::yield_now();
    }
    child
}

#[test]
fn others_write_take_snapshots_and_serve_while_a_command_makes_vectors() {
    let place = place();
    let mut refresh = refreshing(&place);
    place.ok(&["memory", "add", "preference", "likes short answers"]);
    place.ok(&["state", "set", "other", "decision", "database", "SQLite"]);
    let stamp = place.snapshot();
    place.ok(&["refresh", "other", "--no-embed"]);
    assert_eq!(documents(&place), [Value::from(MANY), Value::from(1)]);
    assert!(refresh.try_wait().unwrap().is_none(), "it is still at it");
    // A server takes over, and the command waits for what it makes.
    let server = place.serve();
    assert_eq!(place.json(&["status"])["owner"]["activity"], "serve");
    assert!(refresh.try_wait().unwrap().is_none(), "it is still at it");
    interrupt(&refresh);
    assert_eq!(refresh.wait().unwrap().code(), Some(1), "cancelled");
    assert_eq!(server.stop(), Some(0));
    assert_eq!(place.json(&["memory", "list"])["memories"].as_array().unwrap().len(), 1);
    assert_eq!(place.json(&["backup", "validate", &stamp, "--depth", "content"])["valid"], true);
}

#[test]
fn a_client_and_others_write_while_it_makes_vectors_after_a_refresh() {
    let place = place();
    let mut agent = Agent::greeted(&place);
    let params = json!({ "name": "atocore_refresh", "arguments": { "project": "many" },
        "_meta": { "progressToken": 1 } });
    let refresh = agent.begin("tools/call", &params);
    loop {
        let news = agent.read();
        assert_ne!(news["id"], refresh, "{news}");
        if news["params"]["message"].as_str().unwrap_or_default().starts_with("embedding passages") {
            break;
        }
    }
    place.ok(&["memory", "add", "preference", "likes short answers"]);
    let told = json!({ "memory_type": "preference", "content": "likes long answers" });
    let create = agent.begin("tools/call", &json!({ "name": "atocore_memory_create", "arguments": told }));
    let unknown = json!({ "name": "atocore_refresh", "arguments": { "project": "nope" } });
    let unknown = agent.begin("tools/call", &unknown);
    let mut answers = Vec::new();
    while answers.len() < 2 {
        let message = agent.read();
        assert_ne!(message["id"], refresh, "it is still at it: {message}");
        if message["id"].is_number() {
            answers.push(message);
        }
    }
    answers.sort_by_key(|answer| answer["id"].as_i64());
    assert_eq!((&answers[0]["id"], &answers[1]["id"]), (&json!(create), &json!(unknown)));
    assert_eq!(answers[0]["result"]["structuredContent"]["status"], "candidate", "{}", answers[0]);
    assert_eq!(answers[1]["result"]["isError"], true, "{}", answers[1]);
    assert_eq!(place.json(&["memory", "list"])["memories"].as_array().unwrap().len(), 2);
}

#[test]
fn a_client_that_has_gone_quiet_keeps_nobody_from_a_restore() {
    let place = Sandbox::with_notes().with_model().patient();
    let stamp = place.snapshot();
    let mut agent = Agent::greeted(&place);
    // The second one finds all vectors made, and looks at the store last.
    for _ in 0..2 {
        let refreshed = agent.call("atocore_refresh", &json!({ "project": "notes" }));
        assert_ne!(refreshed["isError"], json!(true), "{refreshed}");
    }
    // It waits for whoever reads, which is for ever in this place.
    place.ok(&["backup", "restore", &stamp, "--yes"]);
    let found = agent.call("atocore_search", &json!({ "query": "keys" }));
    assert!(text(&found).contains("keys.md"), "{found}");
}
