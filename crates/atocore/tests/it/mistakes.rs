//! Mistakes a person can make: each is named with a hint, ends with the right code, and loses nothing.

use serde_json::Value;

use crate::{
    parity::http,
    program::{Ran, Sandbox, contents},
};

/// Insists on how a refusal looks: nothing on standard output, one sentence that has `named` in it, one hint with
/// `cure`.
fn refused(ran: &Ran, code: i32, named: &str, expected_hint: &str) {
    assert_eq!(ran.code, code, "{ran:?}");
    assert_eq!(ran.stdout, "", "{ran:?}");
    let mut lines = ran.stderr.lines();
    let sentence = lines.next().unwrap_or_default();
    assert!(sentence.starts_with("error: ") && ran.stderr.contains(named), "`{named}` is missing in {ran:?}");
    let hint = lines.find(|line| line.starts_with("  hint: ")).unwrap_or_default();
    assert!(hint.contains(expected_hint), "`{expected_hint}` is missing in the hint of {ran:?}");
}

#[test]
fn mistakes_are_named_with_a_hint_and_change_nothing() {
    let place = Sandbox::with_notes();
    place.write("other/a.md", "# A\n");
    place.write("file.txt", "a file");
    let stamp = place.snapshot();
    let before = place.state();
    let huge = "x ".repeat(5_001);
    let cases: &[(&[&str], i32, &str, &str)] = &[
        (&["query", "keys", "--project", "nobody"], 1, "`nobody`", "atocore project list"),
        (&["refresh", "--allow-empty"], 64, "no project is named", "--all"),
        (&["query", "keys", "--path", "["], 64, "`[`", "`docs/**`"),
        (&["get", "nothing.md", "--project", "notes"], 1, "nothing.md", "atocore refresh notes"),
        (&["refresh", "nobody"], 1, "`nobody`", "atocore project list"),
        (&["refresh", "nots"], 1, "`nots`", "did you mean `notes`?"),
        (
            &["query", "keys", "--project", "feld notes", "--scope"],
            1,
            "`feld notes`",
            "did you mean `Field Notes`?",
        ),
        (&["project", "show", "nobody"], 1, "`nobody`", "atocore project list"),
        (&["project", "update", "nobody", "--description", "x"], 1, "`nobody`", "atocore project list"),
        (&["project", "remove", "nobody"], 1, "`nobody`", "atocore project list"),
        (&["project", "remove", "nobody", "--yes"], 1, "`nobody`", "atocore project list"),
        (&["project", "show", ""], 64, "`project`", "atocore project list"),
        (&["project", "add", "notes", "--root", "other"], 1, "`notes`", "atocore project update"),
        (
            &["project", "add", "other", "--root", "other", "--alias", "field NOTES"],
            1,
            "`field notes`",
            "project list",
        ),
        (&["project", "add", "other", "--root", "other", "--alias", "Notes"], 1, "`notes`", "project list"),
        (&["project", "add", "other", "--root", "other", "--alias", "a/b"], 64, "`aliases[0]`", "alias"),
        (&["project", "add", "field-notes", "--root", "notes"], 1, "notes", "project list"),
        (&["project", "add", "Not Kebab", "--root", "other"], 64, "`Not Kebab`", "lower-case"),
        (&["project", "add", "other"], 64, "`other`", "folder"),
        (&["project", "add", "other", "--root", "missing"], 64, "`missing`", "existing folder"),
        (&["project", "add", "other", "--root", "file.txt"], 64, "file.txt", "existing folder"),
        (&["project", "add", "other", "--root", ""], 64, "empty", "existing folder"),
        (&["project", "add", "other", "--root", "vault:../x"], 64, "`../x`", "without `..`"),
        (&["query", ""], 64, "`query`", "say in some words"),
        (&["query", " \t\n "], 64, "`query`", "say in some words"),
        (&["query", &huge], 64, "10002 characters", "say in some words"),
        (&["query", "keys", "--top-k", "0"], 64, "`top_k`", "1 to 200"),
        (&["query", "keys", "--top-k", "201"], 64, "`top_k`", "1 to 200"),
        (&["query", "keys", "--top-k", "18446744073709551615"], 64, "`top_k`", "1 to 200"),
        (&["query", "keys", "--scope"], 64, "`project`", "name the project"),
        (&["query", "keys", "--tag", ""], 64, "`filter_tags[0]`", "tag"),
        (&["backup", "validate", "20260230T000000Z"], 64, "20260230T000000Z", "backup list"),
        (&["backup", "validate", &stamp, "--depth", "deep"], 64, "`deep`", "`content`"),
        (&["backup", "restore", "20200101T000000Z", "--to", "r"], 1, "20200101T000000Z", "backup list"),
        (&["backup", "restore", &stamp, "--to", "notes"], 1, "notes", "empty"),
        (&["backup", "restore", &stamp, "--to", "file.txt"], 1, "file.txt", "empty"),
    ];
    let notes = contents(&place.path("notes"));
    for (arguments, code, named, expected_hint) in cases {
        println!("{arguments:?}");
        refused(&place.run(arguments), *code, named, expected_hint);
    }
    assert_eq!(place.state(), before);
    assert_eq!(contents(&place.path("notes")), notes);
    assert_eq!(place.read("file.txt"), "a file");
    assert!(!place.path("r").exists());
}

