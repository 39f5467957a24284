//! Reading documents: by every name, any lines, whatever became of the file.

use std::{fs, os::unix::fs::symlink};

use atocore_testkit::{
    installation::{Installation, set_modified},
    repository::Repository,
};
use serde_json::{Value, json};

use crate::{agent::Agent, program::Sandbox, server::Server};

const NOTE: &str = "---\ntitle: Restoring\ntags: [ops]\n---\n# Restoring\n\nFirst line.\r\n\tSecond line.\n\n\
    ## Afterwards\n\nThird line, the last one";

fn with_note() -> Server {
    let installation = Installation::default();
    installation.write("notes/a b/restore.md", NOTE);
    let server = Server::on(installation);
    server.add("field-notes", "notes");
    drop(server.refresh("field-notes"));
    server
}

fn hit(server: &Server, words: &str) -> Value {
    server.post("/query", &json!({ "query": words, "top_k": 1 })).json()["results"][0].clone()
}

#[test]
fn what_was_changed_last_is_listed_first_across_projects() {
    let place = Sandbox::new();
    for (second, path) in [(1, "a/old.md"), (3, "b/new.md"), (2, "a/middle.md")] {
        let file = place.write(path, format!("# {path}\n\nA note.\n"));
        set_modified(&file, 1_700_000_000 + second);
    }
    for project in ["a", "b"] {
        place.ok(&["project", "add", project, "--root", project]);
    }
    place.ok(&["refresh"]);
    let listed = |arguments: &[&str]| -> Vec<String> {
        let list = place.json(&[&["documents", "recent"], arguments].concat());
        let named =
            |one: &Value| format!("{}/{}", one["project"].as_str().unwrap(), one["path"].as_str().unwrap());
        list["documents"].as_array().unwrap().iter().map(named).collect()
    };
    assert_eq!(listed(&[]), ["b/new.md", "a/middle.md", "a/old.md"]);
    assert_eq!(listed(&["--limit", "1"]), ["b/new.md"]);
    assert_eq!(listed(&["--project", "A"]), ["a/middle.md", "a/old.md"]);
    assert_eq!(listed(&["--since", "2023-11-14T22:13:22Z"]), ["b/new.md", "a/middle.md"]);
    let first = &place.json(&["documents", "recent"])["documents"][0];
    assert_eq!((&first["title"], &first["state"]), (&json!("b/new.md"), &json!("current")));
    assert_eq!(first["changed"], "2023-11-14T22:13:23.500000+00:00");
    assert!(place.run(&["documents", "recent", "--since", "yesterday"]).stderr.contains("`since`"));
}

#[test]
fn documents_of_a_clone_have_the_dates_of_their_commits() {
    let place = Sandbox::new();
    let repository = Repository::new(place.path("notes"));
    repository.write("deep/old.md", "The pump is greased.");
    repository.commit("2019-03-01");
    repository.write("new.md", "The pump is oiled.");
    repository.write("own.md", "---\ndate: 2018-01-01\n---\nThe pump is blue.");
    repository.commit("2021-07-09");
    place.ok(&["project", "add", "notes", "--root", "notes"]);
    place.ok(&["refresh"]);
    let since = |day: &str| -> Vec<String> {
        let answer = place.json(&["query", "pump", "--mode", "lexical", "--since", day]);
        let hit = |hit: &Value| {
            format!("{} {:.10}", hit["source_file"].as_str().unwrap(), hit["date"].as_str().unwrap())
        };
        let mut hits: Vec<_> = answer["results"].as_array().unwrap().iter().map(hit).collect();
        hits.sort_unstable();
        hits
    };
    let all = ["deep/old.md 2019-03-01", "new.md 2021-07-09", "own.md 2018-01-01"];
    assert_eq!(since("2000-01-01"), all);
    assert_eq!(since("2020-01-01"), [all[1]]);
    // A commit by itself changes no file.
    repository.git_on("2022-02-02", &["commit", "-q", "--amend", "--reset-author", "-m", "the same again"]);
    place.ok(&["refresh"]);
    assert_eq!(since("2020-01-01"), ["new.md 2022-02-02"]);
}

