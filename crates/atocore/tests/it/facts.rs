//! Facts: recorded under any name and read under every other, never lost, never counted before somebody said so, and
//! every change of them can be taken back.

use serde_json::{Value, json};

use crate::{program::Sandbox, server::Server};

fn with_project() -> Server {
    let server = Server::start();
    server.installation.write("notes/a.md", "# A\n\nA text.\n");
    server.add("field-notes", "notes");
    let aliases = r#"{"aliases":["Field Notes","FN"]}"#;
    assert_eq!(server.send("PUT", "/projects/field-notes", Some(aliases)).status, 200);
    server
}

fn state(project: &str, key: &str, value: &str) -> Value {
    json!({ "project": project, "category": "Decision", "key": key, "value": value })
}

fn memory(content: &str, status: &str) -> Value {
    json!({ "memory_type": "knowledge", "content": content, "status": status })
}

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap().to_owned()
}

#[test]
fn what_is_written_under_any_name_is_read_under_every_other() {
    let server = with_project();
    for (index, name) in ["field-notes", "Field Notes", "fn", " FIELD NOTES "].iter().enumerate() {
        let key = format!("key {index}");
        let entry = server.post("/project/state", &state(name, &key, "so")).json();
        assert_eq!(entry["project"], "field-notes");
        let told = json!({ "memory_type": "project", "content": format!("memory {index}"), "project": name });
        assert_eq!(server.post("/memory", &told).json()["project"], "field-notes");
        let asked = json!({ "prompt": format!("prompt {index}"), "project": name });
        assert_eq!(server.post("/interactions", &asked).json()["project"], "field-notes");
    }
    for name in ["field-notes", "Field%20Notes", "FN", "%20fn%20"] {
        let read = |path: String, list: &str| server.get(&path).json()[list].as_array().unwrap().len();
        assert_eq!(read(format!("/project/state/{name}"), "entries"), 4, "{name}");
        assert_eq!(read(format!("/memory?project={name}"), "memories"), 4, "{name}");
        assert_eq!(read(format!("/interactions?project={name}"), "interactions"), 4, "{name}");
        assert_eq!(read(format!("/facts/changes?project={name}"), "changes"), 12, "{name}");
    }
    let unknown = server.post("/project/state", &state("nobody", "k", "v"));
    unknown.refused(404, "project_unknown");
    server.get("/memory?project=nobody").refused(404, "project_unknown");
}

#[test]
fn state_is_replaced_and_every_value_stays_readable() {
    let server = with_project();
    let first = server.post("/project/state", &state("fn", "database", "SQLite")).json();
    let second = server.post("/project/state", &state("fn", "database", "SQLite, in WAL mode")).json();
    assert_eq!((&first["id"], &first["status"]), (&second["id"], &json!("active")));
    assert_eq!(second["category"], "decision");
    let listed = server.get("/project/state/fn?category=DECISION").json();
    assert_eq!(listed["entries"].as_array().unwrap().len(), 1);
    assert_eq!(listed["categories"], json!(["decision"]));
    assert_eq!(server.get("/project/state/fn?category=status").json()["entries"], json!([]));

    let gone = json!({ "project": "fn", "category": "decision", "key": "database" });
    assert_eq!(server.send("DELETE", "/project/state", Some(&gone.to_string())).json()["status"], "invalid");
    assert_eq!(server.get("/project/state/fn").json()["entries"], json!([]));
    let kept = server.get("/project/state/fn?all=true").json();
    assert_eq!(kept["entries"][0]["value"], "SQLite, in WAL mode");
    let never = json!({ "project": "fn", "category": "decision", "key": "language" });
    server.send("DELETE", "/project/state", Some(&never.to_string())).refused(404, "fact_unknown");

    let changes = server.get(&format!("/facts/changes?fact={}", id(&first))).json();
    let texts: Vec<_> = changes["changes"].as_array().unwrap().iter().map(|c| &c["after"]["text"]).collect();
    assert_eq!(texts, ["SQLite, in WAL mode", "SQLite, in WAL mode", "SQLite"]);
    assert_eq!(changes["changes"][0]["door"], "http");
}

