//! The MCP interface over HTTP: the same tools behind the same guard, each request by itself.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    thread,
};

use atocore_testkit::installation::Installation;
use serde_json::{Value, json};

use crate::{
    agent::{HANDSHAKE, NEWEST, failed, handshake, meta, text},
    server::{Response, Server, has_ended, is_cancelled, is_running},
};

const NOTE: &str = "# Charter\n\nThe expedition maps the northern glacier.\n";

/// What every client sends with a message.
const USUAL: &str = "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n";

fn with_documents() -> Server {
    let installation = Installation::default();
    installation.write("notes/charter.md", NOTE);
    let server = Server::on(installation);
    server.add("field-notes", "notes");
    drop(server.refresh("field-notes"));
    server
}

fn request(method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params })
}

fn post(server: &Server, headers: &str, message: &Value) -> Response {
    server.send_with("POST", "/mcp", &format!("{USUAL}{headers}"), message.to_string().as_bytes())
}

/// The message of an answer, whether it came as JSON or as a stream; the last one of a stream.
fn message(answer: &Response) -> Value {
    let json = match answer.header("content-type") {
        Some("text/event-stream") => {
            answer.body.lines().filter_map(|line| line.strip_prefix("data: ")).next_back()
        }
        _ => Some(answer.body.as_str()),
    };
    serde_json::from_str(json.unwrap_or_default()).unwrap_or_else(|error| panic!("{error}: {answer:?}"))
}

fn call(server: &Server, tool: &str, arguments: &Value) -> Value {
    let answer = post(server, "", &request("tools/call", json!({ "name": tool, "arguments": arguments })));
    assert_eq!(answer.status, 200, "{answer:?}");
    message(&answer)["result"].clone()
}

#[test]
fn a_session_of_an_older_version_and_a_request_of_the_newest_find_the_same() {
    let server = with_documents();
    let greeted = post(&server, "", &request("initialize", handshake(HANDSHAKE)));
    let session = greeted.header("mcp-session-id").expect("a session").to_owned();
    assert_eq!(message(&greeted)["result"]["protocolVersion"], HANDSHAKE);
    let headers = format!("Mcp-Session-Id: {session}\r\nMCP-Protocol-Version: {HANDSHAKE}\r\n");
    let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    assert_eq!(post(&server, &headers, &ready).status, 202);
    let params = json!({ "name": "atocore_search", "arguments": { "query": "glacier" } });
    let older = message(&post(&server, &headers, &request("tools/call", params.clone())))["result"].clone();

    let mut params = params;
    params["_meta"] = meta(NEWEST);
    let headers =
        format!("MCP-Protocol-Version: {NEWEST}\r\nMcp-Method: tools/call\r\nMcp-Name: atocore_search\r\n");
    let newest = message(&post(&server, &headers, &request("tools/call", params)))["result"].clone();
    assert_eq!(older["structuredContent"], newest["structuredContent"]);
    assert_eq!(older["content"], newest["content"]);
    assert!(text(&older).contains("     3 | The expedition maps the northern glacier."), "{older}");
}

#[test]
fn every_tool_answers_what_the_other_interfaces_answer() {
    let server = with_documents();
    let query = json!({ "query": "glacier", "project": "FIELD-notes", "scope": true });
    let found = call(&server, "atocore_search", &query);
    assert_eq!(found["structuredContent"], server.post("/query", &query).json());
    let hit = &found["structuredContent"]["results"][0];
    for name in ["chunk_id", "document_id"] {
        let id = hit[name].as_str().unwrap();
        let read = call(&server, "atocore_get", &json!({ "id": id }));
        assert_eq!(read["structuredContent"], server.get(&format!("/documents/{id}")).json(), "{read}");
    }
    let projects = call(&server, "atocore_projects", &json!({}));
    assert_eq!(projects["structuredContent"]["projects"], server.get("/projects").json()["projects"]);
    let health = call(&server, "atocore_health", &json!({}));
    assert_eq!(health["structuredContent"], server.get("/health").json());
    let status = call(&server, "atocore_status", &json!({}))["structuredContent"].clone();
    let expected = server.get("/status").json();
    assert_eq!((&status["projects"], &status["owner"]), (&expected["projects"], &expected["owner"]));
    let refreshed = call(&server, "atocore_refresh", &json!({ "project": "field-notes" }));
    assert_eq!(refreshed["structuredContent"]["counts"], server.refresh("field-notes")["counts"]);
    failed(&call(&server, "atocore_get", &json!({ "id": "chk_00" })), "document_unknown");
}