#[test]
fn a_document_is_read_by_every_name_it_has() {
    let server = with_note();
    let hit = hit(&server, "second line");
    let (document, chunk) = (hit["document_id"].as_str().unwrap(), hit["chunk_id"].as_str().unwrap());
    let whole = server.get(&format!("/documents/{document}")).json();
    assert_eq!((&whole["content"], &whole["total_lines"]), (&json!(NOTE), &json!(12)));
    assert_eq!(
        (&whole["title"], &whole["tags"], &whole["read_from"]),
        (&json!("Restoring"), &json!(["ops"]), &json!("file"))
    );
    assert_eq!(
        (&whole["truncated"], &whole["next_line"], &whole["notices"]),
        (&json!(false), &Value::Null, &json!([]))
    );
    assert_eq!(server.get("/documents?project=Field-Notes&path=a%20b/restore.md").json(), whole);

    let passage = server.get(&format!("/documents/{chunk}")).json();
    assert_eq!((&passage["content"], &passage["lines"]), (&hit["content"], &hit["lines"]));
    let lines = server.get(&format!("/documents/{chunk}?lines=7-8")).json();
    assert_eq!(lines["content"], "First line.\r\n\tSecond line.");
    assert_eq!(lines["lines"], json!({ "first": 7, "last": 8 }));
    assert_eq!(
        server.get(&format!("/documents/{document}?lines=12-99")).json()["content"],
        "Third line, the last one"
    );
    let cut = server.get(&format!("/documents/{document}?lines=7-&max_chars=14")).json();
    assert_eq!(
        (&cut["content"], &cut["next_line"], &cut["truncated"]),
        (&json!("First line."), &json!(8), &json!(true))
    );
    let line = server.get(&format!("/documents/{document}?lines=12&max_chars=5")).json();
    assert_eq!(
        (&line["content"], &line["truncated"], &line["next_line"]),
        (&json!("Third"), &json!(true), &Value::Null)
    );
    assert!(line["notices"][0].as_str().unwrap().contains("line 12"), "{line}");
}

#[test]
fn what_a_document_says_of_itself_and_its_encoding_are_shown() {
    let place = Sandbox::new();
    place.write(
        "notes/k.md",
        b"---\ntitle: K: one\naliases: [k8s]\nauthor:\n  name: J\xfcrgen\n---\nzebra #ops/backup\n",
    );
    place.write("notes/Empty.md", "");
    place.ok(&["project", "add", "notes", "--root", "notes"]);
    let report = place.ok(&["refresh", "notes", "--no-embed"]);
    assert!(report.contains("line 2 of the front matter") && report.contains("windows-1252"), "{report}");
    let found = place.json(&["query", "zebra", "--tag", "#ops", "--mode", "lexical"]);
    assert_eq!(found["results"][0]["tags"], json!(["ops/backup"]));
    let whole = place.json(&["get", "k.md", "--project", "notes"]);
    assert_eq!(
        whole["front_matter"],
        json!({ "title": "K: one", "aliases": ["k8s"], "author.name": "Jürgen" })
    );
    assert_eq!((&whole["encoding"], &whole["total_lines"]), (&json!("windows-1252"), &json!(7)));
    assert!(whole["content"].as_str().unwrap().contains("name: Jürgen"), "{whole}");
    assert_eq!(whole["notices"].as_array().unwrap().len(), 2, "{whole}");
    let lines = place.json(&["get", "k.md", "--project", "notes", "--lines", "5-5"]);
    assert_eq!(lines["content"], "  name: Jürgen");

    let empty = place.json(&["query", "empty", "--mode", "lexical"]);
    let passage = empty["results"][0]["chunk_id"].as_str().unwrap();
    let text = place.json(&["get", passage]);
    assert_eq!((&text["content"], &text["lines"]), (&json!(""), &Value::Null));
}