#[test]
fn every_change_can_be_taken_back_and_brought_back() {
    let server = with_project();
    drop(server.post("/project/state", &state("fn", "database", "SQLite")));
    drop(server.post("/project/state", &state("fn", "database", "Postgres")));
    let number =
        |index: usize| server.get("/facts/changes").json()["changes"][index]["number"].as_u64().unwrap();
    let value = || server.get("/project/state/fn").json()["entries"][0]["value"].clone();
    let reverse = |number: u64| server.send("POST", &format!("/facts/changes/{number}/reverse"), None);
    let (last, first) = (number(0), number(1));
    let refused = reverse(first).refused(409, "change_overtaken");
    assert!(refused.detail.contains(&last.to_string()), "{refused:?}");
    let hint = refused.hint.clone().unwrap_or_default();
    assert!(hint.contains(&format!("`atocore fact undo {last}`")), "{refused:?}");
    let back = reverse(last).json();
    assert_eq!(
        (value(), &back["reverses"], &back["action"]),
        (json!("SQLite"), &json!(last), &json!("reverse"))
    );
    assert_eq!(reverse(back["number"].as_u64().unwrap()).status, 200);
    assert_eq!(value(), json!("Postgres"));
    reverse(999).refused(404, "change_unknown");
    reverse(u64::MAX).refused(404, "change_unknown");
    assert_eq!(server.send("POST", "/facts/changes/x/reverse", None).status, 400);

    // What was recorded for the first time no longer holds, and is not gone.
    let remembered = server.post("/memory", &memory("the moon is round", "active")).json();
    assert_eq!(reverse(number(0)).status, 200);
    assert_eq!(server.get(&format!("/memory/{}", id(&remembered))).json()["status"], "invalid");
    let asked = server.post("/interactions", &json!({ "prompt": "why" })).json();
    assert_eq!(reverse(number(0)).status, 200);
    server.get(&format!("/interactions/{}", id(&asked))).refused(404, "fact_unknown");
    assert_eq!(reverse(number(0)).status, 200);
    assert_eq!(server.get(&format!("/interactions/{}", id(&asked))).json()["prompt"], "why");
}

