//! Clients are not turned away for form: what is meant counts, where it cannot be mistaken.

use std::{io::Write, process::Stdio};

use atocore_testkit::installation::Installation;
use serde_json::{Value, json};

use crate::{
    agent::{Agent, HANDSHAKE, failed, handshake, text},
    program::Sandbox,
    server::{Response, Server},
};

const JSON: &str = "Content-Type: application/json\r\n";

fn with_notes() -> Server {
    let installation = Installation::default();
    for number in 0..3 {
        installation.write(&format!("notes/{number}.md"), format!("# Note {number}\n\nA pump.\n"));
    }
    let server = Server::on(installation);
    server.add("notes", "notes");
    let _read = server.refresh("notes");
    server
}

fn mcp(server: &Server, path: &str, headers: &str, method: &str, params: &Value) -> Response {
    let message = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params }).to_string();
    server.send_with("POST", path, &format!("{JSON}{headers}"), message.as_bytes())
}

#[test]
fn a_client_that_reads_json_alone_is_answered_in_json() {
    let server = with_notes();
    let with_progress = json!({ "name": "atocore_refresh", "arguments": { "project": "notes" },
        "_meta": { "progressToken": 1 } });
    for path in ["/mcp", "/v1/mcp"] {
        for accept in [
            "Accept: application/json\r\n",
            "",
            "Accept:\r\n",
            "Accept: \r\n",
            "Accept: */*\r\n",
            "Accept: application/*;q=0.9\r\n",
        ] {
            let pong = mcp(&server, path, accept, "ping", &json!({}));
            assert_eq!((pong.status, pong.json()["id"].clone()), (200, json!(7)), "{accept}: {pong:?}");
        }
        let read = mcp(&server, path, "Accept: application/json\r\n", "tools/call", &with_progress);
        assert_eq!(read.header("content-type"), Some("application/json"), "{read:?}");
        assert_eq!(read.json()["result"]["structuredContent"]["status"], "ingested", "{read:?}");
    }
    mcp(&server, "/mcp", "Accept: text/html\r\n", "ping", &json!({})).refused(406, "not_acceptable");
}

#[test]
fn numbers_and_what_is_left_out_have_several_forms() {
    let server = with_notes();
    let agent_call = |tool: &str, arguments: &Value| {
        let params = json!({ "name": tool, "arguments": arguments });
        mcp(&server, "/mcp", "", "tools/call", &params).json()["result"].clone()
    };
    for two in [json!(2), json!(2.0), json!("2")] {
        let asked = json!({ "query": "pump", "top_k": two, "all_copies": true });
        let found = server.post("/query", &asked);
        assert_eq!(found.json()["results"].as_array().unwrap().len(), 2, "{two}: {found:?}");
        let found = agent_call("atocore_search", &json!({ "query": "note", "top_k": two }));
        assert!(
            found["structuredContent"]["results"].as_array().is_some_and(|hits| hits.len() <= 2),
            "{found}"
        );
    }
    for nothing in [json!(""), Value::Null] {
        let all = json!({ "query": "pump", "project": nothing, "path": nothing, "mode": nothing, "top_k": nothing,
            "filter_tags": nothing, "scope": Value::Null });
        assert_eq!(server.post("/query", &all).status, 200);
        let found = agent_call("atocore_search", &all);
        assert_eq!(found["isError"], false, "{found}");
        let pack = json!({ "prompt": "pump", "project": nothing, "budget": nothing, "unit": nothing, "tiers": nothing });
        assert_eq!(server.post("/context/build", &pack).status, 200);
        assert_eq!(agent_call("atocore_context", &pack)["isError"], false);
        let get =
            json!({ "id": nothing, "project": "notes", "path": "0.md", "lines": nothing, "max_chars": "50" });
        assert!(text(&agent_call("atocore_get", &get)).contains("A pump."));
        let memory = json!({ "memory_type": "preference", "content": "tea", "project": nothing, "source": Value::Null,
            "confidence": nothing });
        assert_eq!(server.post("/memory", &memory).status, 200);
    }
    for path in [
        "/memory?project=&limit=&memory_type=&min_confidence=",
        "/memory?limit=2.0",
        "/interactions?project=&limit=&since=&after=",
        "/documents?project=notes&path=0.md&lines=&max_chars=",
        "/facts/changes?kind=&after=&limit=5",
        "/project/state/notes?category=",
    ] {
        assert_eq!(server.get(path).status, 200, "{path}");
    }
    // What may not be left out is not taken for left out, and what is no number is none.
    failed(&agent_call("atocore_search", &json!({ "query": "" })), "invalid_request");
    failed(&agent_call("atocore_search", &json!({ "query": "pump", "top_k": 2.5 })), "invalid_request");
    server.post("/query", &json!({ "query": "pump", "top_k": 2.5 })).refused(400, "invalid_request");
    server.send("DELETE", "/projects/notes?generation=", None).refused(400, "invalid_request");
    let tags = json!({ "query": "pump", "filter_tags": vec!["a"; 65] });
    server.post("/query", &tags).refused(400, "invalid_request");
    failed(&agent_call("atocore_search", &tags), "invalid_request");
}