#[test]
fn a_wrong_name_or_wrong_lines_are_refused() {
    let server = with_note();
    let id = hit(&server, "second line")["document_id"].as_str().unwrap().to_owned();
    for (path, status, code) in [
        ("/documents/doc_00".to_owned(), 404, "document_unknown"),
        ("/documents/chk_00".to_owned(), 404, "document_unknown"),
        ("/documents?project=field-notes&path=nothing.md".to_owned(), 404, "document_unknown"),
        ("/documents?project=nobody&path=a.md".to_owned(), 404, "project_unknown"),
        ("/documents/restore.md".to_owned(), 400, "invalid_request"),
        ("/documents".to_owned(), 400, "invalid_request"),
        ("/documents?project=field-notes".to_owned(), 400, "invalid_request"),
        ("/documents?project=field-notes&path=../../etc/passwd".to_owned(), 400, "invalid_request"),
        ("/documents?project=field-notes&path=/etc/passwd".to_owned(), 400, "invalid_request"),
        (format!("/documents/{id}?lines=0"), 400, "invalid_request"),
        (format!("/documents/{id}?lines=9-3"), 400, "invalid_request"),
        (format!("/documents/{id}?lines=13"), 400, "invalid_request"),
        (format!("/documents/{id}?max_chars=0"), 400, "invalid_request"),
        (format!("/documents/{id}?max_chars=200001"), 400, "invalid_request"),
        (format!("/documents/{id}?surprise=1"), 400, "invalid_request"),
    ] {
        server.get(&path).refused(status, code);
    }
}

#[test]
fn what_lies_at_its_path_today_is_not_read_when_it_is_something_else() {
    let server = with_note();
    let id = hit(&server, "second line")["document_id"].as_str().unwrap().to_owned();
    let file = server.installation.vault().join("notes/a b/restore.md");
    server.installation.write("secret.txt", "the secret of the harbour");
    let secret = server.installation.vault().join("secret.txt");
    let read = || server.get(&format!("/documents/{id}")).json();
    let from_passages = |what: &str| {
        let document = read();
        assert_eq!(document["read_from"], "passages", "{what}: {document}");
        let content = document["content"].as_str().unwrap();
        assert!(content.contains("Second line.") && !content.contains("secret"), "{what}: {document}");
        let lines: Vec<&str> = content.lines().collect();
        assert_eq!(
            (lines[6], lines[7], lines[11]),
            ("First line.", "\tSecond line.", "Third line, the last one"),
            "{what}"
        );
        assert!(
            document["notices"][0].as_str().unwrap().contains("atocore refresh field-notes"),
            "{document}"
        );
    };
    // The same size, so that only the bytes tell.
    server.installation.write("notes/a b/restore.md", NOTE.replace("Second", "Secret"));
    from_passages("changed");
    fs::remove_file(&file).unwrap();
    from_passages("gone");
    symlink(&secret, &file).unwrap();
    from_passages("a link");
    fs::remove_file(&file).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&file).status().unwrap();
    assert!(made.success());
    from_passages("a pipe");
    fs::remove_file(&file).unwrap();
    server.installation.write("notes/a b/restore.md", NOTE);
    assert_eq!((&read()["read_from"], &read()["content"]), (&json!("file"), &json!(NOTE)));
}

#[test]
fn two_documents_at_one_path_are_told_apart_by_their_ids() {
    let installation = Installation::default();
    installation.write("one/readme.md", "# One\n\nlantern\n");
    installation.write("two/readme.md", "# Two\n\nharbour\n");
    let server = Server::on(installation);
    let root = |subpath: &str| json!({ "source": "vault", "subpath": subpath });
    let added =
        server.post("/projects", &json!({ "id": "both", "ingest_roots": [root("one"), root("two")] }));
    assert_eq!(added.status, 201);
    drop(server.refresh("both"));
    let refused = server.get("/documents?project=both&path=readme.md").refused(400, "invalid_request");
    for words in ["lantern", "harbour"] {
        let id = hit(&server, words)["document_id"].as_str().unwrap().to_owned();
        assert!(refused.detail.contains(&id), "{refused:?}");
        assert!(server.get(&format!("/documents/{id}")).json()["content"].as_str().unwrap().contains(words));
    }
}

