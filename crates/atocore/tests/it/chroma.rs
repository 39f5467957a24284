//! The real program with the vectors on a real Chroma server.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Stdio, thread, time::Duration};

use atocore_testkit::chroma::{self, FakeServer, Reply, Server};

use crate::program::{PROGRAM, Sandbox, ran};

/// How long to sleep until something is looked at again that comes by itself.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// The place of a note that is found by meaning, with its vectors on the server at `url`.
fn place(url: &str) -> Sandbox {
    let place = Sandbox::new().with_model();
    place.write("home/atocore.toml", format!("vector_store = \"chroma\"\nchroma_url = \"{url}\"\n"));
    place.write("notes/car.md", "# Garage\n\nThe automobile would not start because its battery was flat.\n");
    place.ok(&["project", "add", "notes", "--root", "notes"]);
    place
}

#[test]
fn commands_use_the_server_and_go_on_without_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path());
    let place = place(&server.url());
    place.ok(&["refresh", "notes"]);
    let found = place.json(&["query", "my car is broken down", "--mode", "dense"]);
    assert_eq!(found["results"][0]["source_file"], "car.md", "{found}");
    assert_eq!(place.json(&["status"])["embedding"]["indexed"], 1);

    server.kill();
    place.write("notes/boat.md", "# Harbour\n\nThe dinghy leaks and has to be caulked.\n");
    let refreshed = place.run(&["refresh", "notes"]);
    assert_eq!(refreshed.code, 0, "{refreshed:?}");
    assert!(refreshed.stderr.contains("vectors are unavailable since"), "{refreshed:?}");
    let answered = place.run(&["query", "dinghy"]);
    assert_eq!(answered.code, 0, "{answered:?}");
    assert!(answered.stdout.contains("boat.md"), "{answered:?}");
    let said = format!("{}{}", answered.stdout, answered.stderr);
    assert!(said.contains("vectors unavailable since") && said.contains(&server.url()), "{said}");
    let refused = place.run(&["--json", "query", "a vessel", "--mode", "dense"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    let said = format!("{}{}", refused.stdout, refused.stderr);
    assert!(said.contains("vectors_unavailable"), "{said}");
    let doctor = place.run(&["doctor"]);
    assert!(doctor.stdout.contains("does not answer"), "{doctor:?}");

    server.restart();
    assert_eq!(place.json(&["embed"])["embedded"], 0);
    let found = place.json(&["query", "a vessel that lets water in", "--mode", "dense"]);
    assert_eq!(found["results"][0]["source_file"], "boat.md", "{found}");
}

#[test]
fn the_index_is_verified_and_rebuilt_by_a_command_and_through_a_server() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let place = place(&server.url());
    place.ok(&["refresh", "notes"]);
    let same = serde_json::json!({"same": true, "vectors": 1, "missing": 0, "wrong": 0, "extra": 0});
    assert_eq!(place.json(&["index", "verify"]), same);
    server.spoil_a_record("atocore");
    let found = place.run(&["index", "verify"]);
    assert_eq!(found.code, 2, "{found:?}");
    assert!(found.stdout.contains("has 1 otherwise") && found.stdout.contains("index rebuild"), "{found:?}");
    let running = place.serve();
    assert_eq!(place.run(&["--json", "index", "verify"]).code, 2);
    assert_eq!(place.json(&["index", "rebuild"]), serde_json::json!({"vectors": 1}));
    assert_eq!(place.json(&["index", "verify"]), same);
    assert_eq!(running.stop(), Some(0));
}

#[test]
fn a_running_server_catches_up_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path());
    server.kill();
    let place = place(&server.url());
    let running = place.serve();
    place.ok(&["refresh", "notes"]);
    server.restart();
    while place.run(&["query", "my car is broken down", "--mode", "dense"]).code != 0
        || place.json(&["status"])["embedding"]["indexed"] != 1
    {
        thread::sleep(LOOK_AGAIN);
    }
    assert_eq!(running.stop(), Some(0));
}

