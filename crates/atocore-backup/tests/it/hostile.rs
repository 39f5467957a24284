//! Nothing that stands in a stamp or in metadata leads out of a snapshot, exhausts the memory or goes unsaid.

use std::path::Path;

use atocore_backup::{
    BackupError,
    manifest::LIMIT_BYTES,
    retention::{RetentionRules, prune},
    snapshot_directory::SnapshotDirectory,
    verify::Validation,
};
use atocore_model::{id::SnapshotId, monitor::Silent, snapshot::Depth, time::Clock};
use serde_json::json;

use crate::home::{Home, STAMP, Victim, validate};

/// A vault with one snapshot directory that holds this metadata and nothing else.
fn with_metadata(bytes: &[u8]) -> (tempfile::TempDir, SnapshotDirectory, SnapshotId) {
    let root = tempfile::tempdir().unwrap();
    let directory = SnapshotDirectory::new(root.path());
    let id: SnapshotId = STAMP.parse().unwrap();
    std::fs::create_dir_all(directory.snapshot(id)).unwrap();
    std::fs::write(directory.snapshot(id).join("backup-metadata.json"), bytes).unwrap();
    (root, directory, id)
}

fn looked_at(bytes: &[u8]) -> Validation {
    let (_root, directory, id) = with_metadata(bytes);
    let listed = directory.list().unwrap();
    assert_eq!(listed.len(), 1);
    assert!(listed[0].has_metadata);
    let validation = validate(&directory, id, Depth::Content);
    assert!(!validation.valid() && !validation.errors().is_empty());
    validation
}

#[test]
fn metadata_that_is_not_json_is_said_to_be_so() {
    for bytes in [
        b"".as_slice(),
        b"not json",
        b"{\"a\": 1",
        b"{\"a\": 1} trailing",
        b"{\"a\": \xff}",
        b"\xff\xfe{\x00}\x00",
        "[".repeat(1 << 20).as_bytes(),
        br#"{"a": "\ud800"}"#,
        b"\0\0\0\0",
    ] {
        let (_root, directory, _) = with_metadata(bytes);
        let entry = &directory.list().unwrap()[0];
        assert_eq!((entry.metadata.as_ref(), entry.metadata_error), (None, Some("invalid_json")));
        let errors = looked_at(bytes).errors();
        assert!(errors[0].starts_with("metadata_invalid_json: ") && errors.len() == 1, "{errors:?}");
    }
}

#[test]
fn metadata_of_the_wrong_shape_is_said_to_be_so() {
    for bytes in [
        b"[]".as_slice(),
        b"null",
        b"7",
        br#"{"db_snapshot_path": ["db"]}"#,
        br#"{"db_snapshot_path": "a", "db_snapshot_path": "b"}"#,
        br#"{"db_size_bytes": 1e400}"#,
        br#"{"db_size_bytes": -5}"#,
        br#"{"chroma_snapshot_files": 1.5}"#,
        br#"{"atocore": 5}"#,
        br#"{"atocore": {"format_version": -1}}"#,
    ] {
        let validation = looked_at(bytes);
        let errors = validation.errors();
        let expected =
            errors[0].starts_with("metadata_shape: ") || errors[0].starts_with("metadata_invalid_json: ");
        assert!(expected, "{errors:?}");
        assert_eq!(
            validation.metadata.is_some(),
            bytes.starts_with(b"{") && errors[0].starts_with("metadata_shape")
        );
    }
}

#[test]
fn metadata_of_any_size_takes_bounded_memory() {
    let (_root, directory, id) = with_metadata(b"");
    let path = directory.snapshot(id).join("backup-metadata.json");
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(64 << 30).unwrap();
    assert_eq!(directory.list().unwrap()[0].metadata_error, Some("too_large"));
    let errors = validate(&directory, id, Depth::Content).errors();
    assert_eq!(errors, [format!("metadata_too_large: {} bytes, the limit is {LIMIT_BYTES}", 64_u64 << 30)]);
}

#[test]
fn recorded_paths_never_lead_out_of_the_snapshot() {
    let home = Home::new();
    let taken = home.take();
    let secret = home.root.path().join("secret.db");
    let _copied = std::fs::copy(taken.path.join("db/atocore.db"), &secret).unwrap();
    let outside = secret.to_str().unwrap();
    for hostile in
        [outside, "../../secret.db", "..", "/", "db/..", "a\0b", r"..\..\secret.db", "/etc/passwd", " "]
    {
        let victim = Victim::of(&taken);
        victim.edit_metadata(|value| {
            value["db_snapshot_path"] = json!(hostile);
            value["registry_snapshot_path"] = json!(hostile);
        });
        let validation = victim.validate(Depth::Structure);
        let errors = validation.errors();
        assert!(errors.contains(&"db_snapshot_missing".to_owned()), "{hostile:?}: {errors:?}");
        assert!(errors.contains(&"registry_snapshot_missing".to_owned()), "{hostile:?}: {errors:?}");
        assert_eq!((validation.db_ok, validation.registry_ok), (false, Some(false)));
    }
}

#[test]
fn a_record_that_names_files_elsewhere_is_refused() {
    let home = Home::new();
    let taken = home.take();
    for hostile in
        ["../x", "/etc/passwd", "db/../../x", "", "db//atocore.db", "./db/atocore.db", r"C:\x", "a\0b"]
    {
        let victim = Victim::of(&taken);
        victim.edit_metadata(|value| value["atocore"]["files"][0]["path"] = json!(hostile));
        let errors = victim.validate(Depth::Digests).errors();
        assert!(errors[0].starts_with("metadata_shape: "), "{hostile:?}: {errors:?}");
    }
}