#[test]
fn the_command_prints_lines_with_their_numbers() {
    let place = Sandbox::with_notes();
    let printed = place.ok(&["get", "keys.md", "--project", "FIELD notes", "--lines", "4-"]);
    assert!(printed.contains("     4  # Keys\n"), "{printed}");
    assert!(printed.contains("     6  Keys are rotated every spring.\n"), "{printed}");
    let json = place.json(&["get", "keys.md", "--project", "notes", "--lines", "6"]);
    assert_eq!(json["content"], "Keys are rotated every spring.");
    let id = json["document_id"].as_str().unwrap();
    let server = place.serve();
    assert_eq!(place.json(&["get", id, "--lines", "6"])["content"], json["content"]);
    drop(server);
    assert_eq!(place.run(&["get", "keys.md"]).code, 64);
    let refused = place.run(&["get", "nothing.md", "--project", "notes"]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("document nothing.md of notes not found"), "{refused:?}");
}

#[test]
fn the_documents_of_a_project_are_listed_by_path_and_say_whether_they_are_as_they_were_read() {
    let place = Sandbox::new();
    for name in ["c.md", "b/two.md", "a.md"] {
        place.write(&format!("notes/{name}"), format!("---\ndate: 2026-04-06\n---\n# On {name}\n\nWords.\n"));
    }
    place.write("other/z.md", "# Other\n\nWords.\n");
    for project in ["notes", "other"] {
        place.ok(&["project", "add", project, "--root", project]);
        place.ok(&["refresh", project]);
    }
    place.write("notes/b/two.md", "# Another text\n");
    fs::remove_file(place.path("notes/c.md")).unwrap();
    let first = place.json(&["documents", "list", "notes", "--limit", "2"]);
    let told = |list: &Value| -> Vec<(String, String)> {
        let text = |document: &Value, key: &str| document[key].as_str().unwrap().to_owned();
        let documents = list["documents"].as_array().unwrap().iter();
        documents.map(|document| (text(document, "path"), text(document, "state"))).collect()
    };
    let state = |path: &str, state: &str| (path.to_owned(), state.to_owned());
    assert_eq!(told(&first), [state("a.md", "current"), state("b/two.md", "changed")]);
    assert_eq!(first["documents"][0]["title"], "On a.md");
    assert_eq!(first["documents"][0]["date"], "2026-04-06T00:00:00.000000+00:00");
    let next = first["next"].as_str().unwrap();
    let rest = place.json(&["documents", "list", "notes", "--limit", "2", "--after", next]);
    assert_eq!((told(&rest), &rest["next"]), (vec![state("c.md", "gone")], &Value::Null));
    let printed = place.ok(&["documents", "list", "notes"]);
    assert!(printed.starts_with("ID ") && printed.contains("On a.md"), "{printed}");
    let mut agent = Agent::greeted(&place);
    let answer = agent.call("atocore_documents", &json!({ "project": "NOTES", "limit": "2" }));
    assert_eq!(answer["structuredContent"], first);
    assert!(answer["content"][0]["text"].as_str().unwrap().contains("b/two.md · On b/two.md"), "{answer}");
    let unknown = agent.call("atocore_documents", &json!({ "project": "nobody" }));
    assert_eq!(unknown["isError"], true, "{unknown}");
}