#[test]
fn a_stamp_that_is_a_path_is_refused_before_anything_is_looked_at() {
    let place = Sandbox::with_notes();
    place.write("x/backup-metadata.json", "{}");
    let long = "2".repeat(5_000);
    for stamp in [
        "../../x",
        "..",
        ".",
        "",
        "/etc",
        "%2e%2e%2fx",
        "..%2Fx",
        "%252e%252e%252fx",
        "..\\..\\x",
        "20260406T184219Z/../../x",
        "20260406T184219Z\n",
        " 20260406T184219Z",
        "20260406t184219z",
        "２０２６0406T184219Z",
        long.as_str(),
    ] {
        for arguments in [&["backup", "validate", stamp][..], &["backup", "restore", stamp, "--to", "r"]] {
            let ran = place.run(arguments);
            refused(&ran, 64, "not a snapshot stamp", "atocore backup list");
            assert!(ran.stderr.len() < 600, "a message stays short: {ran:?}");
        }
    }
    assert!(!place.path("r").exists());
}

#[test]
fn an_unknown_snapshot_is_a_result_and_a_failure() {
    let place = Sandbox::with_notes();
    let ran = place.run(&["backup", "validate", "20200101T000000Z"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stdout.contains("does not exist") && ran.stdout.contains("atocore backup list"), "{ran:?}");
    let ran = place.run(&["--json", "backup", "validate", "20200101T000000Z"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let result: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&result["exists"], &result["valid"]), (&false.into(), &false.into()));
    assert_eq!(result["errors"][0], "snapshot_directory_missing");
}

#[test]
fn a_damaged_snapshot_fails_validation_and_cannot_be_restored() {
    let place = Sandbox::with_notes();
    let stamp = place.snapshot();
    let copy = format!("home/backups/snapshots/{stamp}/config/project-registry.json");
    let changed = place.read(&copy).replace("Field Notes", "Field Nodes");
    place.write(&copy, changed);
    let ran = place.run(&["backup", "validate", &stamp, "--depth", "digests"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stdout.contains("NOT valid") && ran.stdout.contains("project-registry.json"), "{ran:?}");
    let ran = place.run(&["backup", "restore", &stamp, "--to", "r"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains(&stamp) && ran.stderr.contains("hint: "), "{ran:?}");
    assert!(!place.path("r").exists());
}

#[test]
fn a_registry_that_is_not_one_is_refused_whole_and_left_as_it_is() {
    let place = Sandbox::with_notes();
    let file = "home/config/project-registry.json";
    let good = place.read(file);
    for (text, named) in [
        ("{\"projects\": [", "line 1"),
        ("[]", "projects"),
        ("{\"projects\": {}}", "projects"),
        ("{\"projects\": [{\"id\": \"A B\", \"ingest_roots\": []}]}", "`A B`"),
        ("\u{feff}not json", "line 1"),
    ] {
        place.write(file, text);
        for arguments in
            [&["project", "list"][..], &["refresh", "notes"], &["query", "keys", "--project", "notes"]]
        {
            let ran = place.run(arguments);
            refused(&ran, 1, "project-registry.json", "by hand");
            assert!(ran.stderr.contains(named), "`{named}` is missing in {ran:?}");
        }
        let added = place.run(&["project", "add", "other", "--root", "notes/archive"]);
        assert_eq!(added.code, 1, "{added:?}");
        assert_eq!(place.read(file), text, "a file that is not understood is not written");
        assert_eq!(place.run(&["doctor"]).code, 2);
    }
    place.write(file, good);
    place.ok(&["query", "keys", "--project", "field notes"]);
}

/// A registry that has no project is not taken for a new installation as long as the store has documents.
#[test]
fn a_missing_registry_is_reported_with_the_way_back() {
    let file = "home/config/project-registry.json";
    for text in [None, Some("{\"projects\": []}\n")] {
        let place = Sandbox::with_notes();
        let stamp = place.snapshot();
        std::fs::remove_file(place.path(file)).unwrap();
        if let Some(text) = text {
            place.write(file, text);
        }
        let copy = place.path(&format!("home/backups/snapshots/{stamp}/config/project-registry.json"));
        let named = "and the store has documents of notes";
        // A snapshot is possible, and is no copy of the registry to be advised.
        let taken = place.run(&["backup", "create"]);
        assert!(taken.code == 0 && taken.stderr.contains(named), "{taken:?}");
        assert_eq!(text.is_none(), taken.stdout.contains("although there are documents"), "{taken:?}");
        for command in [&["status"][..], &["doctor"], &["project", "list"], &["refresh", "--all"]] {
            let ran = place.run(command);
            let told = format!("{}{}", ran.stdout, ran.stderr);
            assert_eq!((ran.code, told.matches(named).count()), (2, 1), "{ran:?}");
            assert!(told.contains("`atocore backup restore STAMP` restores one"), "{ran:?}");
            assert!(told.replace(['\n', ' '], "").contains(&copy.display().to_string()), "{ran:?}");
        }
        let all = place.run(&["refresh", "--all", "--json"]);
        assert_eq!((all.code, all.stdout.trim()), (2, "[]"), "{all:?}");
        if text.is_none() {
            place.ok(&["backup", "restore", &stamp, "--yes"]);
        } else {
            std::fs::copy(copy, place.path(file)).unwrap();
            place.ok(&["project", "add", "other", "--root", "notes/archive"]);
        }
        assert_eq!(place.run(&["status"]).code, 0);
        place.ok(&["refresh", "--all"]);
    }
}

/// What does not need the registry is shown all the same, and its fault is said once, with the place and the hint.
#[test]
fn a_broken_registry_is_reported_once_and_hides_nothing_else() {
    let place = Sandbox::with_notes();
    let stamp = place.snapshot();
    let before = place.json(&["status"]);
    assert_eq!(before["registry_problem"], Value::Null);
    let file = "home/config/project-registry.json";
    place.write(file, "{\n  \"projects\": [");
    let fault = "project-registry.json` is not valid: line 2, column 15: EOF while parsing a list";

    let (shown, doctor) = (place.run(&["status"]), place.run(&["doctor"]));
    assert_eq!((shown.code, doctor.code), (2, 2), "{shown:?} {doctor:?}");
    for text in [&shown.stdout, &doctor.stdout] {
        assert_eq!(text.matches("line 2, column 15: EOF").count(), 1, "{text}");
        assert_eq!(text.matches(fault).count(), 1, "{text}");
        assert!(text.contains("by hand at line 2, column 15; or `atocore backup list`"), "{text}");
    }
    assert!(shown.stdout.contains(&stamp) && shown.stdout.contains("notes    3  "), "{shown:?}");
    assert_eq!(doctor.stdout.matches("not looked at: the registry cannot be read").count(), 2, "{doctor:?}");
    for check in ["roots", "projects"] {
        assert!(doctor.stdout.contains(&format!("{check:<10}  not looked at")), "{doctor:?}");
    }
    assert!(doctor.stdout.contains(&format!("the newest snapshot is {stamp}")), "{doctor:?}");

    let alone: Value = serde_json::from_str(&place.run(&["--json", "status"]).stdout).unwrap();
    for part in ["paths", "generation", "index_generation", "projects", "facts", "embedding"] {
        assert_eq!(alone[part], before[part], "{part}");
    }
    assert_eq!(alone["snapshots"]["newest"], stamp.as_str());
    let server = place.serve();
    let get = |path| -> Value { serde_json::from_str(&http(&server.address, "GET", path, None)).unwrap() };
    assert_eq!(get("/status")["registry_problem"], alone["registry_problem"]);
    assert_eq!(get("/health")["status"], "ok");
    assert_eq!(get("/projects")["code"], "registry_invalid");
}

#[test]
fn faults_of_a_registry_are_listed_together() {
    let place = Sandbox::with_notes();
    let text = r#"{"projects":[
        {"id":"a","aliases":["x"],"ingest_roots":[{"source":"cloud","subpath":"n"}]},
        {"id":"b","aliases":["X"],"ingest_roots":[{"source":"vault","subpath":"../n"}]}
    ]}"#;
    place.write("home/config/project-registry.json", text);
    let ran = place.run(&["project", "list"]);
    for part in ["`cloud`", "`../n`", "`x` already names"] {
        assert!(ran.stderr.contains(part), "`{part}` is missing in {ran:?}");
    }
}

#[test]
fn a_root_below_a_folder_that_is_not_configured_is_reported() {
    let place = Sandbox::new();
    place.write("vault/notes/a.md", "# A\n\nkeys\n");
    let add = ["project", "add", "p", "--root", "vault:notes"];
    let ran = place.run(&add);
    if ran.code != 0 {
        refused(&ran, 64, "vault:notes", "ATOCORE_VAULT_DIR");
    }
    let vault = place.path("vault").to_str().unwrap().to_owned();
    let configured = [("ATOCORE_VAULT_DIR", vault.as_str())];
    if ran.code != 0 {
        assert_eq!(place.run_with(&configured, &add).code, 0);
    }
    let skipped = place.run(&["refresh", "p"]);
    assert_eq!(skipped.code, 2, "{skipped:?}");
    assert!(skipped.stdout.contains("ATOCORE_VAULT_DIR"), "{skipped:?}");
    assert_eq!(place.run_with(&configured, &["refresh", "p"]).code, 0);
    let skipped = place.run(&["refresh", "p"]);
    assert_eq!(skipped.code, 2, "{skipped:?}");
    assert_eq!(place.json(&["status"])["projects"][0]["documents"], 1, "what cannot be looked at stays");
}

#[test]
fn a_store_in_use_says_by_whom_and_loses_nothing() {
    let place = Sandbox::with_notes();
    let server = place.serve();
    let ran = place.run_with(&[("ATOCORE_DB_BUSY_TIMEOUT_MS", "300")], &["serve", "--port", "0"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("`serve`") && ran.stderr.contains("stop it first"), "{ran:?}");
    let port = server.address.rsplit(':').next().unwrap();
    let other = Sandbox::new();
    let ran = other.run(&["serve", "--port", port]);
    refused(&ran, 1, port, "--port");
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_generation_that_does_not_come_is_not_waited_for_for_ever() {
    let place = Sandbox::with_notes();
    let soon = [("ATOCORE_DB_BUSY_TIMEOUT_MS", "200")];
    refused(&place.run_with(&soon, &["query", "keys", "--wait", "999999"]), 1, "999999", "ask again");
}

#[test]
fn asking_before_anything_was_stored_names_the_first_step() {
    let place = Sandbox::new();
    refused(&place.run(&["query", "keys"]), 1, "no store", "atocore project add");
    assert!(!place.path("home").exists());
}

#[test]
fn a_mistake_is_a_problem_in_json_too() {
    let place = Sandbox::with_notes();
    let ran = place.run(&["--json", "query", "keys", "--project", "nobody"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (1, ""), "{ran:?}");
    let problem: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&problem["code"], &problem["status"]), (&"project_unknown".into(), &404.into()));
}
