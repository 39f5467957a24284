//! Every route does what it says, on a real store.

use std::{
    collections::BTreeSet,
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    time::Duration,
};

use atocore::{operations, remote};
use atocore_model::{error::ErrorCode, monitor::Silent};
use atocore_testkit::installation::Installation;
use serde_json::{Value, json};

use crate::server::{Server, has_ended, is_cancelled, is_running};

const RESTORE: &str = "---\ntitle: Restoring\ntags: [ops]\ndate: 2026-01-02\n---\n# Restoring\n\n\
    A snapshot is restored into an empty folder.\n";
const CHARTER: &str = "# Charter\n\nThe expedition maps the northern glacier.\n";

const OLD_STATE: &str = r#"{"project":"field-notes","category":"decision","key":"k"}"#;
const STATE: &str = r#"{"project":"field-notes","category":"decision","key":"k","value":"v"}"#;
/// A project that can be registered beside it.
const OTHER: &str = r#"{"id":"other","ingest_roots":[{"source":"vault","subpath":"notes/other"}]}"#;

/// A server with one project of two documents, refreshed.
fn with_documents() -> Server {
    with_documents_on(Installation::default())
}

fn with_documents_on(installation: Installation) -> Server {
    installation.write("notes/restore.md", RESTORE);
    installation.write("notes/charter.md", CHARTER);
    std::fs::create_dir(installation.vault().join("notes/other")).unwrap();
    let server = Server::on(installation);
    server.add("field-notes", "notes");
    drop(server.refresh("field-notes"));
    server
}

fn id_of(answer: &Value) -> String {
    answer["id"].as_str().unwrap().to_owned()
}