#[test]
fn sizes_beyond_all_bounds_do_no_harm() {
    let home = Home::new();
    let victim = Victim::of(&home.take());
    victim.edit_metadata(|value| {
        value["db_size_bytes"] = json!(u64::MAX);
        for file in value["atocore"]["files"].as_array_mut().unwrap() {
            file["size_bytes"] = json!(u64::MAX);
        }
    });
    let errors = victim.validate(Depth::Content).errors();
    assert!(errors.iter().any(|error| error.starts_with("size_mismatch: ")), "{errors:?}");
}

#[test]
fn a_snapshot_full_of_strangers_has_a_bounded_result() {
    let home = Home::new();
    let victim = Victim::of(&home.take());
    for i in 0..1500 {
        std::fs::write(victim.dir.join(format!("stranger-{i}")), "").unwrap();
    }
    let errors = victim.validate(Depth::Digests).errors();
    assert_eq!(errors.len(), 1001);
    assert_eq!(errors[1000], "more_problems: 500 more are not listed");
}

#[test]
fn the_list_shows_every_directory_and_nothing_else() {
    let root = tempfile::tempdir().unwrap();
    let directory = SnapshotDirectory::new(&root.path().join("none"));
    assert!(directory.list().unwrap().is_empty());
    let directory = SnapshotDirectory::new(root.path());
    for name in ["zzz", "20260406T184219Z", "with space", "20250101T000000Z", "metadata is a folder"] {
        std::fs::create_dir_all(directory.snapshots().join(name)).unwrap();
    }
    std::fs::create_dir_all(directory.snapshots().join("metadata is a folder/backup-metadata.json")).unwrap();
    std::fs::write(directory.snapshots().join("a file"), "").unwrap();
    std::fs::write(directory.snapshots().join("zzz/backup-metadata.json"), "{\"b\": 1, \"a\": 2}").unwrap();
    let listed = directory.list().unwrap();
    let stamps: Vec<_> = listed.iter().map(|entry| entry.stamp.as_str()).collect();
    assert_eq!(stamps, ["20250101T000000Z", "20260406T184219Z", "metadata is a folder", "with space", "zzz"]);
    let errors: Vec<_> = listed.iter().map(|entry| (entry.has_metadata, entry.metadata_error)).collect();
    assert_eq!(
        errors,
        [(false, None), (false, None), (true, Some("unreadable")), (false, None), (true, None)]
    );
    assert_eq!(listed[4].metadata.as_ref().unwrap().to_string(), r#"{"b":1,"a":2}"#);
    assert_eq!(listed[4].path, directory.snapshots().join("zzz"));
    std::fs::write(root.path().join("file"), "").unwrap();
    let file = SnapshotDirectory::new(&root.path().join("file"));
    assert!(
        file.list().is_err() && file.stamps().is_err(),
        "a file is no backup directory without snapshots"
    );
}

#[test]
fn links_in_the_backup_directory_lead_nowhere() {
    const OTHER: &str = "20260101T000000Z";
    let home = Home::new();
    let taken = home.take();
    // A snapshot that is a link is none: neither listed, nor read, nor proven.
    let (link, elsewhere) = (home.directory.snapshots().join(OTHER), home.root.path().join("elsewhere"));
    std::fs::create_dir(&elsewhere).unwrap();
    std::fs::copy(taken.path.join("backup-metadata.json"), elsewhere.join("backup-metadata.json")).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &link).unwrap();
    let listed: Vec<String> = home.directory.list().unwrap().into_iter().map(|entry| entry.stamp).collect();
    assert_eq!(listed, [taken.id.to_string()]);
    assert_eq!(home.directory.stamps().unwrap(), [taken.id]);
    let validation = home.validate(OTHER.parse().unwrap(), Depth::Content);
    assert!(!validation.exists && validation.metadata.is_none());
    assert_eq!(validation.errors(), ["snapshot_directory_missing"]);

    // Nothing is cleared up behind a link.
    let partial = home.directory.dir().join(".partial");
    std::fs::remove_dir_all(&partial).unwrap();
    std::fs::create_dir_all(elsewhere.join(OTHER)).unwrap();
    std::fs::write(elsewhere.join(OTHER).join("mine"), "").unwrap();
    std::os::unix::fs::symlink(&elsewhere, &partial).unwrap();
    let refused = home.take_watched(&Silent).unwrap_err();
    assert!(matches!(refused, BackupError::NotAFolder { .. }), "{refused}");
    assert!(refused.to_string().contains("is to be a folder and is a symbolic link"), "{refused}");
    let policy = RetentionRules::default();
    let refused = prune(&home.directory, &home.layout, &policy, home.clock.now(), &Silent).unwrap_err();
    assert!(matches!(refused, BackupError::NotAFolder { .. }), "{refused}");
    assert!(elsewhere.join(OTHER).join("mine").exists());
}

#[test]
fn nothing_but_a_stamp_is_ever_joined_to_a_path() {
    // The type is the guard: whatever an interface receives has to become a `SnapshotId` before this crate sees it.
    for text in
        ["../../x", "..", "", "20260406T184219Z/../x", "%2e%2e", "20260406t184219z", "20260230T000000Z", "\0"]
    {
        assert!(text.parse::<SnapshotId>().is_err(), "{text:?}");
    }
    let directory = SnapshotDirectory::new(Path::new("/backups"));
    let id: SnapshotId = STAMP.parse().unwrap();
    assert_eq!(directory.snapshot(id), Path::new("/backups/snapshots").join(STAMP));
}
