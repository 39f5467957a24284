//! A client that was written for the original: its requests, word for word, and the keys it reads of the answers.

use serde_json::{Value, json};

use crate::server::{Response, Server};

/// The interactions that it looks for.
const LISTED: &str =
    "/interactions?project=Field%20Notes&session_id=s&client=codex&since=2020-01-01T00:00:00&limit=500";

fn keys(answer: &Response, wanted: &[&str]) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    let value = answer.json();
    for key in wanted {
        assert!(value.get(key).is_some(), "`{key}` is missing in {value}");
    }
    value
}

#[test]
fn what_it_asks_is_answered_with_the_keys_it_reads() {
    let server = Server::start();
    server.installation.write("notes/keys.md", "# Keys\n\nKeys are rotated every spring.\n");
    server.add("field-notes", "notes");
    drop(server.send("PUT", "/projects/field-notes", Some(r#"{"aliases":["Field Notes"]}"#)));
    for base in ["", "/v1"] {
        let post = |path: &str, body: Value| server.post(&format!("{base}{path}"), &body);
        let get = |path: &str| server.get(&format!("{base}{path}"));
        let send = |method: &str, path: &str, body: Option<&str>| {
            server.send(method, &format!("{base}{path}"), body)
        };
        drop(keys(&get("/health"), &["status", "version", "build"]));
        drop(keys(&get("/projects"), &["projects"]));
        let refreshed = keys(
            &send("POST", "/projects/Field%20Notes/refresh", None),
            &["status", "roots_ingested", "roots_skipped", "roots"],
        );
        assert_eq!(refreshed["status"], "ingested");
        drop(keys(&get("/sources"), &["sources"]));

        let asked =
            json!({ "query": "when are keys rotated", "top_k": 5, "filter_tags": null, "project": null });
        let hit = keys(&post("/query", asked), &["results"])["results"][0].clone();
        let of_a_hit =
            ["chunk_id", "content", "score", "heading_path", "source_file", "tags", "title", "document_id"];
        assert!(of_a_hit.iter().all(|key| hit.get(key).is_some()), "{hit}");

        let set = json!({ "project": "FIELD NOTES", "category": "decision", "key": "database", "value": "SQLite",
            "source": "", "confidence": 1.0 });
        drop(keys(&post("/project/state", set), &["id", "category", "key", "value"]));
        let state = keys(&get("/project/state/Field%20Notes?category=decision"), &["project", "entries"]);
        assert_eq!(
            (&state["project"], &state["entries"][0]["value"]),
            (&json!("field-notes"), &json!("SQLite"))
        );

        let told = json!({ "memory_type": "preference", "content": "short answers", "project": "", "confidence": 1.0 });
        let memory = keys(&post("/memory", told), &["id", "memory_type", "content", "confidence", "status"]);
        let path = format!("/memory/{}", memory["id"].as_str().unwrap());
        drop(keys(
            &get("/memory?memory_type=preference&active_only=true&min_confidence=0.5&limit=10"),
            &["memories"],
        ));
        drop(keys(&send("PUT", &path, Some(r#"{"content":null,"confidence":0.9,"status":null}"#)), &["id"]));

        let asked = json!({ "prompt": "when are keys rotated", "project": "field-notes", "budget": 2000 });
        let pack = keys(
            &post("/context/build", asked),
            &[
                "formatted_context",
                "chunks_used",
                "project_state_chars",
                "memory_chars",
                "retrieval_chars",
                "budget",
                "budget_remaining",
                "duration_ms",
            ],
        );
        let text = pack["formatted_context"].as_str().unwrap();
        assert!(
            ["SQLite", "short answers", "rotated every spring"].iter().all(|part| text.contains(part)),
            "{text}"
        );
        assert!(text.chars().count() <= 2000);
        drop(keys(&get("/debug/context"), &["formatted_context"]));

        records(&server, base, &memory["id"], &hit["chunk_id"]);
        assert_eq!(keys(&send("DELETE", &path, None), &["status"])["status"], "invalid");
        drop(keys(
            &post("/admin/backup", json!({ "include_chroma": false })),
            &["created_at", "backup_root"],
        ));
        assert_eq!(get("/admin/backup").status, 200);
    }
}

#[test]
fn it_registers_projects_in_three_steps() {
    let server = Server::start();
    for (base, id) in [("", "field-notes"), ("/v1", "lab-notes")] {
        let template = server.get(&format!("{base}/projects/template")).json();
        let mut project = template["projects"][0].clone();
        assert_eq!(template["projects"].as_array().unwrap().len(), 1);
        let given = project.as_object_mut().unwrap();
        given.remove("id").unwrap();
        given.insert("project_id".to_owned(), id.into());
        given["aliases"] = json!([format!("The {id}")]);
        let post = |step: &str, body: &Value| server.post(&format!("{base}/projects/{step}"), body);
        // The root of the template is nobody's; proposing it says so as registering it does.
        let refused = post("proposal", &project);
        assert_eq!((refused.status, &refused.json()), (400, &post("register", &project).json()));
        server.installation.write(&format!("{id}/keys.md"), "# Keys\n");
        project["ingest_roots"][0]["subpath"] = id.into();
        let proposal = post("proposal", &project).json();
        assert!(!server.get("/projects").json().to_string().contains(id), "{proposal}");
        assert_eq!(proposal["sources"][0]["readable"], true, "{proposal}");
        let registered = post("register", &project);
        assert_eq!((registered.status, &registered.json()), (201, &proposal["project"]));
        assert_eq!(post("proposal", &project).status, 409);
    }
    // A registry that was written by hand can have such a name; its project is reached by a spelling of the path.
    for (key, field) in [("id", "id"), ("aliases", "aliases[0]")] {
        let mut project = json!({ "id": "other", "ingest_roots": [{ "source": "vault", "subpath": "x" }] });
        project[key] = if key == "id" { json!("template") } else { json!(["Register"]) };
        let refused = server.post("/projects", &project);
        assert!(refused.status == 400 && refused.json().to_string().contains(field), "{refused:?}");
    }
}

/// What it says of an exchange with a model, and how it finds that again.
fn records(server: &Server, base: &str, memory: &Value, chunk: &Value) {
    let exchange = json!({ "prompt": "when", "response": "in spring", "response_summary": "", "project": "field-notes",
            "client": "codex", "session_id": "s", "memories_used": [memory], "chunks_used": [chunk],
            "context_pack": null });
    let kept = keys(&server.post(&format!("{base}/interactions"), &exchange), &["id", "created_at"]);
    let listed = keys(&server.get(&format!("{base}{LISTED}")), &["count", "interactions"]);
    assert_eq!(listed["interactions"][0]["id"], kept["id"]);
    let one = format!("{base}/interactions/{}", kept["id"].as_str().unwrap());
    assert_eq!(keys(&server.get(&one), &["prompt", "response"])["context_pack"], json!({}));
}