#[test]
fn a_candidate_waits_for_a_person_and_two_people_do_not_overrule_each_other() {
    let server = with_project();
    let proposed = server.post("/memory", &memory("likes short answers", "candidate")).json();
    assert_eq!(proposed["status"], "candidate");
    assert_eq!(server.get("/memory?active_only=true").json()["memories"], json!([]));
    assert_eq!(server.get("/memory?status=candidate").json()["memories"][0]["id"], proposed["id"]);
    let decide = |what: &str| server.send("POST", &format!("/memory/{}/{what}", id(&proposed)), None);
    assert_eq!(decide("promote").json()["status"], "active");
    // The same decision twice is one decision.
    let generation = decide("promote").json()["generation"].clone();
    assert_eq!(decide("promote").json()["generation"], generation);
    let refused = decide("reject").refused(409, "memory_conflict");
    assert!(refused.detail.contains("active"), "{refused:?}");
    let hint = refused.hint.clone().unwrap_or_default();
    assert!(hint.contains(&format!("atocore memory invalidate {}", id(&proposed))), "{refused:?}");

    let other = server.post("/memory", &memory("likes long answers", "candidate")).json();
    let path = format!("/memory/{}", id(&other));
    assert_eq!(server.send("POST", &format!("{path}/reject"), None).json()["status"], "invalid");
    let refused = server.send("POST", &format!("{path}/promote"), None).refused(409, "memory_conflict");
    assert!(refused.hint.clone().unwrap_or_default().contains("atocore fact undo"), "{refused:?}");
    let put = |body: &str| server.send("PUT", &format!("/memory/{}", id(&proposed)), Some(body));
    put(r#"{"status":"candidate"}"#).refused(409, "memory_conflict");
    put(&json!({ "superseded_by": proposed["id"] }).to_string()).refused(400, "invalid_request");
    let replaced = put(&json!({ "superseded_by": other["id"] }).to_string()).json();
    assert_eq!((&replaced["status"], &replaced["superseded_by"]), (&json!("superseded"), &other["id"]));
    let refused = decide("promote").refused(409, "memory_conflict");
    let hint = refused.hint.clone().unwrap_or_default();
    let command = format!("`atocore memory update {} --status active`", id(&proposed));
    assert!(hint.contains(&command), "{refused:?}");
    let back = put(r#"{"status":"active","content":"likes very short answers","confidence":0.5}"#).json();
    assert_eq!((&back["superseded_by"], &back["confidence"]), (&Value::Null, &json!(0.5)));
}

#[test]
fn what_is_recorded_twice_is_one_memory() {
    let server = with_project();
    let first = server.post("/memory", &memory("the sky is blue", "candidate")).json();
    let again = server.post("/memory", &memory("the sky is blue", "candidate")).json();
    assert_eq!((&first["id"], &again["status"]), (&again["id"], &json!("candidate")));
    // Recording it outright says yes to it.
    assert_eq!(server.post("/memory", &memory("the sky is blue", "active")).json()["id"], first["id"]);
    assert_eq!(server.get(&format!("/memory/{}", id(&first))).json()["status"], "active");
    let of_project = json!({ "memory_type": "knowledge", "content": "the sky is blue", "project": "fn" });
    assert_ne!(server.post("/memory", &of_project).json()["id"], first["id"]);
}

#[test]
fn lists_are_paged_and_times_are_compared_as_times() {
    let server = with_project();
    for number in 0..7 {
        let asked =
            json!({ "prompt": format!("p{number}"), "client": "codex", "session_id": "s", "response": "r" });
        assert_eq!(server.post("/interactions", &asked).status, 200);
    }
    let mut path = "/interactions?limit=3&client=codex&session_id=s".to_owned();
    let (mut prompts, mut pages) = (Vec::new(), 0);
    loop {
        let page = server.get(&path).json();
        pages += 1;
        prompts.extend(page["interactions"].as_array().unwrap().iter().map(|i| i["prompt"].clone()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/interactions?limit=3&client=codex&session_id=s&after={next}");
    }
    assert_eq!((prompts.len(), pages), (7, 3));
    assert_eq!((&prompts[0], &prompts[6]), (&json!("p6"), &json!("p0")));
    let count = |since: &str| server.get(&format!("/interactions?since={since}")).json()["count"].clone();
    assert_eq!(count("2020-01-01"), 7);
    assert_eq!(count("2020-01-01%2012:00:00"), 7);
    assert_eq!(count("2999-01-01T00:00:00%2B02:00"), 0);
    // An hour east of Greenwich this instant is later than its text looks.
    let first = server.get("/interactions").json()["interactions"][6]["created_at"].clone();
    let first = first.as_str().unwrap().replace("+00:00", "-14:00").replace('+', "%2B");
    assert_eq!(count(&first), 0);
}

#[test]
fn what_cannot_be_recorded_is_named_with_a_hint() {
    let server = with_project();
    let with = |mut value: Value, key: &str, to: Value| {
        value[key] = to;
        value
    };
    let entry = state("fn", "database", "SQLite");
    let told = memory("x", "active");
    let asked = json!({ "prompt": "why" });
    for (path, body, named) in [
        ("/project/state", with(entry.clone(), "category", json!("two words")), "`category`"),
        ("/project/state", with(entry.clone(), "key", json!("a\nb")), "`key`"),
        ("/project/state", with(entry.clone(), "value", json!("a\u{0}b")), "U+0000"),
        ("/project/state", with(entry.clone(), "value", json!(" \n")), "`value`"),
        ("/project/state", with(entry.clone(), "value", json!("x".repeat(20_001))), "20001"),
        ("/project/state", with(entry.clone(), "source", json!("\u{1b}[2J")), "`source`"),
        ("/project/state", with(entry.clone(), "confidence", json!(1.5)), "`confidence`"),
        ("/project/state", with(entry, "colour", json!("red")), "colour"),
        ("/memory", with(told.clone(), "memory_type", json!("Identity")), "`memory_type`"),
        ("/memory", with(told.clone(), "status", json!("superseded")), "`status`"),
        ("/memory", with(told.clone(), "status", json!("maybe")), "`status`"),
        ("/memory", with(told, "content", json!("\u{7}")), "U+0007"),
        ("/interactions", with(asked.clone(), "prompt", json!("  ")), "`prompt`"),
        ("/interactions", with(asked.clone(), "response", json!("a\u{0}")), "`response`"),
        ("/interactions", with(asked.clone(), "client", json!("x".repeat(201))), "`client`"),
        ("/interactions", with(asked.clone(), "chunks_used", json!(["a", "\n"])), "number 2"),
        ("/interactions", with(asked, "context_pack", json!([1])), "context_pack"),
    ] {
        let problem = server.post(path, &body).refused(400, "invalid_request");
        assert!(problem.detail.contains(named), "{path} {named}: {problem:?}");
        assert!(problem.hint.is_some(), "{problem:?}");
    }
    for (path, named) in [
        ("/interactions?since=yesterday", "`since`"),
        ("/interactions?since=2026-02-30", "`since`"),
        ("/interactions?limit=0", "`limit`"),
        ("/interactions?limit=501", "`limit`"),
        ("/interactions?after=mem_00", "`after`"),
        ("/memory?memory_type=fact", "`memory_type`"),
        ("/memory?min_confidence=2", "`confidence`"),
        ("/memory?min_confidence=NaN", "`confidence`"),
        ("/facts/changes?kind=rumour", "`kind`"),
        ("/facts/changes?fact=x", "`fact`"),
        ("/memory/..%2f..%2fetc", "`id`"),
    ] {
        let problem = server.get(path).refused(400, "invalid_request");
        assert!(problem.detail.contains(named), "{path}: {problem:?}");
    }
    server.get("/memory/mem_0123456789abcdef01234567").refused(404, "fact_unknown");
    server.get("/memory/mem_00").refused(404, "fact_unknown");
    // A terminal's colours are part of what a model answered.
    let coloured =
        json!({ "prompt": "why", "response": "\u{1b}[31mred\u{1b}[0m", "context_pack": {"a": [1]} });
    let kept = server.post("/interactions", &coloured).json();
    assert_eq!(
        (&kept["response"], &kept["context_pack"]),
        (&coloured["response"], &coloured["context_pack"])
    );
    assert_eq!(server.get("/facts/changes").json()["changes"].as_array().unwrap().len(), 1);
}

#[test]
fn a_restore_brings_facts_back_and_its_plan_names_those_that_would_be_lost() {
    let place = Sandbox::with_notes();
    let set = |value: &str| place.json(&["state", "set", "notes", "decision", "database", value]);
    drop(set("SQLite"));
    let remembered =
        place.json(&["memory", "add", "preference", "dates as ISO 8601", "--project", "FIELD notes"]);
    let stamp = place.snapshot();
    drop(set("Postgres"));
    drop(place.json(&["memory", "invalidate", &id(&remembered)]));
    drop(place.json(&["interaction", "record", "why", "because"]));

    let plan = place.json(&["backup", "restore", &stamp]);
    assert_eq!(plan["lost"]["fact_changes"], 3, "{plan}");
    let subjects: Vec<_> =
        plan["lost"]["facts"].as_array().unwrap().iter().map(|change| change["subject"].clone()).collect();
    assert_eq!(subjects, ["why", "dates as ISO 8601", "decision / database"]);
    assert_eq!((&plan["present"]["interactions"], &plan["restored"]["interactions"]), (&json!(1), &json!(0)));
    let told = place.ok(&["backup", "restore", &stamp]);
    assert!(told.contains("3 changes of facts among them"), "{told}");
    assert!(told.contains("decision / database"), "{told}");

    drop(place.json(&["backup", "restore", &stamp, "--yes"]));
    let state = place.json(&["state", "list", "notes"]);
    assert_eq!(state["entries"][0]["value"], "SQLite");
    assert_eq!(place.json(&["memory", "show", &id(&remembered)])["status"], "active");
    assert_eq!(place.json(&["interaction", "list"])["count"], 0);
    drop(place.json(&["backup", "undo", "--yes"]));
    assert_eq!(place.json(&["state", "list", "notes"])["entries"][0]["value"], "Postgres");
    assert_eq!(place.json(&["interaction", "list"])["count"], 1);
}

#[test]
fn a_person_reads_and_decides_at_the_command_line() {
    let place = Sandbox::with_notes();
    let said = place.ok(&["state", "set", "field notes", "Status", "phase", "beta", "--source", "the board"]);
    assert!(said.starts_with("notes: status / phase is recorded, generation "), "{said}");
    let listed = place.ok(&["state", "list", "notes"]);
    assert!(listed.contains("  phase: beta (") && listed.contains("the board"), "{listed}");
    let said = place.ok(&["memory", "add", "knowledge", "the mast is 12 m high", "--candidate"]);
    let id = said.split_whitespace().next().unwrap().to_owned();
    assert!(
        said.contains("is candidate") && said.contains(&format!("atocore memory promote {id}")),
        "{said}"
    );
    assert!(place.ok(&["memory", "promote", &id]).contains("is active"));
    let log = place.ok(&["fact", "log"]);
    let numbers: Vec<_> =
        log.lines().filter_map(|line| line.split_whitespace().next()?.parse::<u64>().ok()).collect();
    assert_eq!(numbers, [3, 2, 1], "{log}");
    assert!(place.ok(&["fact", "undo", "3"]).contains("`atocore fact undo 4` brings it back"));
    assert!(place.ok(&["memory", "list", "--status", "candidate"]).contains(&id));
    let overtaken = place.run(&["fact", "undo", "2"]);
    assert_eq!(overtaken.code, 1);
    assert!(overtaken.stderr.contains("takes the later change back first"), "{}", overtaken.stderr);
    assert!(place.ok(&["state", "invalidate", "notes", "status", "phase"]).contains("is invalidated"));
    assert!(place.ok(&["state", "list", "notes"]).contains("no entries of notes to show"));
}

#[test]
fn facts_are_the_same_in_every_interface() {
    let place = Sandbox::with_notes();
    drop(place.json(&["state", "set", "notes", "decision", "database", "SQLite", "--confidence", "0.5"]));
    drop(place.json(&["memory", "add", "identity", "writes Rust"]));
    drop(place.json(&[
        "interaction",
        "record",
        "why",
        "because",
        "--client",
        "me",
        "--project",
        "Field Notes",
    ]));
    let commands: [&[&str]; 4] = [
        &["state", "list", "field notes"],
        &["memory", "list", "--type", "identity"],
        &["interaction", "list", "--since", "2020-01-01", "--client", "me"],
        &["fact", "log", "--project", "notes", "--limit", "1"],
    ];
    let alone: Vec<Value> = commands.iter().map(|words| place.json(words)).collect();
    let server = place.serve();
    for (words, alone) in commands.iter().zip(alone) {
        assert_eq!(place.json(words), alone, "{words:?}");
    }
    assert_eq!(place.json(&["state", "set", "notes", "decision", "database", "both"])["value"], "both");
    assert_eq!(server.stop(), Some(0));
    assert_eq!(place.json(&["state", "list", "notes"])["entries"][0]["value"], "both");
}

#[test]
fn removing_a_project_leaves_its_facts() {
    let place = Sandbox::with_notes();
    drop(place.json(&["state", "set", "notes", "decision", "database", "SQLite"]));
    let plan = place.json(&["project", "remove", "notes"]);
    assert_eq!(plan["facts_kept"], 1, "{plan}");
    drop(place.json(&["project", "remove", "notes", "--yes"]));
    assert_eq!(place.run(&["state", "list", "notes"]).code, 1);
    place.ok(&["project", "add", "notes", "--root", "notes"]);
    assert_eq!(place.json(&["state", "list", "notes"])["entries"][0]["value"], "SQLite");
}

#[test]
fn no_memory_takes_its_own_place_in_whatever_way() {
    let server = with_project();
    let made: Vec<String> =
        ["a", "b", "c"].map(|text| id(&server.post("/memory", &memory(text, "active")).json())).into();
    let replace = |one: usize, other: usize| {
        let body = json!({ "superseded_by": made[other] }).to_string();
        server.send("PUT", &format!("/memory/{}", made[one]), Some(&body))
    };
    replace(0, 0).refused(400, "invalid_request");
    assert_eq!(replace(0, 1).status, 200);
    replace(1, 0).refused(400, "invalid_request");
    assert_eq!(replace(1, 2).status, 200);
    replace(2, 0).refused(400, "invalid_request");
    replace(2, 1).refused(400, "invalid_request");
    // Nor by taking back that one was brought back meanwhile.
    let back = server.send("PUT", &format!("/memory/{}", made[0]), Some(r#"{"status":"active"}"#));
    assert_eq!(back.status, 200);
    assert_eq!(replace(2, 0).status, 200, "a -> nothing, b -> c -> a");
    let changes = server.get(&format!("/facts/changes?fact={}", made[0])).json()["changes"].clone();
    let number = changes[0]["number"].clone();
    server.send("POST", &format!("/facts/changes/{number}/reverse"), None).refused(400, "invalid_request");
}
