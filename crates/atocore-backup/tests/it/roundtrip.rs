//! What goes into a snapshot comes out of it: documents, registry and vectors, byte for byte where bytes are promised.

use std::{path::Path, sync::Arc};

use atocore_backup::{
    manifest::{self, Manifest},
    take::{TakeOptions, VectorOutcome, VectorStoreCopy, take},
};
use atocore_model::{monitor::Silent, snapshot::Depth};

use crate::home::{Home, REGISTRY, STAMP, tree};

#[test]
fn a_snapshot_has_the_layout_and_the_metadata_of_the_contract() {
    let home = Home::new();
    let taken = home.take();
    let dir = home.layout.backups.join("snapshots").join(STAMP);
    assert_eq!(taken.path, dir);
    let text = std::fs::read(dir.join("backup-metadata.json")).unwrap();
    let read: Manifest = manifest::read(&text).unwrap().manifest.unwrap();
    assert_eq!(read, taken.manifest);
    let at = |path: &str| dir.join(path).to_str().unwrap().to_owned();
    assert_eq!(read.created_at, "2026-04-06T18:42:19.123456+00:00");
    assert_eq!(read.backup_root, dir.to_str().unwrap());
    assert_eq!(read.db_snapshot_path, at("db/atocore.db"));
    assert_eq!(read.db_size_bytes, std::fs::metadata(dir.join("db/atocore.db")).unwrap().len());
    assert_eq!(read.registry_snapshot_path, at("config/project-registry.json"));
    assert_eq!(read.chroma_snapshot_path, at("chroma"));
    assert!(read.chroma_snapshot_included && read.chroma_snapshot_files == 3);
    let vectors = tree(&dir.join("chroma"));
    assert_eq!(read.chroma_snapshot_bytes, vectors.values().map(|bytes| bytes.len() as u64).sum::<u64>());
    let VectorOutcome::Copied { files, bytes } = taken.vectors else { panic!("{:?}", taken.vectors) };
    assert_eq!((files, bytes), (3, read.chroma_snapshot_bytes));
    let record = read.atocore.unwrap();
    assert_eq!((record.format_version, record.generation), (1, 3));
    assert_eq!((record.counts.documents, record.counts.chunks, record.counts.operations), (3, 6, 3));
    let paths: Vec<_> = record.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "chroma/6f1c/data_level0.bin",
            "chroma/6f1c/header.bin",
            "chroma/chroma.sqlite3",
            "config/project-registry.json",
            "db/atocore.db"
        ]
    );
}

#[test]
fn the_copies_are_equal_and_the_database_is_one_plain_file() {
    let home = Home::new();
    let taken = home.take();
    let mut copied = tree(&taken.path.join("chroma"));
    let mut original = tree(&home.layout.vector_store());
    let databases = (copied.remove("chroma.sqlite3"), original.remove("chroma.sqlite3"));
    assert!(databases.0.is_some() && databases.1.is_some());
    assert_eq!(copied, original, "empty folders and empty files are part of it");
    assert_eq!(std::fs::read(taken.path.join("config/project-registry.json")).unwrap(), REGISTRY);
    let database = std::fs::read(taken.path.join("db/atocore.db")).unwrap();
    assert_eq!(&database[18..20], [1, 1], "journal mode DELETE");
    assert_eq!(std::fs::read_dir(taken.path.join("db")).unwrap().count(), 1);
}

#[test]
fn a_copy_of_the_vector_store_includes_its_write_ahead_log() {
    let home = Home::new();
    let path = home.layout.vector_store().join("chroma.sqlite3");
    let open = rusqlite::Connection::open(&path).unwrap();
    let _mode: String = open.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0)).unwrap();
    open.execute_batch("INSERT INTO collections VALUES ('only in the log')").unwrap();
    assert!(home.layout.vector_store().join("chroma.sqlite3-wal").exists());
    let taken = home.take();
    let names: Vec<_> =
        tree(&taken.path.join("chroma")).into_keys().filter(|name| name.contains("sqlite")).collect();
    assert_eq!(names, ["chroma.sqlite3"], "no sidecars");
    drop(open);
    let copy = rusqlite::Connection::open(taken.path.join("chroma/chroma.sqlite3")).unwrap();
    let rows: i64 = copy.query_row("SELECT count(*) FROM collections", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 2);
}