/// What can be asked of the questions that a server keeps.
fn ask_of_questions(server: &Server) {
    for (method, path, body) in [
        ("GET", "/questions", None),
        ("POST", "/questions/1/case", Some(r#"{"unanswerable":true}"#)),
        ("GET", "/projects/field-notes/documents/unfound", None),
        ("DELETE", "/questions?all=true", None),
    ] {
        let answer = server.send(method, path, body);
        assert_eq!(answer.status, 200, "{method} {path}: {answer:?}");
    }
}

#[test]
fn every_operation_of_the_description_is_answered() {
    let server = with_documents_on(Installation::default().with_model().with_query_log());
    let stamp = server.send("POST", "/admin/backup", None).json()["backup_root"].clone();
    let stamp = stamp.as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let recorded = |path: &str, body: &Value| id_of(&server.post(path, body).json());
    let memory = ["one", "two"].map(|text| {
        recorded("/memory", &json!({ "memory_type": "knowledge", "content": text, "status": "candidate" }))
    });
    let interaction = recorded("/interactions", &json!({ "prompt": "why" }));
    let found = server.post("/query", &json!({ "query": "glacier" })).json()["results"][0].clone();
    let document = found["document_id"].as_str().unwrap();
    ask_of_questions(&server);
    for (method, path, body, status) in [
        ("GET", "/health".to_owned(), None, 200),
        ("GET", "/status".to_owned(), None, 200),
        ("GET", "/doctor".to_owned(), None, 200),
        ("GET", "/sources".to_owned(), None, 200),
        ("GET", "/formats".to_owned(), None, 200),
        ("GET", "/projects".to_owned(), None, 200),
        ("GET", "/projects/template".to_owned(), None, 200),
        ("POST", "/projects/proposal".to_owned(), Some(OTHER), 200),
        ("POST", "/projects/register".to_owned(), Some(OTHER), 201),
        ("DELETE", "/projects/other".to_owned(), None, 200),
        ("GET", "/projects/field-notes".to_owned(), None, 200),
        ("PUT", "/projects/field-notes".to_owned(), Some(r#"{"aliases":["Field Notes"]}"#), 200),
        ("POST", "/projects/Field%20Notes/refresh".to_owned(), None, 200),
        ("GET", "/projects/Field%20Notes/documents".to_owned(), None, 200),
        ("GET", "/why?path=/nowhere.md".to_owned(), None, 200),
        ("GET", "/recent?limit=3".to_owned(), None, 200),
        ("GET", format!("/links?document={document}"), None, 200),
        ("GET", format!("/related?document={document}&limit=3"), None, 200),
        ("GET", "/projects/Field%20Notes/unresolved-links".to_owned(), None, 200),
        ("POST", "/embed".to_owned(), None, 200),
        ("POST", "/index/verify".to_owned(), None, 200),
        ("POST", "/index/rebuild".to_owned(), None, 200),
        ("POST", "/query".to_owned(), Some(r#"{"query":"glacier"}"#), 200),
        ("POST", "/project/state".to_owned(), Some(STATE), 200),
        ("GET", "/project/state/Field%20Notes".to_owned(), None, 200),
        ("DELETE", "/project/state".to_owned(), Some(OLD_STATE), 200),
        ("GET", "/memory".to_owned(), None, 200),
        ("GET", format!("/memory/{}", memory[0]), None, 200),
        ("PUT", format!("/memory/{}", memory[0]), Some(r#"{"confidence":0.5}"#), 200),
        ("POST", format!("/memory/{}/promote", memory[0]), None, 200),
        ("POST", format!("/memory/{}/reject", memory[1]), None, 200),
        ("DELETE", format!("/memory/{}", memory[0]), None, 200),
        ("GET", "/interactions".to_owned(), None, 200),
        ("GET", format!("/interactions/{interaction}"), None, 200),
        ("GET", "/facts/changes".to_owned(), None, 200),
        ("POST", "/facts/changes/5/reverse".to_owned(), None, 200),
        ("GET", "/documents?project=field-notes&path=charter.md".to_owned(), None, 200),
        ("GET", format!("/documents/{document}?lines=1-2"), None, 200),
        ("POST", "/context/build".to_owned(), Some(r#"{"prompt":"glacier"}"#), 200),
        ("GET", "/debug/context".to_owned(), None, 200),
        ("GET", "/admin/backup".to_owned(), None, 200),
        ("GET", format!("/admin/backup/{stamp}/validate?depth=content"), None, 200),
        ("POST", format!("/admin/backup/{stamp}/validate?depth=digests"), None, 200),
        ("POST", "/admin/backup/validate".to_owned(), None, 200),
        ("POST", "/admin/backup/drill".to_owned(), None, 200),
        ("GET", "/admin/jobs".to_owned(), None, 200),
        ("POST", format!("/admin/backup/{stamp}/pin"), None, 200),
        ("DELETE", format!("/admin/backup/{stamp}/pin"), None, 200),
        ("POST", "/admin/backup/prune".to_owned(), None, 200),
        ("GET", format!("/admin/backup/{stamp}/restore"), None, 200),
        ("POST", format!("/admin/backup/{stamp}/restore"), None, 200),
        ("GET", "/admin/backup/undo".to_owned(), None, 200),
        ("POST", "/admin/backup/undo".to_owned(), None, 200),
        ("GET", "/projects/FIELD%20NOTES/removal".to_owned(), None, 200),
        ("DELETE", "/projects/field-notes".to_owned(), None, 200),
        ("GET", "/openapi.json".to_owned(), None, 200),
        ("GET", "/metrics".to_owned(), None, 200),
    ] {
        let answer = server.send(method, &path, body);
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
    }
    let job = format!("/admin/jobs/{}", server.get("/admin/jobs").json()["jobs"][0]["id"].as_str().unwrap());
    for method in ["GET", "DELETE"] {
        assert_eq!(server.send(method, &job, None).status, 200);
    }
    let (described, answered) = (described(&server), answered(&server));
    let missing: Vec<_> = described.difference(&answered).collect();
    assert!(missing.is_empty(), "this test does not exercise {missing:?}");
}

#[test]
fn the_same_paths_answer_below_v1() {
    let server = with_documents();
    assert_eq!(server.post("/project/state", &serde_json::from_str(STATE).unwrap()).status, 200);
    for path in ["/projects", "/sources", "/project/state/field-notes", "/memory", "/interactions"] {
        assert_eq!(server.get(&format!("/v1{path}")).json(), server.get(path).json(), "{path}");
    }
    let asked = json!({ "query": "glacier" });
    assert_eq!(server.post("/v1/query", &asked).json(), server.post("/query", &asked).json());
    assert_eq!(server.send("POST", "/v1/projects/field-notes/refresh", None).status, 200);
    server.get("/v1/nothing").refused(404, "route_unknown");
    server.get("/v2/projects").refused(404, "route_unknown");
    assert_eq!(server.send("PATCH", "/v1/projects", None).status, 405);
}

/// Method and path of every operation in the description.
fn described(server: &Server) -> BTreeSet<(String, String)> {
    let document = server.get("/openapi.json").json();
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        item.as_object().unwrap().keys().map(move |method| (method.to_uppercase(), path.clone()))
    });
    operations.collect()
}

/// Method and path of every operation that was answered with success, by the server's own count.
fn answered(server: &Server) -> BTreeSet<(String, String)> {
    let metrics = server.get("/metrics").body;
    let value = |line: &str, label: &str| {
        let (_, rest) = line.split_once(&format!("{label}=\"")).unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    };
    let lines = metrics.lines().filter(|line| line.starts_with("atocore_http_requests_total{"));
    lines
        .filter(|line| value(line, "status").starts_with('2'))
        .map(|line| (value(line, "method"), value(line, "route")))
        .collect()
}

#[test]
fn health_says_which_program_and_which_store() {
    let server = with_documents();
    let health = server.get("/health").json();
    assert_eq!(health["status"], "ok");
    assert_eq!(health["version"], env!("CARGO_PKG_VERSION"));
    assert!(health["build"].is_string() && health["schema_version"].is_u64(), "{health}");
    assert!(health["generation"].as_u64().unwrap() > 0, "{health}");
}

#[test]
fn a_project_lives_from_registration_to_removal() {
    let server = Server::start();
    server.installation.write("a/one.md", CHARTER);
    let root = json!({ "source": "vault", "subpath": "a", "label": "A" });
    let given =
        json!({ "id": "alpha", "aliases": ["The First"], "description": "One.", "ingest_roots": [root] });
    let added = server.post("/projects", &given);
    assert_eq!((added.status, added.json()), (201, given.clone()));
    server.post("/projects", &given).refused(409, "project_exists");

    assert_eq!(server.get("/projects").json(), json!({ "projects": [given] }));
    assert_eq!(server.get("/projects/the%20first").json(), given);
    let changed = server.send("PUT", "/projects/ALPHA", Some(r#"{"description":"Two."}"#)).json();
    assert_eq!((&changed["description"], &changed["aliases"]), (&json!("Two."), &given["aliases"]));

    let source = &server.get("/sources").json()["sources"][0];
    assert_eq!((&source["project"], &source["readable"]), (&json!("alpha"), &json!(true)));

    drop(server.refresh("the%20first"));
    let plan = server.get("/projects/alpha/removal").json();
    assert_eq!((&plan["documents"], &plan["chunks"]), (&json!(1), &json!(1)), "{plan}");
    let outdated = plan["generation"].as_u64().unwrap() - 1;
    server.send("DELETE", &format!("/projects/alpha?generation={outdated}"), None).problem();
    let removed = server.send("DELETE", &format!("/projects/alpha?generation={}", plan["generation"]), None);
    assert_eq!(removed.json(), json!({ "removed": "alpha", "documents": 1, "chunks": 1 }), "{removed:?}");
    server.get("/projects/alpha").refused(404, "project_unknown");
    assert!(server.installation.vault().join("a/one.md").exists(), "the files stay");
}

#[test]
fn a_refresh_answers_with_the_words_of_the_contract() {
    let server = Server::start();
    server.installation.write("here/a.md", CHARTER);
    server.installation.write("here/b.md", b"caf\xc3\xa9 \xff");
    let root = |subpath: &str| json!({ "source": "vault", "subpath": subpath });
    let add = |id: &str, roots: &[Value]| {
        let added = server.post("/projects", &json!({ "id": id, "ingest_roots": roots }));
        assert_eq!(added.status, 201, "{added:?}");
    };
    // A root must exist to be registered; later it may go.
    for folder in ["gone", "lost"] {
        std::fs::create_dir(server.installation.vault().join(folder)).unwrap();
    }
    add("both", &[root("here"), root("gone")]);
    add("none", &[root("lost")]);
    for folder in ["gone", "lost"] {
        std::fs::remove_dir(server.installation.vault().join(folder)).unwrap();
    }

    let partial = server.refresh("both");
    assert_eq!(partial["project"], "both");
    assert_eq!(partial["status"], "partial");
    assert_eq!((&partial["roots_ingested"], &partial["roots_skipped"]), (&json!(1), &json!(1)));
    let states = &partial["counts"];
    assert_eq!((&states["ingested"], &states["failed"]), (&json!(1), &json!(1)), "{partial}");
    let [here, gone] = &partial["roots"].as_array().unwrap()[..] else { panic!("{partial}") };
    assert_eq!(
        (&here["source"], &here["subpath"], &here["status"]),
        (&json!("vault"), &json!("here"), &json!("ingested"))
    );
    assert_eq!((&gone["status"], &gone["reason"]), (&json!("skipped"), &json!("missing")));
    let file = |index: usize| &here["files"][index];
    assert_eq!(
        (&file(0)["path"], &file(0)["state"], &file(0)["reason"]),
        (&json!("a.md"), &json!("ingested"), &json!("new"))
    );
    assert_eq!(
        (&file(1)["path"], &file(1)["state"], &file(1)["reason"]),
        (&json!("b.md"), &json!("failed"), &json!("not_utf8"))
    );

    let nothing = server.refresh("none");
    assert_eq!((&nothing["status"], &nothing["roots_ingested"]), (&json!("nothing_to_ingest"), &json!(0)));
    let status = server.get("/status").json();
    let both = status["projects"].as_array().unwrap().iter().find(|project| project["id"] == "both").unwrap();
    assert_eq!(both["refreshed"]["status"], "partial", "{status}");
    assert_eq!(both["refreshed"]["problems"][0]["path"], "b.md", "{status}");
}

#[test]
fn hits_carry_the_keys_of_the_contract() {
    let server = with_documents();
    let answer =
        server.post("/query", &json!({ "query": "restored snapshot", "project": "field-notes" })).json();
    let hit = &answer["results"][0];
    for key in ["chunk_id", "content", "score", "heading_path", "source_file", "tags", "title", "document_id"]
    {
        assert!(!hit[key].is_null(), "{key}: {hit}");
    }
    assert_eq!((&hit["project"], &hit["source_file"]), (&json!("field-notes"), &json!("restore.md")));
    assert_eq!((&hit["title"], &hit["tags"]), (&json!("Restoring"), &json!(["ops"])));
    assert_eq!(hit["lines"], json!({ "first": 8, "last": 8 }), "{hit}");
    assert!(hit["date"].as_str().unwrap().starts_with("2026-01-02T"), "{hit}");
    assert!(hit.get("explanation").is_none());
    assert_eq!(answer["project"], "field-notes");
    assert_eq!(answer["generation"], answer["store_generation"]);
    assert_eq!(answer["notices"], json!([]));
}

#[test]
fn an_explanation_multiplies_to_the_score() {
    let server = with_documents();
    let asked = json!({ "query": "charter glacier", "project": "field-notes", "explain": true });
    let hit = server.post("/query", &asked).json()["results"][0].clone();
    let explanation = &hit["explanation"];
    let factors = explanation["factors"].as_array().unwrap();
    assert_eq!(factors.len(), 3, "{hit}");
    let product = factors.iter().fold(explanation["similarity"].as_f64().unwrap(), |score, factor| {
        score * factor["value"].as_f64().unwrap()
    });
    assert_eq!(hit["score"].as_f64(), Some(product), "a score is given in full");
}

#[test]
fn filters_and_scope_narrow_the_answer() {
    let server = with_documents();
    server.installation.write("other/x.md", "# Other\n\nglacier glacier glacier\n");
    server.add("other", "other");
    drop(server.refresh("other"));
    let titles = |asked: Value| -> Vec<String> {
        let answer = server.post("/query", &asked);
        assert_eq!(answer.status, 200, "{answer:?}");
        let results = answer.json()["results"].as_array().unwrap().clone();
        results.iter().map(|hit| hit["title"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(titles(json!({ "query": "glacier" })).len(), 2);
    assert_eq!(titles(json!({ "query": "glacier", "top_k": 1 })).len(), 1);
    assert_eq!(titles(json!({ "query": "glacier", "project": "field-notes", "scope": true })), ["Charter"]);
    assert_eq!(titles(json!({ "query": "glacier folder", "filter_tags": ["ops"] })), ["Restoring"]);
    assert_eq!(titles(json!({ "query": "glacier", "path": "*.txt" })), Vec::<String>::new());
}

#[test]
fn a_caller_sees_its_own_writes() {
    let server = with_documents();
    server.installation.write("notes/new.md", "# New\n\nthe zebra arrives\n");
    let generation = server.refresh("field-notes")["generation"].clone();
    let answer = server.post("/query", &json!({ "query": "zebra", "wait_generation": generation })).json();
    assert_eq!(answer["results"].as_array().unwrap().len(), 1, "{answer}");
    let later = generation.as_u64().unwrap() + 1000;
    let refused = server.post("/query", &json!({ "query": "zebra", "wait_generation": later }));
    refused.refused(409, "generation_not_reached");
    assert!(refused.header("retry-after").is_some(), "{refused:?}");
}

#[test]
fn a_snapshot_is_asked_for_in_body_or_query_and_the_body_goes_before() {
    let server = with_documents();
    let chroma = server.installation.home().join("data/chroma");
    std::fs::create_dir_all(&chroma).unwrap();
    std::fs::write(chroma.join("vectors.bin"), b"1234").unwrap();
    let included = |path: &str, headers: &str, body: &str| {
        let answer = server.send_with("POST", path, headers, body.as_bytes());
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["chroma_snapshot_included"].as_bool().unwrap()
    };
    let json = "Content-Type: application/json\r\n";
    assert!(!included("/admin/backup", "", ""));
    assert!(!included("/admin/backup", json, ""));
    assert!(!included("/admin/backup", json, "{}"));
    assert!(!included("/admin/backup", json, "null"));
    assert!(included("/admin/backup", json, r#"{"include_chroma":true}"#));
    assert!(included("/admin/backup?include_chroma=true", "", ""));
    assert!(included("/admin/backup?include_chroma=1", json, "{}"));
    assert!(!included("/admin/backup?include_chroma=true", json, r#"{"include_chroma":false}"#));

    let list = server.get("/admin/backup").json();
    assert_eq!(list.as_array().unwrap().len(), 8, "eight snapshots within one second have eight stamps");
    for entry in list.as_array().unwrap() {
        assert_eq!(entry["has_metadata"], true);
        assert_eq!(entry["metadata"]["backup_root"], entry["path"]);
    }
}

#[test]
fn validation_answers_with_the_keys_of_the_contract() {
    let server = with_documents();
    let root = server.send("POST", "/admin/backup", None).json()["backup_root"].as_str().unwrap().to_owned();
    let stamp = root.rsplit('/').next().unwrap();
    for depth in ["", "?depth=structure", "?depth=digests", "?depth=content"] {
        let found = server.get(&format!("/admin/backup/{stamp}/validate{depth}"));
        assert_eq!(found.status, 200, "{found:?}");
        let found = found.json();
        assert_eq!((&found["valid"], &found["errors"]), (&json!(true), &json!([])), "{depth}: {found}");
        assert_eq!(
            (&found["stamp"], &found["exists"], &found["db_ok"]),
            (&json!(stamp), &json!(true), &json!(true))
        );
        assert_eq!((&found["registry_ok"], &found["chroma_ok"]), (&json!(true), &Value::Null));
        assert!(found["metadata"].is_object());
    }
    let missing = server.get("/admin/backup/20000101T000000Z/validate");
    assert_eq!((missing.status, missing.header("content-type")), (404, Some("application/json")));
    let missing = missing.json();
    assert_eq!((&missing["exists"], &missing["valid"]), (&json!(false), &json!(false)));
    assert_eq!(missing["errors"], json!(["snapshot_directory_missing"]));
    server.get(&format!("/admin/backup/{stamp}/validate?depth=deep")).refused(400, "invalid_request");

    std::fs::write(format!("{root}/config/project-registry.json"), "{").unwrap();
    let damaged = server.get(&format!("/admin/backup/{stamp}/validate")).json();
    assert_eq!((&damaged["valid"], &damaged["registry_ok"]), (&json!(false), &json!(false)), "{damaged}");
}

#[test]
fn metrics_follow_the_store() {
    let server = with_documents();
    assert_eq!(server.send("POST", "/admin/backup", None).status, 200);
    let metrics = server.get("/metrics");
    assert!(
        metrics.header("content-type").unwrap().starts_with("application/openmetrics-text"),
        "{metrics:?}"
    );
    let value = |name: &str| -> f64 {
        let line = metrics.body.lines().find(|line| line.starts_with(&format!("{name} ")));
        line.unwrap_or_else(|| panic!("{name}: {}", metrics.body))
            .rsplit(' ')
            .next()
            .unwrap()
            .parse()
            .unwrap()
    };
    assert_eq!(value("atocore_store_documents"), 2.0);
    assert_eq!(value("atocore_store_chunks"), 2.0);
    assert_eq!(value("atocore_snapshots"), 1.0);
    assert!(value("atocore_store_generation") > 0.0 && value("atocore_snapshot_size_bytes") > 0.0);
    assert!(metrics.body.contains("atocore_refreshes_total{outcome=\"ingested\"} 1"), "{}", metrics.body);
    assert!(metrics.body.ends_with("# EOF\n"));
}

#[test]
fn the_socket_gives_the_same_answers() {
    let server = with_documents();
    for path in ["/projects", "/sources", "/health", "/admin/backup"] {
        let (network, local) = (server.get(path), server.local("GET", path, None));
        assert_eq!((network.status, &network.body), (local.status, &local.body), "{path}");
    }
}

/// Sends a request and closes the sending side.
fn begin_and_close(server: &Server, path: &str, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.ready.address.unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let (host, length) = (server.host(), body.len());
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    stream
}

#[test]
fn a_client_that_closes_its_sending_side_is_answered_and_one_that_goes_is_not_worked_for() {
    let server = Server::with_many_documents();
    let rest = |mut stream: TcpStream| {
        let mut rest = String::new();
        let _size = stream.read_to_string(&mut rest).unwrap();
        rest
    };
    for number in 0..20 {
        let body = json!({ "memory_type": "preference", "content": format!("number {number}") }).to_string();
        let answer = rest(begin_and_close(&server, "/memory", &body));
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{number}: {answer}");
    }
    // Only what is sent to it tells a connection that is closed on both sides from one that is not.
    let lock = server.hold_write_lock();
    drop(begin_and_close(&server, "/projects/many/refresh", ""));
    drop(server.newest_job(is_cancelled));
    lock.release();
    assert_eq!(server.newest_job(has_ended)["state"], "cancelled");
    let lock = server.hold_write_lock();
    let mut stream = begin_and_close(&server, "/projects/many/refresh", "");
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(server.newest_job(is_running)["cancelling"], false);
    lock.release();
    let answer = rest(stream);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("\"ingested\""), "{answer}");
}

#[test]
fn an_operation_that_is_sent_gives_reply_or_error() {
    let server = with_documents();
    let query = operations::Query { query: "glacier".to_owned(), ..operations::Query::default() };
    let answer = remote::send(&query, &server.ready.socket, &Silent).unwrap();
    let over_http = server.send("POST", "/query", Some(&serde_json::to_string(&query).unwrap()));
    assert_eq!(serde_json::to_string(&answer).unwrap(), over_http.body);

    let unknown = operations::ShowProject { name: "no such/project?".to_owned() };
    let error = remote::send(&unknown, &server.ready.socket, &Silent).unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidRequest, "{error}");
    let unknown = operations::ShowProject { name: "nobody".to_owned() };
    let error = remote::send(&unknown, &server.ready.socket, &Silent).unwrap_err();
    assert_eq!(error.code, ErrorCode::ProjectUnknown);
    assert!(error.hint.is_some() && error.message.contains("nobody"), "{error:?}");

    let missing = operations::ValidateBackup { stamp: "20000101T000000Z".to_owned(), depth: None };
    assert!(!remote::send(&missing, &server.ready.socket, &Silent).unwrap().exists);
    let nowhere = server.installation.path().join("no.sock");
    let error = remote::send(&operations::Health {}, &nowhere, &Silent).unwrap_err();
    assert_eq!(error.code, ErrorCode::ServerUnreachable);
}

#[test]
fn a_stopped_server_gives_everything_back() {
    let mut server = with_documents();
    let (socket, address) = (server.ready.socket.clone(), server.ready.address.unwrap());
    assert!(socket.exists());
    server.stop();
    assert!(!socket.exists());
    assert!(TcpStream::connect(address).is_err());
    drop(server.installation.own());
}

#[test]
fn an_answer_by_meaning_says_how_it_was_found() {
    let server = with_documents_on(Installation::default().with_model());
    let made = server.send("POST", "/embed", None);
    assert_eq!(made.status, 200, "{made:?}");
    let asked = json!({ "query": "bringing data back after a loss", "explain": true });
    let answer = server.post("/query", &asked).json();
    assert_eq!(answer["mode"], "hybrid", "{answer}");
    let hit = &answer["results"][0];
    let fit = hit["fit"].as_f64().unwrap();
    let said = answer["notices"][0].as_str().unwrap();
    assert!(fit < 0.5 && said.starts_with("nothing fits the question well"), "{answer}");
    assert_eq!(hit["source_file"], "restore.md", "{answer}");
    assert_eq!((&hit["copy_count"], &hit["copies"]), (&json!(0), &json!([])));
    let explanation = &hit["explanation"];
    let number = |pointer: &str| explanation.pointer(pointer).unwrap().as_f64().unwrap();
    let meaning = number("/meaning/cosine") / number("/meaning/cosine_max");
    let words = number("/words/part");
    let weight = number("/fusion/meaning_weight");
    assert_eq!(weight * meaning + (1.0 - weight) * words, number("/similarity"), "{explanation}");
    for mode in ["dense", "lexical"] {
        let answer = server.post("/query", &json!({ "query": "glacier", "mode": mode })).json();
        assert_eq!(answer["mode"], mode);
    }
    let status = server.get("/status").json();
    let embedding = &status["embedding"];
    assert_eq!((&embedding["wanted"], &embedding["problem"]), (&json!(true), &json!(null)), "{embedding}");
    assert_eq!(
        (&embedding["passages"], &embedding["indexed"]),
        (&embedding["embedded"], &embedding["embedded"])
    );
}

#[test]
fn the_measurements_tell_what_the_process_takes_and_what_is_still_to_be_done() {
    let server = Server::start();
    server.installation.write("notes/a.md", "# A\n\nA pump.\n");
    server.add("notes", "notes");
    let _read = server.refresh("notes");
    let metrics = server.get("/metrics").body;
    let number = |name: &str| {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name} in {metrics}")).parse::<f64>().unwrap()
    };
    for name in ["process_resident_memory_bytes", "process_open_fds"] {
        assert!(number(name) > 0.0, "{name}");
    }
    assert!(number("process_cpu_seconds") >= 0.0);
    assert!(number("atocore_files_failed").abs() < 0.5 && number("atocore_vectors_missing") >= 0.0);
    assert_eq!(metrics.matches("# EOF").count(), 1, "{metrics}");
}
