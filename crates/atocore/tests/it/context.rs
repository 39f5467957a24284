//! Context packs through every interface: the keys of the contract, what is remembered, how two differ, what is refused.

use atocore_testkit::installation::Installation;
use serde_json::{Value, json};

use crate::{program::Sandbox, server::Server};

/// A server with one project of two documents.
fn server() -> Server {
    let installation = Installation::default();
    installation.write("notes/restore.md", "# Restoring\n\nA snapshot is restored into an empty folder.\n");
    installation.write("notes/charter.md", "# Charter\n\nThe expedition maps the northern glacier.\n");
    let server = Server::on(installation);
    server.add("field-notes", "notes");
    drop(server.refresh("field-notes"));
    server
}

fn build(server: &Server, body: &Value) -> Value {
    let answer = server.post("/context/build", body);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// Without the one thing that may differ between two calls.
fn timeless(mut pack: Value) -> Value {
    assert!(pack["duration_ms"].take().is_u64());
    pack
}

#[test]
fn a_client_of_the_original_finds_its_keys() {
    let server = server();
    let pack = build(&server, &json!({ "prompt": "glacier", "project": "field-notes", "budget": 2000 }));
    let text = pack["formatted_context"].as_str().unwrap();
    let count = |key: &str| pack[key].as_u64().unwrap_or_else(|| panic!("{key} in {pack}"));
    assert_eq!(count("total_chars"), text.chars().count() as u64);
    assert_eq!(count("budget_remaining"), 2000 - count("total_chars"));
    let tiers = count("project_state_chars") + count("memory_chars") + count("retrieval_chars");
    assert!(tiers <= count("total_chars") && count("retrieval_chars") > 0, "{pack}");
    assert_eq!((count("budget"), count("chunks_used")), (2000, 1));
    let chunk = &pack["chunks"][0];
    for key in ["chunk_id", "content", "heading_path", "source_file", "title", "document_id"] {
        assert!(chunk[key].is_string(), "{key} in {chunk}");
    }
    assert!(chunk["score"].is_f64() && chunk["tags"].is_array(), "{chunk}");
    assert_eq!(pack["full_prompt"], format!("{text}\nglacier"));
    assert_eq!(
        timeless(pack.clone()),
        timeless(build(&server, &json!({ "prompt": "glacier", "project": "FIELD-notes", "budget": 2000 })))
    );
    // And ours.
    let item = &pack["items"][0];
    let passage = &item["passage"];
    assert_eq!((&item["tier"], &passage["source_file"]), (&json!("chunks"), &json!("charter.md")));
    assert_eq!(passage["lines"], json!({ "first": 3, "last": 3 }));
    assert_eq!(passage["document_hash"].as_str().unwrap().len(), 64);
    assert_eq!(pack["hash"].as_str().unwrap().len(), 64);
    assert!(
        pack["notices"][0].as_str().unwrap().contains("no trusted state is recorded for project field-notes")
    );
}

#[test]
fn recorded_facts_are_in_the_next_pack_and_go_first() {
    let server = server();
    let state = json!({ "project": "field-notes", "category": "decision", "key": "route", "value": "By the north face." });
    let answer = server.post("/project/state", &state);
    assert!((200..300).contains(&answer.status), "{answer:?}");
    let memory = json!({ "memory_type": "preference", "content": "Short answers." });
    let answer = server.post("/memory", &memory);
    assert!((200..300).contains(&answer.status), "{answer:?}");
    let pack = build(&server, &json!({ "prompt": "glacier", "project": "field-notes" }));
    let tiers: Vec<_> = pack["items"].as_array().unwrap().iter().map(|item| item["tier"].clone()).collect();
    assert_eq!(tiers, ["state", "memories", "chunks"]);
    assert_eq!(
        (&pack["items"][0]["key"], &pack["items"][0]["text"]),
        (&json!("route"), &json!("By the north face."))
    );
    assert_eq!(pack["items"][1]["memory_type"], "preference");
    let state = pack["project_state_chars"].as_u64().unwrap();
    assert!(state > 0 && state <= 600, "{pack}");
}

#[test]
fn a_server_shows_again_what_it_gave_out() {
    let server = server();
    server.get("/debug/context").refused(404, "pack_unknown");
    let first = build(&server, &json!({ "prompt": "glacier" }));
    let second = build(&server, &json!({ "prompt": "snapshot" }));
    assert_eq!(server.get("/debug/context").json(), second);
    let by = |hash: &str| server.get(&format!("/debug/context?hash={hash}"));
    let hash = first["hash"].as_str().unwrap();
    assert_eq!(by(hash).json(), first);
    assert_eq!(by(&hash[..6].to_uppercase()).json(), first);
    by(&"0".repeat(64)).refused(404, "pack_unknown");
    for bad in ["abc", "xyzxyz", &"a".repeat(65), "%00%00%00%00%00%00"] {
        by(bad).refused(400, "invalid_request");
    }
    for number in 0..64 {
        drop(build(&server, &json!({ "prompt": format!("glacier {number}") })));
    }
    by(hash).refused(404, "pack_unknown");
}

#[test]
fn what_cannot_be_meant_is_refused_by_name() {
    let server = server();
    for (body, named) in [
        (r#"{"prompt":""}"#.to_owned(), "`prompt`"),
        (r#"{"prompt":" \n\t"}"#.to_owned(), "`prompt`"),
        (r#"{"prompt":"a\u0000b"}"#.to_owned(), "`prompt`"),
        (r#"{"prompt":"\u0007\u001b"}"#.to_owned(), "`prompt`"),
        (format!(r#"{{"prompt":"{}"}}"#, "x".repeat(100_001)), "`prompt`"),
        (r#"{"prompt":"x","budget":0}"#.to_owned(), "`budget`"),
        (r#"{"prompt":"x","budget":1000001}"#.to_owned(), "`budget`"),
        (r#"{"prompt":"x","budget":18446744073709551615}"#.to_owned(), "`budget`"),
        (r#"{"prompt":"x","budget":-1}"#.to_owned(), "budget"),
        (r#"{"prompt":"x","budget":1e300}"#.to_owned(), "budget"),
        (r#"{"prompt":"x","budget":"much"}"#.to_owned(), "budget"),
        (r#"{"prompt":"x","unit":"words"}"#.to_owned(), "`unit`"),
        (r#"{"prompt":"x","tiers":["chunks","secrets"]}"#.to_owned(), "`tiers[1]`"),
        (r#"{"prompt":"x","tiers":[]}"#.to_owned(), "`tiers`"),
        (r#"{"prompt":"x","top_k":0}"#.to_owned(), "`top_k`"),
        (r#"{"prompt":"x","scope":true}"#.to_owned(), "`scope`"),
        (r#"{"prompt":"x","project":"a\u0000b"}"#.to_owned(), "`project`"),
        (r#"{"prompt":"x","path":"["}"#.to_owned(), "["),
        (r#"{"prompt":"x","bugdet":3}"#.to_owned(), "bugdet"),
        (r#"{"budget":3}"#.to_owned(), "prompt"),
    ] {
        let problem = server.send("POST", "/context/build", Some(&body)).refused(400, "invalid_request");
        assert!(problem.detail.contains(named), "{body:.80}: {}", problem.detail);
    }
    server
        .post("/context/build", &json!({ "prompt": "x", "project": "nobody" }))
        .refused(404, "project_unknown");
    // Control characters that a terminal leaves in a prompt are no reason to refuse it.
    let pack = build(&server, &json!({ "prompt": "\u{1b}[31mglacier\u{1b}[0m\r\n" }));
    assert_eq!(pack["chunks_used"], 1);
    for budget in [1, 5, 150, 1_000_000] {
        let pack = build(&server, &json!({ "prompt": "glacier", "budget": budget }));
        assert!(pack["total_chars"].as_u64().unwrap() <= budget, "{pack}");
    }
    let small = build(&server, &json!({ "prompt": "glacier", "budget": 5 }));
    assert!(small["notices"][0].as_str().unwrap().contains("too small"), "{small}");
}

#[test]
fn no_passage_of_another_project_comes_in_under_a_scope() {
    let server = server();
    server.installation.write("other/glacier.md", "# Glacier\n\nThe glacier of the others, the glacier.\n");
    server.add("other", "other");
    drop(server.refresh("other"));
    let projects = |scope: bool| -> Vec<Value> {
        let pack = build(&server, &json!({ "prompt": "glacier", "project": "field-notes", "scope": scope }));
        pack["chunks"].as_array().unwrap().iter().map(|chunk| chunk["project"].clone()).collect()
    };
    assert_eq!(projects(false).len(), 2);
    assert_eq!(projects(true), ["field-notes"]);
}

#[test]
fn a_command_prints_the_text_and_what_there_is_to_say_beside_it() {
    let place = Sandbox::with_notes();
    let ran = place.run(&[
        "context",
        "when",
        "are",
        "keys",
        "rotated",
        "--project",
        "Field Notes",
        "--budget",
        "900",
    ]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let pack = place.json(&["context", "when are keys rotated", "--project", "notes", "--budget", "900"]);
    assert_eq!(ran.stdout, pack["formatted_context"].as_str().unwrap());
    assert!(ran.stderr.contains("note: no trusted state is recorded for project notes"), "{ran:?}");
    assert!(ran.stderr.contains(&pack["hash"].as_str().unwrap()[..12]), "{ran:?}");
    for wrong in [
        &["context"][..],
        &["context", "x", "--budget", "0"],
        &["context", "x", "--budget", "-1"],
        &["context", "x", "--unit", "words"],
        &["context", "x", "--tier", "secrets"],
        &["context", "x", "--scope"],
        &["context", "diff", "a.json"],
    ] {
        assert_eq!(place.run(wrong).code, 64, "{wrong:?}");
    }
    let unknown = place.run(&["context", "x", "--unit", "tokens"]);
    assert_eq!(unknown.code, 1, "{unknown:?}");
    assert!(
        unknown.stderr.contains("counting tokens") && unknown.stderr.contains("model fetch"),
        "{unknown:?}"
    );
}

#[test]
fn two_packs_are_compared_from_files_and_from_what_a_server_remembers() {
    let place = Sandbox::with_notes();
    let keep = |name: &str, arguments: &[&str]| {
        let text = place.ok(&[&["--json", "context"], arguments].concat());
        drop(place.write(name, &text));
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let first = keep("a.json", &["keys", "--project", "notes"]);
    assert!(place.ok(&["context", "diff", "a.json", "a.json"]).starts_with("the same: "));
    let server = place.serve();
    let second = keep("b.json", &["vault", "--project", "notes", "--budget", "800"]);
    let from_files = place.json(&["context", "diff", "a.json", "b.json"]);
    assert_eq!((&from_files["same"], &from_files["asked"]), (&json!(false), &json!(["prompt", "budget"])));
    assert_eq!(from_files["a"]["hash"], first["hash"]);
    let ids = |items: &Value| -> Vec<String> {
        items.as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    };
    let (removed, added) = (ids(&from_files["removed"]), ids(&from_files["added"]));
    assert!(!removed.is_empty() && !added.is_empty(), "{from_files}");
    assert!(removed.iter().all(|id| ids(&first["items"]).contains(id)));
    assert!(added.iter().all(|id| ids(&second["items"]).contains(id)));
    let hash = second["hash"].as_str().unwrap();
    assert_eq!(place.json(&["context", "diff", "a.json", &hash[..10]]), from_files);
    let set = place.ok(&["context", "diff", "a.json", hash]);
    assert!(
        set.contains("asked with another prompt, budget") && set.contains("\n- ") && set.contains("\n+ "),
        "{set}"
    );
    drop(server);
    let gone = place.run(&["context", "diff", "a.json", hash]);
    assert_eq!((gone.code, gone.stdout.as_str()), (1, ""), "{gone:?}");
    for (a, b) in [("a.json", "nothing.json"), ("a.json", "notes/keys.md"), ("zzzzzz", "a.json")] {
        let ran = place.run(&["context", "diff", a, b]);
        assert_eq!(ran.code, 64, "{ran:?}");
    }
}

#[test]
fn a_pack_holds_every_passage_that_differs_in_a_name_a_number_or_a_not_and_counts_the_rest() {
    let place = Sandbox::new();
    let rest = "It is one of the machines in the cellar, runs the same system as all of them, is looked after by the same \
        people, is switched on at all times, has two power supplies and two disks, and is backed up every night to the \
        store in the next building, as the rules of the house want it. Its lid is closed with two screws.";
    for (name, address) in [("alder", 11), ("birch", 12), ("cedar", 13), ("elm", 14), ("hazel", 15)] {
        let text = format!("# Servers\n\nThe IP address of the server {name} is 10.0.0.{address}. {rest}\n");
        place.write(&format!("docs/{name}.md"), &text);
        place.write(&format!("docs/again/{name}.md"), &text);
    }
    let text = format!("# Servers\n\nThe IP address of the server elm is not 10.0.0.14. {rest}\n");
    place.write("docs/not-elm.md", text);
    place.ok(&["project", "add", "p", "--root", "docs"]);
    place.ok(&["refresh", "p", "--no-embed"]);
    let asked = ["context", "which IP addresses do the servers have", "--project", "p", "--budget", "6000"];
    let pack = place.json(&asked);
    let text = pack["formatted_context"].as_str().unwrap();
    for said in
        ["alder is 10.0.0.11", "birch is 10.0.0.12", "cedar is", "elm is 10.0.0.14", "elm is not", "hazel is"]
    {
        assert_eq!(text.matches(said).count(), 1, "{said}: {pack}");
    }
    let tiers = pack["tiers"].as_array().unwrap();
    let chunks = tiers.iter().find(|tier| tier["tier"] == "chunks").unwrap();
    assert_eq!((&chunks["items"], &chunks["left_out"]), (&json!(6), &json!(5)), "{pack}");
    let notices = pack["notices"].as_array().unwrap();
    assert!(notices.contains(&json!("5 passages say the same as another one")), "{pack}");
}