#[test]
fn a_slow_server_holds_a_question_up_no_longer_than_the_limit_and_the_next_one_not_at_all() {
    let slow = FakeServer::always(Reply::Silence(Duration::from_secs(600)));
    let place = place(&slow.url()).variable("ATOCORE_CHROMA_TIMEOUT_MS", "300");
    let refreshed = place.run(&["refresh", "notes"]);
    assert_eq!(refreshed.code, 0, "{refreshed:?}");
    let answered = place.run(&["query", "automobile"]);
    assert!(answered.stdout.contains("car.md"), "{answered:?}");
    assert!(format!("{}{}", answered.stdout, answered.stderr).contains("within 300 ms"), "{answered:?}");
}

#[test]
fn settings_of_the_server_are_checked_and_its_token_is_never_shown() {
    let place = Sandbox::new().variable("ATOCORE_CHROMA_TOKEN", "very-secret-token");
    let shown = place.ok(&["config", "show"]);
    assert!(shown.contains("ATOCORE_CHROMA_TOKEN") && !shown.contains("very-secret"), "{shown}");
    let bad = [
        ("ATOCORE_VECTOR_STORE", "faiss"),
        ("ATOCORE_CHROMA_URL", "http://chroma/api"),
        ("ATOCORE_CHROMA_TENANT", "../admin"),
        ("ATOCORE_CHROMA_COLLECTION", "ab"),
        ("ATOCORE_CHROMA_CA_FILE", "/nowhere/ca.pem"),
        ("ATOCORE_CHROMA_TIMEOUT_MS", "0"),
    ];
    let refused = place.run_with(&bad, &["status"]);
    assert_eq!(refused.code, 64, "{refused:?}");
    for (name, value) in bad {
        assert!(refused.stderr.contains(name) && refused.stderr.contains(value), "{name}: {refused:?}");
    }
    let plain =
        [("ATOCORE_VECTOR_STORE", "chroma"), ("ATOCORE_CHROMA_URL", "http://chroma.example.org:8000")];
    let refused = place.run_with(&plain, &["status"]);
    assert_eq!(refused.code, 64, "{refused:?}");
    assert!(refused.stderr.contains("https://") && !refused.stderr.contains("very-secret"), "{refused:?}");
}

