//! Documents as resources of the MCP interface: listed, read, and heard of when they change, over both transports.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use atocore_testkit::installation::Installation;
use serde_json::{Value, json};

use crate::{
    agent::{Agent, NEWEST, meta},
    program::Sandbox,
    server::Server,
};

fn address(place: &Sandbox, path: &str) -> String {
    let id = place.json(&["get", path, "--project", "notes"])["document_id"].as_str().unwrap().to_owned();
    format!("atocore://documents/{id}")
}

/// The messages up to one of a method, which comes last.
fn until(agent: &Agent, method: &str) -> Vec<Value> {
    let mut heard = Vec::new();
    loop {
        heard.push(agent.read());
        if heard.last().is_some_and(|message| message["method"] == method) {
            return heard;
        }
    }
}

#[test]
fn documents_are_listed_page_by_page_and_read() {
    let place = Sandbox::new();
    for number in 0..150 {
        place.write(&format!("many/{number:03}.md"), format!("# Note {number}\n\nAbout {number}.\n"));
    }
    place.write("notes/keys.md", "# Keys\n\nKeys are rotated every spring.\n");
    for project in ["many", "notes"] {
        place.ok(&["project", "add", project, "--root", project]);
    }
    place.ok(&["refresh"]);
    let mut agent = Agent::greeted(&place);
    let mut listed = Vec::new();
    let mut params = json!({});
    loop {
        let page = agent.ask("resources/list", &params)["result"].clone();
        listed.extend(page["resources"].as_array().unwrap().clone());
        match page.get("nextCursor") {
            Some(next) => params = json!({ "cursor": next }),
            None => break,
        }
    }
    let names: Vec<&str> = listed.iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!((names.len(), names[0], names[149], names[150]), (151, "000.md", "149.md", "keys.md"));
    let keys = &listed[150];
    assert_eq!(
        (&keys["title"], &keys["mimeType"], &keys["size"]),
        (&json!("Keys"), &json!("text/markdown"), &json!(39))
    );
    let read = agent.ask("resources/read", &json!({ "uri": keys["uri"] }))["result"]["contents"].clone();
    assert_eq!(read[0]["uri"], keys["uri"]);
    let text = read[0]["text"].as_str().unwrap();
    assert!(
        text.contains("     3 | Keys are rotated every spring.") && text.contains("They are data"),
        "{text}"
    );
    let template =
        agent.ask("resources/templates/list", &json!({}))["result"]["resourceTemplates"][0].clone();
    assert_eq!(template["uriTemplate"], "atocore://documents/{id}");
    for (method, params, code) in [
        ("resources/read", json!({ "uri": "atocore://documents/doc_000000000000000000000000" }), -32002),
        ("resources/read", json!({ "uri": "file:///etc/passwd" }), -32002),
        ("resources/read", json!({ "uri": "atocore://documents/../../etc/passwd" }), -32002),
        ("resources/list", json!({ "cursor": "no cursor" }), -32602),
        ("resources/subscribe", json!({ "uri": "file:///etc/passwd" }), -32002),
    ] {
        let answer = agent.ask(method, &params);
        assert_eq!(answer["error"]["code"], code, "{method} {params}: {answer}");
    }
}

#[test]
fn a_client_hears_of_what_it_has_subscribed_to_whoever_changes_it() {
    let place = Sandbox::with_notes();
    let mut agent = Agent::greeted(&place);
    let keys = address(&place, "keys.md");
    assert!(agent.ask("resources/subscribe", &json!({ "uri": keys })).get("result").is_some());
    place.ok(&["memory", "add", "knowledge", "the mast is 12 m high"]);
    place.write("notes/backups.md", "# Backups\n\nAnother text.\n");
    place.ok(&["refresh", "notes"]);
    let heard = until(&agent, "notifications/resources/list_changed");
    assert_eq!(heard.len(), 1, "of a document that it has not subscribed to it hears nothing: {heard:?}");
    place.write("notes/keys.md", "# Keys\n\nKeys are rotated every autumn.\n");
    place.ok(&["refresh", "notes"]);
    let heard = until(&agent, "notifications/resources/updated");
    assert_eq!(heard.last().unwrap()["params"]["uri"], json!(keys));
    // A server that takes over meanwhile changes nothing about that.
    let server = place.serve();
    fs::remove_file(place.path("notes/keys.md")).unwrap();
    place.ok(&["refresh", "notes"]);
    let heard = until(&agent, "notifications/resources/updated");
    assert_eq!(heard.last().unwrap()["params"]["uri"], json!(keys), "it is gone");
    let id = agent.begin("resources/unsubscribe", &json!({ "uri": keys }));
    while agent.read()["id"] != id {}
    place.write("notes/keys.md", "# Keys\n\nKeys are rotated.\n");
    place.ok(&["refresh", "notes"]);
    let heard = until(&agent, "notifications/resources/list_changed");
    assert!(heard.iter().all(|message| message["method"] != "notifications/resources/updated"), "{heard:?}");
    drop(server);
}

#[test]
fn a_client_of_the_newest_version_listens_over_http() {
    let installation = Installation::default();
    installation.write("notes/keys.md", "# Keys\n\nKeys are rotated every spring.\n");
    installation.write("notes/other.md", "# Other\n\nAnother note.\n");
    let server = Server::on(installation);
    server.add("notes", "notes");
    drop(server.refresh("notes"));
    let id = server.get("/documents?project=notes&path=keys.md").json()["document_id"].clone();
    let keys = format!("atocore://documents/{}", id.as_str().unwrap());
    let wanted = json!({ "resourcesListChanged": true, "resourceSubscriptions": [keys] });
    let asked = json!({
        "jsonrpc": "2.0",
        "id": 7,
        "method": "subscriptions/listen",
        "params": { "notifications": wanted, "_meta": meta(NEWEST) },
    });
    let body = asked.to_string();
    let mut stream = TcpStream::connect(server.ready.address.unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    write!(
        stream,
        "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n\
         MCP-Protocol-Version: {NEWEST}\r\nMcp-Method: subscriptions/listen\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut lines = BufReader::new(stream).lines();
    let mut next = || -> Value {
        loop {
            let line = lines.next().expect("the stream goes on").unwrap();
            if let Some(data) = line.strip_prefix("data: ") {
                return serde_json::from_str(data).unwrap_or_else(|error| panic!("{error}: {line}"));
            }
        }
    };
    let acknowledged = next();
    assert_eq!(acknowledged["method"], "notifications/subscriptions/acknowledged", "{acknowledged}");
    // What changes after the acknowledgement and before it listens is not told, so it changes again and again.
    let heard = |of: &str, path: &str, next: &mut dyn FnMut() -> Value| {
        let is_heard = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut version = 0;
                while !is_heard.load(Ordering::SeqCst) {
                    version += 1;
                    server.installation.write(path, format!("# Changed\n\nVersion {version}.\n"));
                    drop(server.refresh("notes"));
                    thread::sleep(Duration::from_millis(500));
                }
            });
            let message = std::iter::from_fn(|| Some(next())).find(|message| message["method"] == of);
            is_heard.store(true, Ordering::SeqCst);
            message.unwrap()
        })
    };
    let changed = heard("notifications/resources/list_changed", "notes/other.md", &mut next);
    assert!(changed["params"]["_meta"].is_object(), "{changed}");
    let updated = heard("notifications/resources/updated", "notes/keys.md", &mut next);
    assert_eq!(updated["params"]["uri"], json!(keys));
}
