//! The depth `content` looks into the databases: what the digests cannot tell, because the record is wrong as well.

use atocore_backup::manifest;
use atocore_model::snapshot::Depth;

use crate::home::{Home, Victim};

/// Changes the database of a snapshot and records the new file, as a program with a fault would.
fn rewritten(victim: &Victim, file: &str, change: impl FnOnce(&rusqlite::Connection)) {
    let path = victim.dir.join(file);
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.pragma_update(None, "foreign_keys", false).unwrap();
    change(&connection);
    connection.close().unwrap();
    let metadata = victim.dir.join(manifest::FILE_NAME);
    let mut manifest = manifest::read(&std::fs::read(&metadata).unwrap()).unwrap().manifest.unwrap();
    let (size, digest) = atocore_storage::files::digest(&path).unwrap();
    if file.starts_with("chroma/") {
        manifest.chroma_snapshot_bytes = 0;
    } else {
        manifest.db_size_bytes = size;
    }
    let files = &mut manifest.atocore.as_mut().unwrap().files;
    let record = files.iter_mut().find(|record| record.path.as_str() == file).unwrap();
    (record.size_bytes, record.digest) = (size, digest);
    manifest.chroma_snapshot_bytes = files
        .iter()
        .filter(|record| record.path.as_str().starts_with("chroma/"))
        .map(|record| record.size_bytes)
        .sum();
    std::fs::write(&metadata, manifest.seal().unwrap()).unwrap();
}

#[test]
fn a_database_that_is_not_what_the_record_says_is_found() {
    let home = Home::new();
    let taken = home.take();
    let cases = [
        ("DELETE FROM source_chunks WHERE id = 1", "count_mismatch: chunks 5 in the database, 6 recorded"),
        ("DELETE FROM source_documents WHERE id = 3", "foreign_key_check_failed: "),
        ("UPDATE store SET generation = 2", "generation_mismatch: generation 2 in the database, 3 recorded"),
        (
            "UPDATE operations SET token = 1 WHERE generation = 3",
            "generation_mismatch: token 0000000000000001",
        ),
        ("UPDATE store SET store_id = 'store_other'", "store_mismatch: store store_other"),
        ("PRAGMA user_version = 99", "schema_unknown: the store has schema 99"),
        ("PRAGMA application_id = 7", "schema_unknown: the database is not a store of AtoCore"),
        ("DROP TABLE source_chunks", "db_open_failed: "),
    ];
    for (sql, expected) in cases {
        let victim = Victim::of(&taken);
        rewritten(&victim, "db/atocore.db", |connection| connection.execute_batch(sql).unwrap());
        assert!(victim.validate(Depth::Digests).valid(), "{sql}");
        let validation = victim.validate(Depth::Content);
        let errors = validation.errors();
        assert!(errors.iter().any(|error| error.starts_with(expected)), "{sql}: {errors:?}");
        assert_eq!(validation.depth_reached, Some(Depth::Digests));
        assert!(!validation.db_ok && !validation.valid());
    }
}

#[test]
fn a_broken_database_in_the_vector_store_is_found() {
    let home = Home::new();
    let victim = Victim::of(&home.take());
    rewritten(&victim, "chroma/chroma.sqlite3", |connection| {
        connection
            .execute_batch("PRAGMA writable_schema = 1; UPDATE sqlite_schema SET rootpage = 77")
            .unwrap();
    });
    assert_eq!(victim.validate(Depth::Digests).errors(), [""; 0]);
    let validation = victim.validate(Depth::Content);
    assert!(
        validation.errors()[0].starts_with("chroma_integrity_check_failed: chroma/chroma.sqlite3: "),
        "{:?}",
        validation.errors()
    );
    assert_eq!(validation.chroma_ok, Some(false));
    assert!(validation.db_ok);
}

#[test]
fn the_result_says_what_was_checked_and_when() {
    let home = Home::new();
    let taken = home.take();
    let validation = home.validate(taken.id, Depth::Content);
    assert_eq!((validation.depth_asked, validation.depth_reached), (Depth::Content, Some(Depth::Content)));
    let files = &taken.manifest.atocore.as_ref().unwrap().files;
    assert_eq!(validation.checked_files, files.len() as u64);
    assert_eq!(validation.checked_bytes, files.iter().map(|file| file.size_bytes).sum::<u64>());
    assert_eq!(validation.verified_at.to_string(), "1970-01-01T00:00:00.000001+00:00");
    let shallow = home.validate(taken.id, Depth::Structure);
    assert_eq!((shallow.depth_reached, shallow.checked_files), (Some(Depth::Structure), 0));
}
