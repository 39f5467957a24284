//! What the commands about snapshots say, and to which snapshot and folder they apply.

use std::fs;

use serde_json::{Value, json};

use crate::{
    program::{PROGRAM, Sandbox, ran},
    server::Server,
};

#[test]
fn latest_names_the_newest_snapshot_wherever_a_stamp_is_asked_for() {
    let place = Sandbox::with_notes();
    let none = place.run(&["backup", "validate", "latest"]);
    assert!(none.code == 1 && none.stderr.contains("there is no snapshot"), "{none:?}");
    let _old = place.snapshot();
    let new = place.snapshot();
    assert_eq!(place.json(&["backup", "validate", "latest"])["stamp"], json!(new));
    assert_eq!(place.json(&["backup", "pin", "latest"])["stamp"], json!(new));
    assert_eq!(place.json(&["backup", "unpin", "latest"])["was_pinned"], true);
    assert_eq!(place.json(&["backup", "restore", "latest"])["stamp"], json!(new));
    assert_eq!(place.json(&["backup", "restore", "latest", "--to", "aside"])["stamp"], json!(new));
    assert_eq!(place.json(&["backup", "export", "latest", "x.tar.zst"])["stamp"], json!(new));
    assert_eq!(place.run(&["backup", "validate", "newest"]).code, 64);
    // One that cannot be read is none to restore.
    place.write(&format!("home/backups/snapshots/{new}/backup-metadata.json"), "{");
    assert_ne!(place.json(&["backup", "restore", "latest"])["stamp"], json!(new));
}