#[test]
fn documents_are_listed_by_name_format_tag_date_and_state() {
    let place = Sandbox::new();
    place.write("notes/Pumpen/Übersicht.md", "---\ntags: [plant/wet]\n---\n# Overview\n");
    place.write("notes/pump.rs", "fn pump() {}\n");
    place.write("notes/old.md", "---\ndate: 2021-05-06\n---\n# Old pump\n");
    place.write("notes/other.txt", "Nothing.\n");
    place.ok(&["project", "add", "notes", "--root", "notes"]);
    place.ok(&["refresh", "notes"]);
    fs::remove_file(place.path("notes/old.md")).unwrap();
    let listed = |filter: &[&str]| {
        let page = place.json(&[&["documents", "list", "notes"], filter].concat());
        let paths = page["documents"].as_array().unwrap().iter().map(|document| document["path"].clone());
        (paths.collect::<Vec<_>>(), page["next"].clone())
    };
    for (filter, paths) in [
        (&["--matching", "PUMP"][..], &["Pumpen/Übersicht.md", "old.md", "pump.rs"][..]),
        (&["--matching", "ubersicht"], &["Pumpen/Übersicht.md"]),
        (&["--format", "code"], &["pump.rs"]),
        (&["--tag", "Plant"], &["Pumpen/Übersicht.md"]),
        (&["--tag", "wet"], &[]),
        (&["--state", "gone"], &["old.md"]),
        (&["--until", "2021-05-07"], &["old.md"]),
        (&["--since", "2021-05-06", "--until", "2021-05-06T00:00:01Z"], &["old.md"]),
        (&["--until", "2021-05-06"], &[]),
        (&["--since", "2021-05-07", "--matching", "pump", "--format", "code"], &["pump.rs"]),
        (&["--state", "current", "--matching", "pump", "--format", "markdown"], &["Pumpen/Übersicht.md"]),
    ] {
        assert_eq!(
            listed(filter),
            (paths.iter().map(|path| json!(path)).collect(), Value::Null),
            "{filter:?}"
        );
    }
    let (first, next) = listed(&["--matching", "pump", "--limit", "2"]);
    assert_eq!(first.len(), 2);
    let (rest, none) = listed(&["--matching", "pump", "--limit", "2", "--after", next.as_str().unwrap()]);
    assert_eq!((rest, none), (vec![json!("pump.rs")], Value::Null));
    let entry = &place.json(&["documents", "list", "notes", "--format", "code"])["documents"][0];
    assert_eq!(
        (&entry["size_bytes"], &entry["chunks"], &entry["format"]),
        (&json!(13), &json!(1), &json!("code"))
    );
    for (wrong, said) in [
        ("--format", "markdown"),
        ("--state", "`gone`"),
        ("--tag", "as a list of documents shows it"),
        ("--until", "`until`"),
    ] {
        let ran = place.run(&["documents", "list", "notes", wrong, "#"]);
        assert!(ran.code == 64 && ran.stderr.contains(said), "{ran:?}");
    }
}

#[test]
fn an_agent_gets_a_long_list_in_pages_that_have_each_document_once() {
    let place = Sandbox::new();
    for number in 0..230 {
        place.write(&format!("notes/{number:03}.md"), format!("# Note {number}\n"));
    }
    place.ok(&["project", "add", "notes", "--root", "notes"]);
    place.ok(&["refresh", "notes"]);
    let mut agent = Agent::greeted(&place);
    let (mut pages, mut paths, mut after) = (0, Vec::new(), Value::Null);
    loop {
        let arguments = json!({ "project": "notes", "limit": 500, "after": after });
        let page = agent.call("atocore_documents", &arguments)["structuredContent"].clone();
        let documents = page["documents"].as_array().unwrap();
        paths.extend(documents.iter().map(|document| document["path"].as_str().unwrap().to_owned()));
        pages += 1;
        after = page["next"].clone();
        if after.is_null() {
            break;
        }
    }
    let all: Vec<String> = (0..230).map(|number| format!("{number:03}.md")).collect();
    assert_eq!((pages, paths), (3, all));
    assert_eq!(
        place.json(&["documents", "list", "notes", "--limit", "500"])["documents"].as_array().unwrap().len(),
        230
    );
}
