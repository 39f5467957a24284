//! Both ways: what the original wrote is read here, and what is written here stands before the original's rules.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use atocore_backup::{restore::restore_into, snapshot_directory::SnapshotDirectory, verify::prove};
use atocore_model::{error::ErrorCode, id::SnapshotId, monitor::Silent, snapshot::Depth};
use atocore_storage::layout::Layout;
use serde_json::{Value, json};

use crate::home::{Home, STAMP, Victim, tree, validate};

/// Writes a snapshot as the original does, with the absolute paths of the place where it was taken.
fn written_by_the_original(directory: &SnapshotDirectory, taken_at: &str, with_vectors: bool) -> SnapshotId {
    let dir = directory.snapshots().join(STAMP);
    std::fs::create_dir_all(dir.join("db")).unwrap();
    std::fs::create_dir_all(dir.join("config")).unwrap();
    let database = rusqlite::Connection::open(dir.join("db/atocore.db")).unwrap();
    database
        .execute_batch(
            "PRAGMA journal_mode = WAL;
             CREATE TABLE source_documents (id TEXT PRIMARY KEY, file_path TEXT UNIQUE);
             INSERT INTO source_documents VALUES ('1', '/vault/a.md');",
        )
        .unwrap();
    database.close().unwrap();
    std::fs::write(dir.join("config/project-registry.json"), "{\"projects\": []}\n").unwrap();
    let mut vector_bytes = 0;
    if with_vectors {
        std::fs::create_dir_all(dir.join("chroma/0b5e")).unwrap();
        for (name, bytes) in [("chroma.sqlite3", "not a database at all"), ("0b5e/link_lists.bin", "")] {
            std::fs::write(dir.join("chroma").join(name), bytes).unwrap();
            vector_bytes += bytes.len();
        }
    }
    let root = format!("{taken_at}/snapshots/{STAMP}");
    let metadata = json!({
        "created_at": "2026-04-06T18:42:19.123456+00:00",
        "backup_root": root,
        "db_snapshot_path": format!("{root}/db/atocore.db"),
        "db_size_bytes": std::fs::metadata(dir.join("db/atocore.db")).unwrap().len(),
        "registry_snapshot_path": format!("{root}/config/project-registry.json"),
        "chroma_snapshot_path": if with_vectors { format!("{root}/chroma") } else { String::new() },
        "chroma_snapshot_bytes": vector_bytes,
        "chroma_snapshot_files": if with_vectors { 2 } else { 0 },
        "chroma_snapshot_included": true,
        "vector_store_note": "a sentence",
    });
    let text = serde_json::to_string_pretty(&metadata).unwrap() + "\n";
    std::fs::write(dir.join("backup-metadata.json"), text).unwrap();
    STAMP.parse().unwrap()
}

#[test]
fn a_snapshot_of_the_original_lists_validates_and_is_unproven_beyond_that() {
    for (taken_at, with_vectors) in [("/srv/atocore/backups", true), (r"C:\atocore\backups", false)] {
        let root = tempfile::tempdir().unwrap();
        let directory = SnapshotDirectory::new(root.path());
        let id = written_by_the_original(&directory, taken_at, with_vectors);
        let before = tree(root.path());
        let listed = directory.list().unwrap();
        assert_eq!((listed.len(), listed[0].has_metadata), (1, true));
        let listed_root = listed[0].metadata.as_ref().unwrap()["backup_root"].as_str().unwrap();
        assert!(listed_root.starts_with(taken_at));

        let validation = validate(&directory, id, Depth::Structure);
        assert!(validation.valid(), "{:?}", validation.errors());
        assert_eq!((validation.db_ok, validation.registry_ok), (true, Some(true)));
        assert_eq!(validation.chroma_ok, with_vectors.then_some(true));

        let deeper = validate(&directory, id, Depth::Digests);
        assert_eq!(deeper.errors(), ["digests_not_recorded"]);
        assert_eq!((deeper.depth_reached, deeper.valid()), (Some(Depth::Structure), false));
        assert_eq!((deeper.db_ok, deeper.registry_ok), (true, Some(true)));
        assert!(!validate(&directory, id, Depth::Content).valid());
        assert_eq!(tree(root.path()), before, "looking leaves no trace");
    }
}