#[test]
fn without_registry_and_vectors_their_keys_are_empty_and_not_missing() {
    let home = Home::empty();
    for (vector_store, note) in
        [(VectorStoreCopy::Include, "there is none"), (VectorStoreCopy::LeaveOut, "not asked for")]
    {
        let options = TakeOptions { vector_store, ..TakeOptions::new(Arc::clone(&home.clock) as _) };
        let taken = take(&home.directory, &home.source(), &options, &Silent).unwrap();
        let manifest = &taken.manifest;
        assert_eq!(
            (manifest.registry_snapshot_path.as_str(), manifest.chroma_snapshot_path.as_str()),
            ("", "")
        );
        assert_eq!((manifest.chroma_snapshot_bytes, manifest.chroma_snapshot_files), (0, 0));
        assert!(!manifest.chroma_snapshot_included);
        assert!(manifest.vector_store_note.contains(note), "{}", manifest.vector_store_note);
        let expected = match vector_store {
            VectorStoreCopy::Include => VectorOutcome::Missing { path: home.layout.vector_store() },
            VectorStoreCopy::LeaveOut => VectorOutcome::LeftOut,
        };
        assert_eq!(taken.vectors, expected);
        let validation = home.validate(taken.id, Depth::Content);
        assert_eq!((validation.registry_ok, validation.chroma_ok), (None, None));
        assert!(validation.valid(), "{:?}", validation.errors());
    }
}

#[test]
fn a_registry_that_is_not_json_is_copied_all_the_same_and_validation_says_so() {
    let home = Home::new();
    std::fs::write(&home.layout.registry, b"\xff\x00 not json").unwrap();
    let taken = home.take();
    assert_eq!(std::fs::read(taken.path.join("config/project-registry.json")).unwrap(), b"\xff\x00 not json");
    let validation = home.validate(taken.id, Depth::Content);
    assert_eq!(validation.registry_ok, Some(false));
    assert!(validation.errors()[0].starts_with("registry_invalid_json: "));
    assert_eq!(validation.errors().len(), 1);
}

#[cfg(unix)]
#[test]
fn a_vector_store_with_a_link_or_a_pipe_in_it_is_refused_by_name() {
    use std::os::unix::{fs::symlink, net::UnixListener};
    let home = Home::new();
    let path = home.layout.vector_store().join("6f1c/strange");
    for (make, word) in [
        ((|path| symlink("/etc/passwd", path).unwrap()) as fn(&Path), "a symbolic link"),
        (|path| drop(UnixListener::bind(path).unwrap()), "a pipe, socket or device"),
    ] {
        make(&path);
        let error = home.take_watched(&Silent).unwrap_err().to_string();
        assert!(error.contains("6f1c/strange") && error.contains(word), "{error}");
        assert!(!home.directory.dir().exists());
        std::fs::remove_file(&path).unwrap();
    }
}

#[cfg(unix)]
#[test]
fn names_in_the_vector_store_that_no_record_can_hold_are_refused() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
    let home = Home::new();
    for name in [b"a\\b".as_slice(), b"not \xff utf-8"] {
        let path = home.layout.vector_store().join(OsStr::from_bytes(name));
        std::fs::write(&path, "x").unwrap();
        let error = home.take_watched(&Silent).unwrap_err().to_string();
        assert!(error.contains("cannot be recorded"), "{error}");
        std::fs::remove_file(&path).unwrap();
    }
    assert!(home.directory.list().unwrap().is_empty());
}

#[test]
fn a_moved_snapshot_is_still_whole() {
    let home = Home::new();
    let taken = home.take();
    let elsewhere = crate::home::Victim::of(&taken);
    drop(home);
    assert!(elsewhere.validate(Depth::Content).valid());
}