#[test]
fn half_a_character_is_replaced_and_the_request_answered() {
    let server = with_notes();
    let body = br#"{"query":"pump \ud83d and \udc00"}"#;
    let found = server.send_with("POST", "/query", JSON, body);
    assert_eq!(found.json()["results"].as_array().unwrap().len(), 3, "{found:?}");
    let call = br#"{"jsonrpc":"2.0","id":"seven","method":"tools/call","params":{"name":"atocore_search",
        "arguments":{"query":"pump \ud83d"}}}"#;
    let found = server.send_with("POST", "/mcp", JSON, call);
    assert_eq!(
        (found.json()["id"].as_str(), found.json()["result"]["isError"].as_bool()),
        (Some("seven"), Some(false))
    );
    let place = Sandbox::with_notes();
    let mut agent = Agent::greeted(&place);
    agent.send_bytes(
        br#"{"jsonrpc":"2.0","id":41,"method":"tools/call","params":{"name":"atocore_search","arguments":{"query":"keys \ud83d"}}}"#,
    );
    let found = agent.read();
    assert_eq!((&found["id"], &found["result"]["isError"]), (&json!(41), &json!(false)), "{found}");
}

#[test]
fn a_byte_order_mark_before_json_is_passed_over() {
    let server = with_notes();
    let ping = "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\"}";
    for (path, body) in [("/query", r#"{"query":"pump"}"#), ("/mcp", ping), ("/projects/notes/refresh", "")] {
        let sent = |mark: &str| server.send_with("POST", path, JSON, format!("{mark}{body}").as_bytes());
        assert_eq!(sent("\u{feff}").status, 200, "{path}");
        assert_eq!(sent("\u{feff}\u{feff}").status, 400, "{path}");
    }
    let place = Sandbox::with_notes();
    let mut agent = Agent::greeted(&place);
    agent.send_bytes(format!("\u{feff}{ping}").as_bytes());
    assert_eq!(agent.read()["id"], 7);
}

#[test]
fn the_last_line_needs_no_end() {
    let place = Sandbox::with_notes();
    let mut command = place.command(&["mcp"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let greet = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": handshake(HANDSHAKE) });
    let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    let search = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": "atocore_search", "arguments": { "query": "keys" } } });
    let mut input = child.stdin.take().unwrap();
    write!(input, "{greet}\n{ready}\n{search}").unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    let last: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!((&last["id"], &last["result"]["isError"]), (&json!(1), &json!(false)), "{last}");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn an_encoded_body_is_refused_with_what_helps() {
    let server = with_notes();
    for coding in ["gzip", "br", "gzip, identity"] {
        let headers = format!("{JSON}Content-Encoding: {coding}\r\n");
        for path in ["/query", "/mcp"] {
            let refused = server
                .send_with("POST", path, &headers, b"\x1f\x8b\x08\x00")
                .refused(415, "unsupported_media_type");
            assert!(refused.hint.unwrap().contains("Content-Encoding"));
        }
    }
    let plain = format!("{JSON}Content-Encoding: identity\r\n");
    assert_eq!(server.send_with("POST", "/query", &plain, br#"{"query":"pump"}"#).status, 200);
}