/// A snapshot with the vector store: its stamp and metadata.
fn with_vectors(place: &Sandbox) -> (String, serde_json::Value) {
    let metadata = place.json(&["backup", "create", "--include-chroma"]);
    let stamp = metadata["backup_root"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    (stamp, metadata)
}

fn proven(place: &Sandbox, stamp: &str) {
    let validation = place.json(&["backup", "validate", stamp, "--depth", "answers"]);
    assert_eq!((&validation["valid"], &validation["errors"]), (&true.into(), &serde_json::json!([])));
}

/// As in a container, where the folder of the server is mounted from outside.
#[test]
fn the_folder_of_a_server_may_be_anywhere_and_a_mount_point() {
    let elsewhere = tempfile::tempdir().unwrap();
    let mut server = Server::start(elsewhere.path());
    let place = place(&server.url())
        .variable("ATOCORE_CHROMA_DATA_DIR", &elsewhere.path().display().to_string())
        .variable("ATOCORE_CHROMA_PROGRAM", &chroma::program().display().to_string());
    place.ok(&["refresh", "notes"]);
    let (stamp, metadata) = with_vectors(&place);
    let held = &metadata["atocore"]["collection"];
    assert_eq!((&held["form"], &held["records"]), (&"directory".into(), &1.into()), "{metadata}");
    proven(&place, &stamp);
    let id = server.collection_id("atocore");
    place.write("notes/boat.md", "# Harbour\n\nThe dinghy leaks and has to be caulked.\n");
    place.ok(&["refresh", "notes"]);
    let refused = place.run(&["backup", "restore", &stamp, "--yes"]);
    assert!(refused.code == 1 && refused.stderr.contains("stop the Chroma server"), "{refused:?}");
    assert_eq!(place.json(&["status"])["embedding"]["indexed"], 2, "nothing was changed");

    server.kill();
    let folder = elsewhere.path().display();
    let script =
        format!("mount --bind {folder} {folder} && {PROGRAM} --data-dir home backup restore {stamp} --yes");
    let ran = ran(place.bare("unshare").args(["--user", "--map-root-user", "--mount", "sh", "-c", &script]));
    assert_eq!(ran.code, 0, "{ran:?}");
    server.restart();
    assert_eq!(place.json(&["index", "verify"])["vectors"], 1);
    assert_eq!(server.collection_id("atocore"), id, "nothing had to be built anew");
    assert_eq!(place.json(&["query", "a vessel", "--mode", "dense"])["results"][0]["source_file"], "car.md");
}

#[test]
fn an_export_is_loaded_into_another_server_as_the_document_says() {
    let elsewhere = tempfile::tempdir().unwrap();
    let mut server = Server::start(elsewhere.path());
    let place = place(&server.url());
    place.ok(&["refresh", "notes"]);
    let (stamp, metadata) = with_vectors(&place);
    assert_eq!(metadata["atocore"]["collection"]["form"], "export", "{metadata}");
    proven(&place, &stamp);
    // The collection is lost with its server; somebody loads the export into another one.
    server.kill();
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let document = fs::read_to_string(top.join("docs/backup-format.md")).unwrap();
    let script = document.split("```python\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    place.write("load.py", script);
    let other = tempfile::tempdir().unwrap();
    let other = Server::start(other.path());
    let folder = format!("home/backups/snapshots/{stamp}/chroma");
    let loaded = ran(place.bare("python3").args(["load.py", &folder, &other.url()]));
    assert_eq!(loaded.code, 0, "{loaded:?}");
    let id = other.collection_id("atocore");
    let place = place.variable("ATOCORE_CHROMA_URL", &other.url());
    let same = serde_json::json!({"same": true, "vectors": 1, "missing": 0, "wrong": 0, "extra": 0});
    assert_eq!(place.json(&["index", "verify"]), same);
    assert_eq!(other.collection_id("atocore"), id, "AtoCore takes it for its own");
}

#[test]
fn a_snapshot_says_what_became_of_the_vectors_on_a_server() {
    let place = place("http://127.0.0.1:9");
    place.ok(&["refresh", "notes"]);
    let (stamp, metadata) = with_vectors(&place);
    assert_eq!(metadata["chroma_snapshot_included"], false);
    let note = metadata["vector_store_note"].as_str().unwrap();
    assert!(note.contains("http://127.0.0.1:9 does not answer"), "{note}");
    proven(&place, &stamp);
}

#[test]
fn a_server_that_proves_a_snapshot_ends_with_the_program_that_started_it() {
    let place = Sandbox::new().with_model();
    let mut server = Server::start(&place.path("home/data/chroma"));
    // A program that starts another one.
    let wrapped = place.write("wrapped", format!("#!/bin/sh\n\"{}\" \"$@\"\n", chroma::program().display()));
    fs::set_permissions(&wrapped, fs::Permissions::from_mode(0o755)).unwrap();
    let place = place
        .variable("ATOCORE_VECTOR_STORE", "chroma")
        .variable("ATOCORE_CHROMA_URL", &server.url())
        .variable("ATOCORE_CHROMA_PROGRAM", &wrapped.display().to_string());
    place.write("notes/car.md", "# Garage\n\nThe automobile would not start.\n");
    place.ok(&["project", "add", "notes", "--root", "notes"]);
    place.ok(&["refresh", "notes"]);
    let (stamp, _) = with_vectors(&place);
    server.kill();
    let scratch = place.path("home/data/tmp").display().to_string();
    let is_running = |name: &str| {
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let mut lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
        lines.any(|line| {
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            line.contains(name) && line.contains(" run --host 127.0.0.1") && line.contains(&scratch)
        })
    };
    let mut validating = place.command(&["backup", "validate", &stamp, "--depth", "restore"]);
    let mut validating = validating.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while !is_running("python") {
        assert_eq!(validating.try_wait().unwrap(), None, "it ended before a server was seen");
        thread::sleep(Duration::from_millis(1));
    }
    validating.kill().unwrap();
    let _status = validating.wait().unwrap();
    while is_running("") {
        thread::sleep(LOOK_AGAIN);
    }
    // What it left is cleared away, and the proof can be made.
    proven(&place, &stamp);
    assert!(!is_running(""));
    assert_eq!(fs::read_dir(&scratch).map_or(0, Iterator::count), 0);
}
