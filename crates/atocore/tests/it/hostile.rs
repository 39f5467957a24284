//! Requests that are wrong, or that mean harm, are refused by name and do no harm.

use std::{
    io::Write,
    net::{TcpListener, TcpStream},
};

use atocore::{
    app::App,
    config::Token,
    http::BODY_LIMIT_BYTES,
    operations::{ApiError, Context, Operation, Spec},
    serve::{NetworkSettings, serve_until},
};
use atocore_engine::Caller;
use atocore_model::{error::ErrorCode, monitor::Silent};
use atocore_testkit::installation::Installation;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::server::{Server, listing, network, settings_on};

const JSON: &str = "Content-Type: application/json\r\n";

#[test]
fn malformed_stamps_are_refused_in_every_encoding() {
    let server = Server::start();
    // Something worth reading, where a traversal would lead.
    let outside = server.installation.home().join("backups/x");
    std::fs::create_dir_all(&outside).unwrap();
    std::fs::write(outside.join("backup-metadata.json"), r#"{"secret":"treasure"}"#).unwrap();
    for stamp in [
        "..%2f..%2fx",
        "..%2Fx",
        "%2e%2e%2fx",
        "%2e%2e",
        "%252e%252e%252fx",
        "..%5cx",
        "..\\x",
        "x%00",
        "20260406T184219Z%00",
        "20260406T184219Z%2f..%2fx",
        "20260406T184219Z%0d%0aX: y",
        "%EF%BC%92%EF%BC%900260406T184219Z",
        "%E2%80%A5%2fx",
        "%c0%ae%c0%ae%c0%afx",
        "%ff",
        "20260406t184219z",
        "20261306T184219Z",
        "2026-04-06T18:42:19Z",
        "LATEST",
        "newest",
        "*",
        "%20",
        "..",
        "",
    ] {
        let answer = server.get(&format!("/admin/backup/{}/validate", stamp.replace(' ', "%20")));
        assert_eq!(answer.status, 400, "{stamp}: {answer:?}");
        let problem = answer.problem();
        assert!(
            ["invalid_stamp", "invalid_request"].contains(&problem.code.as_str()),
            "{stamp}: {problem:?}"
        );
        assert!(!answer.body.contains("treasure"), "{stamp}: {answer:?}");
    }
    for path in ["/admin/backup/../../x/validate", "/admin/backup/x/y/validate"] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
    let long = "2".repeat(5000);
    server.get(&format!("/admin/backup/{long}/validate")).refused(400, "invalid_stamp");
}

#[test]
fn project_names_cannot_lead_anywhere() {
    let server = Server::start();
    for name in ["..%2f..%2fetc", "%2e%2e", "a%00b", "a%0ab", "%ff", &"x".repeat(101)] {
        for path in [format!("/projects/{name}"), format!("/projects/{name}/removal")] {
            let answer = server.get(&path);
            assert!([400, 404].contains(&answer.status), "{path}: {answer:?}");
            let _problem = answer.problem();
        }
    }
    server.get("/projects/nobody").refused(404, "project_unknown");
    server.send("POST", "/projects/nobody/refresh", None).refused(404, "project_unknown");
    server.send("PUT", "/projects/nobody", Some("{}")).refused(404, "project_unknown");
    server.send("DELETE", "/projects/nobody", None).refused(404, "project_unknown");
}

#[test]
fn invalid_questions_are_refused_with_a_hint() {
    let server = Server::start();
    for (body, named) in [
        (r#"{"query":""}"#.to_owned(), "`query`"),
        (r#"{"query":" \n\t"}"#.to_owned(), "`query`"),
        (format!(r#"{{"query":"{}"}}"#, "x".repeat(10_001)), "`query`"),
        (r#"{"query":"x","top_k":0}"#.to_owned(), "top_k"),
        (r#"{"query":"x","top_k":201}"#.to_owned(), "top_k"),
        (r#"{"query":"x","top_k":18446744073709551615}"#.to_owned(), "top_k"),
        (r#"{"query":"x","top_k":99999999999999999999}"#.to_owned(), "top_k"),
        (r#"{"query":"x","top_k":-1}"#.to_owned(), "top_k"),
        (r#"{"query":"x","top_k":1.5}"#.to_owned(), "top_k"),
        (r#"{"query":"x","top_k":"many"}"#.to_owned(), "top_k"),
        (r#"{"query":"x","filter_tags":[""]}"#.to_owned(), "filter_tags[0]"),
        (r#"{"query":"x","scope":true}"#.to_owned(), "`scope`"),
        (r#"{"query":"x","project":"a/b"}"#.to_owned(), "`project`"),
        (r#"{"query":"x","topk":3}"#.to_owned(), "topk"),
        (r#"{"query":"x","query":"y"}"#.to_owned(), "query"),
        (r#"{"top_k":3}"#.to_owned(), "query"),
    ] {
        let problem = server.send("POST", "/query", Some(&body)).refused(400, "invalid_request");
        assert!(problem.detail.contains(named), "{body:.80}: {problem:?}");
        assert!(problem.hint.is_some(), "{problem:?}");
    }
    let unknown = server.post("/query", &json!({ "query": "x", "project": "nobody" }));
    unknown.refused(404, "project_unknown");
}

#[test]
fn a_body_that_is_not_json_is_refused_with_its_place() {
    let server = Server::start();
    for (body, place) in [
        ("{", "line 1 column 1"),
        ("{\"query\": \"x\",\n}", "line 2 column 1"),
        ("{\"query\":\"x\"} trailing", "line 1 column 15"),
        ("[]", "line 1"),
        ("\"query\"", "line 1"),
        ("null", "line 1"),
        ("\u{feff}{}", "line 1"),
    ] {
        let problem = server.send("POST", "/query", Some(body)).refused(400, "invalid_request");
        assert!(problem.detail.contains(place), "{body}: {problem:?}");
    }
    let deep = "[".repeat(200_000);
    server.send("POST", "/query", Some(&deep)).refused(400, "invalid_request");
    server.send_with("POST", "/query", JSON, b"{\"query\":\"\xff\"}").refused(400, "invalid_request");
    server.send_with("POST", "/query", JSON, b"").refused(400, "invalid_request");
}

#[test]
fn unknown_keys_are_refused_by_name() {
    let server = Server::start();
    for (method, path, body) in [
        ("POST", "/query", r#"{"query":"x","surprise":1}"#),
        ("POST", "/projects", r#"{"id":"a","surprise":1}"#),
        ("POST", "/projects", r#"{"id":"a","ingest_roots":[{"source":"vault","subpath":"","surprise":1}]}"#),
        ("PUT", "/projects/a", r#"{"surprise":1}"#),
        ("POST", "/admin/backup", r#"{"surprise":1}"#),
    ] {
        let problem = server.send(method, path, Some(body)).refused(400, "invalid_request");
        assert!(problem.detail.contains("surprise"), "{path}: {problem:?}");
    }
    for path in ["/admin/backup?surprise=1", "/admin/backup?include_chroma=maybe"] {
        server.send("POST", path, None).refused(400, "invalid_request");
    }
    assert_eq!(server.get("/admin/backup").json(), json!([]), "nothing of it took a snapshot");
}

#[test]
fn a_body_of_another_type_is_refused() {
    let server = Server::start();
    for headers in ["", "Content-Type: text/plain\r\n", "Content-Type: application/x-www-form-urlencoded\r\n"]
    {
        let answer = server.send_with("POST", "/query", headers, br#"{"query":"x"}"#);
        answer.refused(415, "unsupported_media_type");
        server
            .send_with("POST", "/admin/backup", headers, b"include_chroma=true")
            .refused(415, "unsupported_media_type");
    }
}

#[test]
fn what_is_too_large_is_refused() {
    let server = Server::start();
    for size in [BODY_LIMIT_BYTES + 1, 8 * BODY_LIMIT_BYTES] {
        let body = format!(r#"{{"query":"{}"}}"#, "x".repeat(size));
        let refused = server.send("POST", "/query", Some(&body)).refused(413, "request_too_large");
        assert!(refused.hint.unwrap().contains("smaller requests"));
    }
    let chunked = format!(
        "POST /query HTTP/1.1\r\nHost: {}\r\n{JSON}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{}\r\n0\r\n\r\n",
        server.host(),
        2 * BODY_LIMIT_BYTES,
        " ".repeat(2 * BODY_LIMIT_BYTES)
    );
    server.raw(chunked.as_bytes()).refused(413, "request_too_large");
    let refused = server.get(&format!("/health?{}", "x".repeat(9000))).refused(400, "invalid_request");
    assert!(refused.hint.unwrap().contains("in the body"));
    let header = format!("X-Long: {}\r\n", "x".repeat(100_000));
    assert_eq!(server.send_with("GET", "/health", &header, b"").status, 431);
    let headers: String = (0..100).map(|number| format!("X-{number}: y\r\n")).collect();
    assert_eq!(server.send_with("GET", "/health", &headers, b"").status, 431);
    assert_eq!(server.get("/health").status, 200);
}

#[test]
fn a_body_that_says_it_is_too_large_is_refused_before_it_comes_and_takes_no_place() {
    let server = Server::start();
    let head = |method: &str, path: &str, more: &str| {
        let (host, length) = (server.host(), BODY_LIMIT_BYTES + 1);
        format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\n{JSON}{more}Connection: close\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    for (method, path) in [("POST", "/query"), ("POST", "/mcp"), ("PUT", "/projects/a"), ("GET", "/health")] {
        server.raw(head(method, path, "").as_bytes()).refused(413, "request_too_large");
    }
    let expecting = head("POST", "/query", "Expect: 100-continue\r\n");
    server.raw(expecting.as_bytes()).refused(413, "request_too_large");
    // More than there are places for large bodies, and none of them is sent.
    let _waiting: Vec<TcpStream> = (0..20)
        .map(|_| {
            let mut stream = TcpStream::connect(server.ready.address.unwrap()).unwrap();
            stream.write_all(head("POST", "/query", "").as_bytes()).unwrap();
            stream
        })
        .collect();
    let large = format!(r#"{{"query":"keys"{}}}"#, " ".repeat(20_000));
    assert_eq!(server.send("POST", "/query", Some(&large)).status, 200);
}

#[test]
fn unknown_routes_and_methods_are_told_apart() {
    let server = Server::start();
    for path in ["/", "/nothing", "/projects/a/b/c", "/health/", "/HEALTH", "/admin"] {
        server.get(path).refused(404, "route_unknown");
    }
    for (method, path, allowed) in
        [("DELETE", "/health", "GET"), ("GET", "/query", "POST"), ("PATCH", "/projects", "POST")]
    {
        let answer = server.send(method, path, None);
        answer.refused(405, "method_not_allowed");
        assert!(answer.header("allow").is_some_and(|methods| methods.contains(allowed)), "{answer:?}");
    }
}

#[test]
fn only_pages_and_names_of_this_server_may_ask() {
    let server = Server::start();
    let get = |headers: &str| {
        server.raw(format!("GET /health HTTP/1.1\r\n{headers}Connection: close\r\n\r\n").as_bytes())
    };
    let port = server.ready.address.unwrap().port();
    for good in [format!("127.0.0.1:{port}"), format!("localhost:{port}"), "localhost".to_owned()] {
        assert_eq!(get(&format!("Host: {good}\r\n")).status, 200, "{good}");
    }
    for bad in ["evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "169.254.169.254"] {
        get(&format!("Host: {bad}\r\n")).refused(403, "origin_forbidden");
    }
    get("").refused(403, "origin_forbidden");
    let host = format!("Host: localhost:{port}\r\n");
    assert_eq!(get(&format!("{host}Origin: http://localhost:{port}\r\n")).status, 200);
    for bad in ["http://evil.example", "null", "https://127.0.0.1.evil.example", "http://localhost:1"] {
        get(&format!("{host}Origin: {bad}\r\n")).refused(403, "origin_forbidden");
    }
    let rebound = b"GET http://evil.example/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    server.raw(rebound).refused(403, "origin_forbidden");
}

#[test]
fn a_snapshot_cannot_be_started_by_a_web_page() {
    let server = Server::start();
    let origin = "Origin: http://evil.example\r\n";
    server.send_with("POST", "/admin/backup", origin, b"").refused(403, "origin_forbidden");
    assert_eq!(server.get("/admin/backup").json(), json!([]));
}

#[test]
fn with_a_token_nothing_is_answered_without_it() {
    let server = Server::with_token("correct-horse-battery");
    for path in ["/health", "/projects", "/metrics", "/openapi.json", "/nothing"] {
        let answer = server.get(path);
        answer.refused(401, "token_required");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    }
    let with =
        |token: &str| server.send_with("GET", "/health", &format!("Authorization: Bearer {token}\r\n"), b"");
    assert_eq!(with("correct-horse-battery").status, 200);
    for wrong in ["", "correct-horse-batter", "correct-horse-battery-", "Correct-horse-battery"] {
        with(wrong).refused(401, "token_required");
    }
    assert_eq!(server.local("GET", "/health", None).status, 200, "the socket needs no token");
}

#[test]
fn other_machines_are_served_only_with_a_token() {
    for host in ["0.0.0.0", "::"] {
        let open = settings_on(NetworkSettings { host: host.to_owned(), ..network() });
        let error = Server::with(Installation::default(), open).err().expect("it is refused");
        assert_eq!(error.code, ErrorCode::InvalidSetting);
        assert!(error.message.contains(host) && error.hint.is_some(), "{error:?}");
    }
    let token = Some(Token::new("correct-horse-battery").unwrap());
    let closed = settings_on(NetworkSettings { host: "0.0.0.0".to_owned(), token, ..network() });
    let server = Server::with(Installation::default(), closed).expect("it starts");
    let named = "GET /health HTTP/1.1\r\nHost: nas.lan\r\nConnection: close\r\n";
    server.raw(format!("{named}\r\n").as_bytes()).refused(401, "token_required");
    let known = format!("{named}Authorization: Bearer correct-horse-battery\r\n\r\n");
    assert_eq!(server.raw(known.as_bytes()).status, 200);
}

#[test]
fn a_port_in_use_is_named_with_a_hint() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = Server::with(Installation::default(), settings_on(NetworkSettings { port, ..network() }))
        .err()
        .expect("refused");
    assert_eq!(error.code, ErrorCode::AddressUnusable);
    assert!(error.message.contains(&port.to_string()), "{error:?}");
    assert!(error.hint.as_deref().is_some_and(|hint| hint.contains("--port")), "{error:?}");

    let nowhere = settings_on(NetworkSettings { host: "no-such-host.invalid".to_owned(), ..network() });
    let error = Server::with(Installation::default(), nowhere).err().expect("refused");
    assert_eq!(error.code, ErrorCode::AddressUnusable);
}

#[test]
fn a_second_server_on_the_same_store_is_told_of_the_first() {
    let server = Server::start();
    let second = |port| {
        let settings = settings_on(NetworkSettings { port, ..network() });
        let config = server.installation.config();
        serve_until(config, &settings, std::future::ready(()), |_| panic!("two owners"), &Silent).unwrap_err()
    };
    let same_port = second(server.ready.address.unwrap().port());
    assert_eq!(same_port.code, ErrorCode::AddressUnusable);
    let owner = format!("process {} (`serve`)", std::process::id());
    assert!(same_port.hint.as_deref().is_some_and(|hint| hint.contains(&owner)), "{same_port:?}");
    let other_port = second(0);
    assert_eq!(other_port.code, ErrorCode::StoreBusy);
    assert!(other_port.message.contains("`serve`"), "{other_port:?}");
    assert_eq!(server.local("GET", "/health", None).status, 200, "the socket of the first still works");
}

#[test]
fn the_network_cannot_name_folders_and_the_socket_can() {
    let server = Server::start();
    let folder = server.installation.path().join("elsewhere");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("a.md"), "# Private\n\nburied treasure\n").unwrap();
    let root = json!({ "source": "folder", "subpath": folder });
    let project = json!({ "id": "mine", "ingest_roots": [root] });
    server.post("/projects", &project).refused(403, "root_forbidden");
    for subpath in ["../elsewhere", "/etc", "a/../../elsewhere"] {
        let root = json!({ "source": "vault", "subpath": subpath });
        let answer = server.post("/projects", &json!({ "id": "mine", "ingest_roots": [root] }));
        let problem = answer.refused(400, "invalid_request");
        assert!(problem.detail.contains("ingest_roots[0]"), "{problem:?}");
    }
    assert_eq!(server.get("/projects").json(), json!({ "projects": [] }));

    let local = server.local("POST", "/projects", Some(&project.to_string()));
    assert_eq!(local.status, 201, "{local:?}");
    server.installation.write("v/b.md", "# B\n");
    server.add("other", "v");
    let moved = json!({ "ingest_roots": [{ "source": "folder", "subpath": "/etc" }] });
    server.send("PUT", "/projects/other", Some(&moved.to_string())).refused(403, "root_forbidden");
}

#[test]
fn names_that_are_taken_are_refused() {
    let server = Server::start();
    server.installation.write("a/x.md", "# A\n");
    server.installation.write("b/x.md", "# B\n");
    server.add("alpha", "a");
    let root = json!({ "source": "vault", "subpath": "b" });
    let taken = json!({ "id": "beta", "aliases": ["ALPHA"], "ingest_roots": [root] });
    server.post("/projects", &taken).refused(409, "name_taken");
    let bad_id = json!({ "id": "Not An Id", "ingest_roots": [root] });
    let problem = server.post("/projects", &bad_id).refused(400, "invalid_request");
    assert!(problem.detail.contains("`id`"), "{problem:?}");
}

#[test]
fn a_registry_that_cannot_be_read_is_named() {
    let server = Server::start();
    let registry = server.installation.home().join("config/project-registry.json");
    std::fs::create_dir_all(registry.parent().unwrap()).unwrap();
    std::fs::write(&registry, "{\"projects\": [{\"id\": \"a\"}, {\"id\": 3}]}").unwrap();
    let problem = server.get("/projects").refused(500, "registry_invalid");
    assert!(problem.detail.contains("projects[1]"), "{problem:?}");
    assert_eq!(server.get("/health").status, 200);
    let doctor = server.get("/doctor").json();
    assert_eq!(doctor["ok"], false, "{doctor}");
}

#[test]
fn bytes_that_are_no_http_do_no_harm() {
    let server = Server::start();
    let before = listing(server.installation.path());
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"GET\r\n\r\n",
        b"GET /health HTTP/9.9\r\n\r\n",
    ] {
        assert!(server.raw(bytes).status >= 400);
    }
    let smuggled = format!(
        "POST /query HTTP/1.1\r\nHost: {0}\r\n{JSON}Content-Length: 3\r\nContent-Length: 30\r\nConnection: close\r\n\r\n{{}}",
        server.host()
    );
    assert_eq!(server.raw(smuggled.as_bytes()).status, 400);
    assert_eq!(server.get("/health").status, 200);
    assert_eq!(listing(server.installation.path()), before);
}

/// Runs into a fault.
#[derive(Serialize, Deserialize, ToSchema)]
struct Faulty {}

impl Operation for Faulty {
    type Reply = ();
    const SPEC: Spec = Spec::get("tests", "fail", "/fail");

    fn run(self, _: &mut Context<'_>) -> Result<(), ApiError> {
        panic!("the secret is 42")
    }
}

#[tokio::test]
async fn a_panic_is_a_fault_that_tells_nothing() {
    let installation = Installation::default();
    let app = App::new(installation.own());
    let error = app.run(Caller::Network, Faulty {}).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Internal);
    assert!(!error.message.contains("42"), "{error}");
    drop(app.run(Caller::Network, atocore::operations::Health {}).await.unwrap());
}

#[test]
fn a_request_that_would_not_do_what_it_says_is_refused_and_does_nothing() {
    let server = Server::start();
    server.installation.write("notes/a.md", "# A\n\nGlaciers.\n");
    server.add("notes", "notes");
    let taken = server.send("POST", "/admin/backup", None).json()["backup_root"].clone();
    let stamp = taken.as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let told = json!({ "memory_type": "knowledge", "content": "kept", "status": "candidate" });
    let id = server.post("/memory", &told).json()["id"].as_str().unwrap().to_owned();
    let restore = format!("/admin/backup/{stamp}/restore");
    let promote = format!("/memory/{id}/promote");
    for (method, path, body) in [
        ("POST", format!("{restore}?dry_run=true"), None),
        ("POST", restore.clone(), Some(r#"{"generation":1}"#)),
        ("POST", restore.clone(), Some("[1]")),
        ("POST", "/admin/backup/undo?dry_run=true".to_owned(), None),
        ("POST", "/admin/backup/undo".to_owned(), Some(r#"{"dry_run":true}"#)),
        ("POST", "/admin/backup/prune?apply=true".to_owned(), None),
        ("POST", format!("/admin/backup/{stamp}/pin?note=x"), None),
        ("DELETE", format!("/admin/backup/{stamp}/pin?note=x"), None),
        ("POST", "/admin/backup/validate".to_owned(), Some(r#"{"depth":"answers"}"#)),
        ("POST", "/projects/notes/refresh".to_owned(), Some(r#"{"background":true}"#)),
        ("POST", format!("{promote}?dry_run=1"), None),
        ("DELETE", format!("/memory/{id}"), Some(r#"{"reason":"x"}"#)),
        ("POST", "/query?top_k=3".to_owned(), Some(r#"{"query":"glaciers"}"#)),
        ("POST", "/index/rebuild?dry_run=true".to_owned(), None),
    ] {
        let refused = server.send(method, &path, body).refused(400, "invalid_request");
        assert!(refused.detail.contains("cannot be used"), "{method} {path}: {refused:?}");
    }
    let present = server.get(&format!("/memory/{id}")).json();
    assert_eq!(present["status"], "candidate", "nothing was restored, promoted or invalidated");
    // What says nothing is no option that was misspelt.
    for body in [None, Some("{}"), Some("null"), Some(" ")] {
        assert_eq!(server.send("POST", &promote, body).status, 200, "{body:?}");
    }
    assert_eq!(server.send("POST", &restore, None).status, 200);
}

#[test]
fn a_path_pattern_that_is_too_much_is_refused_and_the_server_goes_on() {
    let server = Server::start();
    server.installation.write("notes/a.md", "pump");
    server.add("notes", "notes");
    let _read = server.refresh("notes");
    for pattern in [
        format!("{}a{}", "{".repeat(20_000), "}".repeat(20_000)),
        "*?".repeat(200_000),
        format!("{{{}}}", "a,".repeat(80_000)),
        "[a-z]".repeat(150_000),
        "{".repeat(600),
        "*?".repeat(400),
        format!("**/{}", "[!a]".repeat(200)),
        format!("{{{}}}", vec!["*".repeat(9); 90].join(",")),
    ] {
        let asked = server.post("/query", &json!({ "query": "pump", "path": pattern }));
        let problem = asked.refused(400, "invalid_request");
        assert!(problem.detail.len() < 300, "{problem:?}");
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
            "name": "atocore_search", "arguments": { "query": "pump", "path": pattern } } });
        let accept = format!("{JSON}Accept: application/json, text/event-stream\r\n");
        let told = server.send_with("POST", "/mcp", &accept, call.to_string().as_bytes());
        assert_eq!(told.json()["result"]["isError"], true, "{told:?}");
    }
    let found = server.post("/query", &json!({ "query": "pump", "path": "{a,b}.md" }));
    assert_eq!(found.json()["results"].as_array().unwrap().len(), 1, "{found:?}");
}