#[test]
fn the_guard_of_the_other_routes_stands_before_it_too() {
    let server = with_documents();
    let ping = request("ping", json!({}));
    post(&server, "Origin: https://evil.example\r\n", &ping).refused(403, "origin_forbidden");
    post(&server, "Origin: null\r\n", &ping).refused(403, "origin_forbidden");
    let body = ping.to_string();
    let elsewhere = format!(
        "POST /mcp HTTP/1.1\r\nHost: evil.example\r\n{USUAL}Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    server.raw(elsewhere.as_bytes()).refused(403, "origin_forbidden");
    let own = format!("Origin: http://{}\r\n", server.host());
    assert_eq!(post(&server, &own, &ping).status, 200);

    let server = Server::with_token("0123456789abcdef");
    post(&server, "", &ping).refused(401, "token_required");
    post(&server, "Authorization: Bearer 0123456789abcdeF\r\n", &ping).refused(401, "token_required");
    assert_eq!(post(&server, "Authorization: Bearer 0123456789abcdef\r\n", &ping).status, 200);
}

#[test]
fn a_hostile_request_gets_the_error_that_is_specified() {
    let server = with_documents();
    let send = |headers: &str, body: &[u8]| server.send_with("POST", "/mcp", headers, body);
    for (body, code) in [
        (&b"nonsense"[..], -32700),
        (b"{\"jsonrpc\":\"2.0\"", -32700),
        (&[0xff, 0xfe][..], -32700),
        (&[b'['; 100_000][..], -32700),
        (b"[]", -32600),
        (b"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]", -32600),
        (b"{\"jsonrpc\":\"2.0\",\"id\":1}", -32600),
    ] {
        let answer = send(USUAL, body);
        assert_eq!((answer.status, &message(&answer)["error"]["code"]), (400, &json!(code)), "{answer:?}");
    }
    send(USUAL, &vec![b' '; 2 << 20]).refused(413, "request_too_large");
    let ping = request("ping", json!({})).to_string();
    send("Content-Type: text/plain\r\nAccept: application/json, text/event-stream\r\n", ping.as_bytes())
        .refused(415, "unsupported_media_type");
    for accept in ["text/html", "text/event-stream", "text/*, image/png", ";q=1"] {
        send(&format!("Content-Type: application/json\r\nAccept: {accept}\r\n"), ping.as_bytes())
            .refused(406, "not_acceptable");
    }
    let vendor = "Content-Type: application/vnd.tests+json; charset=utf-8\r\n";
    assert_eq!(send(vendor, ping.as_bytes()).status, 200);
    for method in ["GET", "DELETE", "PUT"] {
        let answer = server.send_with(method, "/mcp", USUAL, b"");
        assert_eq!(answer.header("allow"), Some("POST"), "{answer:?}");
        answer.refused(405, "method_not_allowed");
    }
    // What the library refuses by itself.
    for version in ["1999-01-01", "no version", "\u{e4}"] {
        let refused = send(&format!("{USUAL}MCP-Protocol-Version: {version}\r\n"), ping.as_bytes());
        let hint = refused.refused(400, "invalid_request").hint.unwrap();
        assert!(hint.contains(HANDSHAKE) && hint.contains(NEWEST), "{hint}");
    }

    let error = |method: &str, params: Value| {
        message(&post(&server, "", &request(method, params)))["error"]["code"].clone()
    };
    assert_eq!(error("no/such", json!({})), -32601);
    let begun = post(&server, "", &request("initialize", json!({ "protocolVersion": HANDSHAKE })));
    let said = message(&begun)["error"]["message"].clone();
    assert!(said.as_str().unwrap().contains("`clientInfo` with `name` and `version`"), "{begun:?}");
    assert_eq!(error("tools/call", json!({ "name": "atocore_nothing", "arguments": {} })), -32602);
    assert_eq!(error("tools/call", json!({ "name": ["atocore_get"] })), -32602);
    let unknown = "MCP-Protocol-Version: 2099-01-01\r\nMcp-Method: tools/list\r\n";
    let refused = post(&server, unknown, &request("tools/list", json!({ "_meta": meta("2099-01-01") })));
    assert_eq!((refused.status, &message(&refused)["error"]["code"]), (400, &json!(-32022)), "{refused:?}");
    let mismatched = format!("MCP-Protocol-Version: {NEWEST}\r\nMcp-Method: ping\r\n");
    let refused = post(&server, &mismatched, &request("tools/list", json!({ "_meta": meta(NEWEST) })));
    assert_eq!((refused.status, &message(&refused)["error"]["code"]), (400, &json!(-32020)), "{refused:?}");
    let long = json!({ "query": "x".repeat(900_000) });
    failed(&call(&server, "atocore_search", &long), "invalid_request");
    // After all of it, it works.
    assert_eq!(call(&server, "atocore_health", &json!({}))["structuredContent"]["status"], "ok");
}

#[test]
fn what_is_done_over_it_is_logged_as_its_own_and_nobody_else_passes_for_it() {
    let server = with_documents();
    server.installation.write("notes/new.md", "# New\n\nlantern\n");
    let refreshed = call(&server, "atocore_refresh", &json!({ "project": "field-notes" }));
    assert_eq!(refreshed["structuredContent"]["counts"]["ingested"], 1, "{refreshed}");
    let jobs = server.get("/admin/jobs").json();
    assert_eq!((&jobs["jobs"][0]["verb"], &jobs["jobs"][0]["state"]), (&json!("refresh"), &json!("done")));

    let memory = |content: &str| json!({ "memory_type": "knowledge", "content": content });
    let interface = || server.get("/facts/changes").json()["changes"][0]["door"].clone();
    let proposed = call(&server, "atocore_memory_create", &memory("one"));
    assert_eq!(proposed["structuredContent"]["status"], "candidate", "{proposed}");
    assert_eq!(interface(), "mcp");
    assert_eq!(server.post("/memory", &memory("two")).status, 200);
    assert_eq!(interface(), "http");
    // Only a process of this machine is believed which of its interfaces a request came through.
    let claim = "Content-Type: application/json\r\natocore-door: mcp\r\n";
    let claimed = server.send_with("POST", "/memory", claim, memory("three").to_string().as_bytes());
    assert_eq!((claimed.status, interface()), (200, json!("http")), "{claimed:?}");
}

/// Begins a request and gives its connection, so that it can be broken off.
fn begin(server: &Server, headers: &str, message: &Value) -> TcpStream {
    let body = message.to_string();
    let mut stream = TcpStream::connect(server.ready.address.unwrap()).unwrap();
    let (host, length) = (server.host(), body.len());
    write!(
        stream,
        "POST /mcp HTTP/1.1\r\nHost: {host}\r\n{USUAL}{headers}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    stream
}

#[test]
fn work_is_cancelled_by_its_session_and_by_no_other() {
    let server = Server::with_many_documents();
    let session = |id: &str| format!("Mcp-Session-Id: {id}\r\nMCP-Protocol-Version: {HANDSHAKE}\r\n");
    let off = |id: &str, request: i64| {
        let params = json!({ "requestId": request });
        let message = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": params });
        assert_eq!(post(&server, &session(id), &message).status, 202);
    };
    let refresh = || {
        let params = json!({ "name": "atocore_refresh", "arguments": { "project": "many" },
            "_meta": { "progressToken": 1 } });
        let stream = begin(&server, &session("one"), &request("tools/call", params));
        assert_eq!(server.newest_job(is_running)["verb"], "refresh");
        stream
    };
    let answer = |mut stream: TcpStream| {
        let mut answer = String::new();
        let _size = stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let lock = server.hold_write_lock();
    let stream = refresh();
    off("one", 7);
    drop(server.newest_job(is_cancelled));
    lock.release();
    assert_eq!(server.newest_job(has_ended)["state"], "cancelled");
    let cancelled = answer(stream);
    assert!(cancelled.contains("error cancelled: "), "{cancelled}");
    // What is left to read is not cancelled by others, nor by the number of another request.
    let lock = server.hold_write_lock();
    let stream = refresh();
    off("two", 7);
    off("one", 8);
    lock.release();
    assert_eq!(server.newest_job(has_ended)["state"], "done");
    assert!(answer(stream).contains("\"ingested\""));
}

#[test]
fn a_client_that_breaks_off_calls_its_work_off() {
    let server = Server::with_many_documents();
    let mut params = json!({ "name": "atocore_refresh", "arguments": { "project": "many" } });
    params["_meta"] = meta(NEWEST);
    params["_meta"]["progressToken"] = json!("t");
    let headers =
        format!("MCP-Protocol-Version: {NEWEST}\r\nMcp-Method: tools/call\r\nMcp-Name: atocore_refresh\r\n");
    let lock = server.hold_write_lock();
    let stream = begin(&server, &headers, &request("tools/call", params));
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("notifications/progress")));
    drop(lines);
    drop(server.newest_job(is_cancelled));
    lock.release();
    assert_eq!(server.newest_job(has_ended)["state"], "cancelled");
}

#[test]
fn many_clients_share_one_server() {
    let mut server = with_documents();
    let expected = server.post("/query", &json!({ "query": "glacier" })).json()["results"].clone();
    thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| {
                for _ in 0..4 {
                    let greeted = post(&server, "", &request("initialize", handshake(HANDSHAKE)));
                    assert_eq!(greeted.status, 200);
                    let found = call(&server, "atocore_search", &json!({ "query": "glacier" }));
                    assert_eq!(found["structuredContent"]["results"], expected);
                }
            });
        }
    });
    // A stopped server lets nobody hang.
    server.stop();
    assert!(TcpStream::connect(server.ready.address.unwrap()).is_err());
}