#[test]
fn keys_that_an_older_original_did_not_write_are_not_missed() {
    let root = tempfile::tempdir().unwrap();
    let directory = SnapshotDirectory::new(root.path());
    let id = written_by_the_original(&directory, "/elsewhere", false);
    let path = directory.snapshot(id).join("backup-metadata.json");
    std::fs::write(&path, r#"{"db_snapshot_path": "/elsewhere/db/atocore.db", "vector_store_note": "-"}"#)
        .unwrap();
    let validation = validate(&directory, id, Depth::Structure);
    assert!(validation.valid(), "{:?}", validation.errors());
    assert_eq!((validation.registry_ok, validation.chroma_ok), (None, None));
}

#[test]
fn a_snapshot_of_the_original_can_be_restored() {
    for with_vectors in [true, false] {
        let root = tempfile::tempdir().unwrap();
        let directory = SnapshotDirectory::new(&root.path().join("backups"));
        let id = written_by_the_original(&directory, "/srv/atocore/backups", with_vectors);
        let clock = Home::empty().clock;
        let verified = prove(&directory, id, &*clock, &Silent).unwrap();
        assert_eq!(verified.depth(), Depth::Structure);
        let target = root.path().join("restored");
        let report = restore_into(&verified, &target, &Silent).unwrap();
        assert_eq!((report.generation, report.files.len()), (None, if with_vectors { 4 } else { 2 }));
        let (layout, dir) = (Layout::in_home(&target), directory.snapshot(id));
        assert_eq!(
            std::fs::read(layout.database()).unwrap(),
            std::fs::read(dir.join("db/atocore.db")).unwrap()
        );
        assert_eq!(std::fs::read(&layout.registry).unwrap(), b"{\"projects\": []}\n");
        assert_eq!(layout.vector_store().exists(), with_vectors);
        assert_eq!(tree(&layout.vector_store()), tree(&dir.join("chroma")));
    }
}

#[test]
fn damage_to_a_snapshot_of_the_original_is_found_in_the_words_of_the_contract() {
    type Case = (fn(&Path), &'static str);
    let cases: [Case; 6] = [
        (|dir| std::fs::remove_file(dir.join("db/atocore.db")).unwrap(), "db_snapshot_missing"),
        (|dir| std::fs::write(dir.join("db/atocore.db"), "no database").unwrap(), "db_open_failed: "),
        (
            |dir| std::fs::remove_file(dir.join("config/project-registry.json")).unwrap(),
            "registry_snapshot_missing",
        ),
        (
            |dir| std::fs::write(dir.join("config/project-registry.json"), "{").unwrap(),
            "registry_invalid_json: ",
        ),
        (|dir| std::fs::remove_dir_all(dir.join("chroma")).unwrap(), "chroma_snapshot_missing"),
        (|dir| std::fs::remove_file(dir.join("backup-metadata.json")).unwrap(), "metadata_missing"),
    ];
    for (damage, expected) in cases {
        let root = tempfile::tempdir().unwrap();
        let directory = SnapshotDirectory::new(root.path());
        let id = written_by_the_original(&directory, "/srv/atocore/backups", true);
        damage(&directory.snapshot(id));
        let validation = validate(&directory, id, Depth::Structure);
        let errors = validation.errors();
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert!(errors[0].starts_with(expected), "{errors:?}");
        let clock = Home::empty().clock;
        assert_eq!(prove(&directory, id, &*clock, &Silent).unwrap_err().code(), ErrorCode::SnapshotDamaged);
    }
}

#[test]
fn pages_of_a_database_that_do_not_fit_together_fail_the_integrity_check() {
    let root = tempfile::tempdir().unwrap();
    let directory = SnapshotDirectory::new(root.path());
    let id = written_by_the_original(&directory, "/srv", false);
    let path = directory.snapshot(id).join("db/atocore.db");
    let database = rusqlite::Connection::open(&path).unwrap();
    database
        .execute_batch(
            "PRAGMA journal_mode = DELETE; CREATE TABLE t (a); CREATE INDEX i ON t (a); INSERT INTO t VALUES (1);
             PRAGMA writable_schema = 1; DELETE FROM sqlite_schema WHERE name = 'i'",
        )
        .unwrap();
    database.close().unwrap();
    let validation = validate(&directory, id, Depth::Structure);
    assert!(validation.errors()[0].starts_with("db_integrity_check_failed: "), "{:?}", validation.errors());
    assert!(!validation.db_ok);
}

/// The original's rules for a valid snapshot, written anew: everything is found by the absolute paths in the metadata.
fn accepted_by_the_original(metadata: &Value) -> Result<(), String> {
    let path = |key: &str| PathBuf::from(metadata[key].as_str().unwrap_or_default());
    if !path("db_snapshot_path").exists() {
        return Err("database".to_owned());
    }
    let database = rusqlite::Connection::open(path("db_snapshot_path")).map_err(|error| error.to_string())?;
    let answer: String = database
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .map_err(|error| error.to_string())?;
    if answer != "ok" {
        return Err(answer);
    }
    if metadata["registry_snapshot_path"] != "" {
        let bytes = std::fs::read(path("registry_snapshot_path")).map_err(|error| error.to_string())?;
        let _registry: Value = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
    }
    if metadata["chroma_snapshot_path"] != "" && !path("chroma_snapshot_path").is_dir() {
        return Err("vector store".to_owned());
    }
    Ok(())
}

#[test]
fn the_rules_of_the_original_accept_a_snapshot_written_here() {
    let home = Home::new();
    let taken = home.take();
    let text = std::fs::read_to_string(taken.path.join("backup-metadata.json")).unwrap();
    let metadata: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(accepted_by_the_original(&metadata), Ok(()));
    for (key, is_right_type) in [
        ("created_at", Value::is_string as fn(&Value) -> bool),
        ("backup_root", Value::is_string),
        ("db_snapshot_path", Value::is_string),
        ("db_size_bytes", Value::is_u64),
        ("registry_snapshot_path", Value::is_string),
        ("chroma_snapshot_path", Value::is_string),
        ("chroma_snapshot_bytes", Value::is_u64),
        ("chroma_snapshot_files", Value::is_u64),
        ("chroma_snapshot_included", Value::is_boolean),
        ("vector_store_note", Value::is_string),
    ] {
        assert!(is_right_type(&metadata[key]), "{key}");
    }
    assert!(home.validate(taken.id, Depth::Content).valid(), "the look of the original has changed nothing");
    std::fs::remove_file(taken.path.join("db/atocore.db")).unwrap();
    assert!(accepted_by_the_original(&metadata).is_err(), "the rules can say no");
}

/// The same rules in the original's language, with the JSON and SQLite modules that it uses.
const PYTHON: &str = r#"
import json, pathlib, sqlite3, sys
from datetime import datetime
stamps = []
for folder in sorted(p for p in pathlib.Path(sys.argv[1], "snapshots").iterdir() if p.is_dir()):
    text = (folder / "backup-metadata.json").read_text(encoding="utf-8")
    assert text.isascii() and text.endswith("}\n")
    found = json.loads(text)
    assert json.dumps(found, indent=2, ensure_ascii=True) + "\n" == text
    assert datetime.fromisoformat(found["created_at"]).strftime("%Y%m%dT%H%M%SZ") == folder.name
    with sqlite3.connect(found["db_snapshot_path"]) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        rows = db.execute("SELECT count(*) FROM source_documents").fetchone()[0]
    assert rows == found["atocore"]["counts"]["documents"] == 3
    json.loads(pathlib.Path(found["registry_snapshot_path"]).read_text(encoding="utf-8"))
    assert pathlib.Path(found["chroma_snapshot_path"]).is_dir()
    stamps.append(folder.name)
print(" ".join(stamps))
"#;

#[test]
fn python_reads_a_snapshot_written_here_and_would_write_the_same_metadata() {
    let home = Home::new();
    let taken = home.take();
    let output = Command::new("python3").args(["-I", "-c", PYTHON]).arg(home.directory.dir()).output();
    let output = output.unwrap_or_else(|error| panic!("this test needs `python3` on the path: {error}"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), STAMP);
    assert!(home.validate(taken.id, Depth::Content).valid());
}

#[test]
fn a_path_with_letters_beyond_ascii_survives_in_the_metadata() {
    let home = Home::new();
    let directory = SnapshotDirectory::new(&home.root.path().join("Sicherungen für 東京 🦀"));
    let taken = atocore_backup::take::take(&directory, &home.source(), &home.options(), &Silent).unwrap();
    let output = Command::new("python3").args(["-I", "-c", PYTHON]).arg(directory.dir()).output();
    let output = output.unwrap_or_else(|error| panic!("this test needs `python3` on the path: {error}"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let victim = Victim::of(&taken);
    assert!(victim.validate(Depth::Content).valid());
}