#[test]
fn latest_names_the_newest_snapshot_over_http_too() {
    let server = Server::start();
    server.get("/admin/backup/latest/validate").refused(404, "snapshot_unknown");
    let taken = server.post("/admin/backup", &json!({ "note": "before the move" })).json();
    let stamp = taken["backup_root"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    assert_eq!(server.get("/admin/backup/latest/validate").json()["stamp"], json!(stamp));
    assert_eq!(server.get("/admin/backup/latest/restore").json()["stamp"], json!(stamp));
    let pinned = server.post("/admin/backup/latest/pin", &json!({ "note": "kept for the audit" }));
    assert_eq!(pinned.json()["stamp"], json!(stamp));
    let known = server.get("/admin/backup").json()[0]["atocore"].clone();
    assert_eq!((&known["note"], &known["pinned"]), (&json!("before the move"), &json!(true)));
    assert_eq!((&known["pin_note"], &known["undo_point"]), (&json!("kept for the audit"), &json!(false)));
    server.post("/admin/backup", &json!({ "note": "two\nlines" })).refused(400, "invalid_request");
    assert_eq!(server.get("/admin/backup").json().as_array().unwrap().len(), 1, "nothing was taken");
}

#[test]
fn the_list_begins_with_the_newest_and_says_which_is_for_what() {
    let place = Sandbox::with_notes();
    let old = place.snapshot();
    place.ok(&["backup", "create", "--note", "before the move"]);
    place.ok(&["backup", "pin", &old, "--note", "kept for the audit"]);
    place.ok(&["backup", "restore", &old, "--yes"]);
    let list = place.ok(&["backup", "list"]);
    let lines: Vec<_> = list.lines().collect();
    assert!(lines[1].contains("undo point") && lines[1].contains(&format!("the restore of {old}")), "{list}");
    assert!(lines[2].contains("before the move"), "{list}");
    assert!(lines[3].starts_with(&old) && lines[3].contains("pinned: kept for the audit"), "{list}");
    assert!(lines[4].starts_with("3 snapshots, "), "{list}");
    let stamps = place.json(&["backup", "list"]);
    let stamps: Vec<_> =
        stamps.as_array().unwrap().iter().map(|one| one["stamp"].as_str().unwrap()).collect();
    assert!(stamps.is_sorted(), "as the contract says: {stamps:?}");
}

#[test]
fn validation_reports_where_the_vectors_of_a_snapshot_are() {
    let place = Sandbox::with_notes().with_model();
    place.ok(&["embed"]);
    let taken = place.ok(&["backup", "create"]);
    assert!(taken.contains("vectors   3, in the database"), "{taken}");
    assert!(place.ok(&["backup", "validate", "latest"]).contains("vectors   3, in the database"));
    assert!(place.ok(&["backup", "drill"]).contains("vectors   3, in the database"));
    let asked = place.ok(&["backup", "create", "--include-chroma"]);
    assert!(
        asked.contains("chroma    The vector store directory was asked for, but there is none"),
        "{asked}"
    );
}

#[test]
fn a_drill_of_an_empty_store_proves_what_is_there_and_leaves_no_problem() {
    let place = Sandbox::new();
    place.ok(&["memory", "add", "knowledge", "there is no document yet"]);
    place.ok(&["backup", "create"]);
    let drill = place.ok(&["backup", "drill"]);
    assert!(drill.contains("valid, proven to depth `restore`"), "{drill}");
    assert!(drill.contains("there is no passage to ask about"), "{drill}");
    let doctor = place.run(&["doctor"]).stdout;
    assert!(!doctor.contains("did not stand") && doctor.contains("is proven to its content"), "{doctor}");
}

#[test]
fn a_backup_directory_whose_disk_is_not_mounted_is_not_begun_anew() {
    let place = Sandbox::with_notes();
    fs::create_dir_all(place.path("mnt/disk")).unwrap();
    // Without `--data-dir`, which has its backups in the same folder.
    let run = |arguments: &[&str]| {
        let mut command = place.bare(PROGRAM);
        command.env("ATOCORE_HOME", place.path("home"));
        command.env("ATOCORE_BACKUP_DIR", place.path("mnt/disk/backups"));
        ran(command.args(arguments))
    };
    let create = || assert_eq!(run(&["backup", "create"]).code, 0);
    let gone = |what: &str| {
        let refused = run(&["backup", "create"]);
        assert_eq!(refused.code, 1, "{what}: {refused:?}");
        assert!(refused.stderr.contains("mount its disk"), "{what}: {refused:?}");
        for looking in [&["backup", "list"][..], &["backup", "restore", "latest"], &["backup", "prune"]] {
            let refused = run(looking);
            assert!(refused.code == 1 && refused.stderr.contains("mount its disk"), "{what}: {refused:?}");
        }
        for (looking, code) in [("status", 0), ("doctor", 2)] {
            let told = run(&[looking]);
            assert!(told.code == code && told.stdout.contains("mount its disk"), "{what}: {told:?}");
            assert!(!told.stdout.contains("there is no snapshot"), "{what}: {told:?}");
        }
        assert!(!place.path("mnt/disk/backups").exists(), "{what}");
    };
    gone("an empty mount point");
    fs::create_dir_all(place.path("mnt/disk/backups/snapshots")).unwrap();
    create();
    // Unmounted: what is below it is there again when it is mounted.
    fs::rename(place.path("mnt/disk"), place.path("mnt/away")).unwrap();
    fs::create_dir_all(place.path("mnt/disk/something else")).unwrap();
    gone("another folder in its place");
    fs::remove_dir_all(place.path("mnt/disk")).unwrap();
    fs::rename(place.path("mnt/away"), place.path("mnt/disk")).unwrap();
    create();
    let listed = run(&["--json", "backup", "list"]).stdout;
    assert_eq!(serde_json::from_str::<Value>(&listed).unwrap().as_array().map(Vec::len), Some(2));
}

#[test]
fn a_backup_directory_in_the_home_that_is_gone_is_not_begun_anew_either() {
    let place = Sandbox::with_notes();
    let _stamp = place.snapshot();
    fs::rename(place.path("home/backups"), place.path("away")).unwrap();
    fs::create_dir(place.path("home/backups")).unwrap();
    for command in ["create", "list"] {
        let refused = place.run(&["backup", command]);
        assert!(refused.code == 1 && refused.stderr.contains("mount its disk"), "{refused:?}");
    }
    fs::create_dir(place.path("home/backups/snapshots")).unwrap();
    let _stamp = place.snapshot();
}

#[test]
fn snapshots_on_the_disk_of_the_store_are_noted_and_are_no_fault() {
    let place = Sandbox::with_notes();
    place.ok(&["backup", "create"]);
    let doctor: Value = serde_json::from_str(&place.run(&["--json", "doctor"]).stdout).unwrap();
    let checks = doctor["checks"].as_array().unwrap();
    let told =
        checks.iter().find(|check| check["message"].as_str().unwrap().contains("lost with it")).unwrap();
    assert_eq!((&told["check"], &told["level"]), (&json!("disk"), &json!("ok")));
}
