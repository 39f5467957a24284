//! The depth `content` looks into the databases: what the digests cannot tell, because the record is wrong as well.

use std::ops::ControlFlow;

use atocore_backup::{
    BackupError,
    manifest::{self, CollectionForm, CollectionRecord},
    take::{TakeOptions, VectorServer, take, token_text},
    verify::prove,
};
use atocore_model::{digest::Digest, monitor::Silent, snapshot::Depth};
use atocore_storage::{
    files::stream,
    sqlite::{LoggedOperation, NewSpace, StorageError},
    vector::VectorSpace,
};

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
    let (size, digest) = stream::digest(&path, &mut |_| ControlFlow::Continue(())).unwrap().unwrap();
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
fn a_database_that_differs_from_its_record_is_detected() {
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
        ("DROP TABLE source_chunks", "schema_differs: "),
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
fn a_snapshot_that_brings_programs_or_another_schema_is_not_proven_nor_restored() {
    let home = Home::new();
    let taken = home.take();
    let endless =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) AS generation FROM n";
    let cases = [
        "CREATE TRIGGER t AFTER INSERT ON memories BEGIN DELETE FROM project_state; END".to_owned(),
        format!("CREATE TRIGGER t AFTER INSERT ON operations BEGIN {endless}; END"),
        format!("CREATE VIEW v AS {endless}"),
        // What is asked for by its name is another thing.
        format!("DROP TABLE refreshes; CREATE VIEW refreshes AS {endless}"),
        "CREATE INDEX i ON memories (abs(randomblob(9)))".to_owned(),
        "CREATE TABLE extra (x)".to_owned(),
        "DROP INDEX memories_by_status".to_owned(),
        "DROP INDEX memories_by_status; CREATE INDEX memories_by_status ON memories (status)".to_owned(),
        "ALTER TABLE operations ADD COLUMN more TEXT".to_owned(),
        // Names that SQLite keeps for itself hide nothing.
        "PRAGMA writable_schema = 1; INSERT INTO sqlite_schema VALUES ('trigger', 'sqlite_t', 'memories', 0,
             'CREATE TRIGGER sqlite_t AFTER INSERT ON memories BEGIN DELETE FROM project_state; END')"
            .to_owned(),
    ];
    for sql in cases {
        let victim = Victim::of(&taken);
        rewritten(&victim, "db/atocore.db", |connection| {
            // An index whose function is not deterministic cannot even be made.
            if connection.execute_batch(&sql).is_err() {
                connection.execute_batch("CREATE INDEX i ON memories (abs(generation))").unwrap();
            }
        });
        let validation = victim.validate(Depth::Content);
        assert!(validation.errors()[0].starts_with("schema_differs: "), "{sql}: {:?}", validation.errors());
        assert!(!validation.db_ok && !validation.valid());
        let refused = prove(&victim.directory, taken.id, &*home.clock, &Silent).unwrap_err();
        assert!(matches!(refused, BackupError::Damaged { .. }), "{sql}: {refused}");
    }
    let victim = Victim::of(&taken);
    rewritten(&victim, "db/atocore.db", |connection| connection.execute_batch("ANALYZE").unwrap());
    assert_eq!(victim.validate(Depth::Content).errors(), [""; 0], "statistics are no program");
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
fn a_program_in_a_database_of_the_vector_store_is_found_and_not_run() {
    let home = Home::new();
    let held = with_collection(&home);
    let options = TakeOptions { server: VectorServer::InFolder(held), ..home.options() };
    let taken = take(&home.directory, &home.source(), &options, &Silent).unwrap();
    let endless = "SELECT 1 AS segment_id, n AS embedding_id FROM
        (WITH RECURSIVE all_of(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM all_of) SELECT n FROM all_of)";
    let trigger = "AFTER INSERT ON embeddings BEGIN DELETE FROM collections; END";
    let cases = [
        (format!("CREATE TRIGGER ours {trigger}"), "trigger `ours`"),
        (format!("DROP TABLE embeddings; CREATE VIEW embeddings AS {endless}"), "view `embeddings`"),
        ("CREATE VIRTUAL TABLE t USING fts5vocab(f, row)".to_owned(), "table `t`"),
        ("CREATE VIRTUAL TABLE \"t USING fts5(\" USING fts5vocab(f, row)".to_owned(), "table `t USING fts5(`"),
        (
            format!(
                "PRAGMA writable_schema = 1; INSERT INTO sqlite_schema VALUES ('trigger', 'sqlite_t', 'embeddings', 0,
                 'CREATE TRIGGER sqlite_t {trigger}')"
            ),
            "trigger `sqlite_t`",
        ),
    ];
    for database in ["chroma.sqlite3", "6f1c/data_level0.bin"] {
        for (sql, expected) in &cases {
            let victim = Victim::of(&taken);
            let name = format!("chroma/{database}");
            if database != "chroma.sqlite3" {
                let tables = victim.dir.join("chroma/chroma.sqlite3");
                std::fs::copy(tables, victim.dir.join(&name)).unwrap();
            }
            rewritten(&victim, &name, |connection| connection.execute_batch(sql).unwrap());
            let validation = victim.validate(Depth::Content);
            let found = format!("chroma_schema_differs: {name}: it must not have the {expected}");
            assert_eq!(validation.errors(), [found], "{sql}");
            assert_eq!((validation.chroma_ok, validation.db_ok), (Some(false), true));
            let refused = prove(&victim.directory, taken.id, &*home.clock, &Silent).unwrap_err();
            assert!(matches!(refused, BackupError::Damaged { .. }), "{sql}: {refused}");
        }
    }
    let victim = Victim::of(&taken);
    rewritten(&victim, "chroma/chroma.sqlite3", |connection| {
        let statement =
            "CREATE VIRTUAL TABLE embedding_fulltext_search USING fts5(string_value, tokenize='trigram')";
        connection.execute_batch(statement).unwrap();
    });
    assert_eq!(victim.validate(Depth::Content).errors(), [""; 0], "as Chroma makes it");
}

/// Puts a vector for every passage into the store, and a Chroma server's database with as many records beside it.
fn with_collection(home: &Home) -> CollectionRecord {
    let space = VectorSpace { fingerprint: Digest::from_bytes([9; 32]), dimensions: 2 };
    let operation = LoggedOperation { interface: "test", action: "embed", subject: "" };
    let new = NewSpace { space, model: "test", precision: "f32", at: "2026-11-23T12:00:00Z" };
    let row = home.store.write(&operation, |write| write.add_space(&new)).unwrap().value;
    let texts: Vec<Digest> = home
        .store
        .read(|read| {
            let pending = read.chunks_without_vector(row.key)?;
            pending.iter().map(|passage| Ok(read.embedded_text(passage)?.unwrap().0)).collect()
        })
        .map_err(|error: StorageError| error)
        .unwrap();
    let vectors: Vec<_> = texts.into_iter().map(|text| (text, vec![1.0, 0.0])).collect();
    let version = home.store.write(&operation, |write| write.put_vectors(row.key, &vectors)).unwrap().version;
    let database = rusqlite::Connection::open(home.layout.vector_store().join("chroma.sqlite3")).unwrap();
    database
        .execute_batch(&format!(
            "DROP TABLE collections;
             CREATE TABLE databases (id, name, tenant_id); INSERT INTO databases VALUES (1, 'db', 'tenant');
             CREATE TABLE collections (id, name, database_id); INSERT INTO collections VALUES ('c', 'ours', 1);
             CREATE TABLE collection_metadata (collection_id, key, str_value, int_value, bool_value);
             INSERT INTO collection_metadata VALUES ('c', 'atocore', NULL, 1, NULL),
                ('c', 'generation', NULL, {}, NULL), ('c', 'token', '{}', NULL, NULL);
             CREATE TABLE segments (id, scope, collection); INSERT INTO segments VALUES ('m', 'METADATA', 'c');
             CREATE TABLE embeddings (segment_id, embedding_id);
             INSERT INTO embeddings VALUES ('m', 1), ('m', 2), ('m', 3), ('m', 4), ('m', 5), ('m', 6);
             CREATE TABLE embeddings_queue (seq_id, topic, id, operation);
             CREATE TABLE max_seq_id (segment_id, seq_id)",
            version.generation.0, version.token
        ))
        .unwrap();
    CollectionRecord {
        form: CollectionForm::Directory,
        tenant: "tenant".to_owned(),
        database: "db".to_owned(),
        name: "ours".to_owned(),
        generation: version.generation.0,
        token: token_text(version.token),
        records: 6,
    }
}

#[test]
fn a_collection_that_differs_from_its_record_is_detected() {
    let home = Home::new();
    let held = with_collection(&home);
    let options = TakeOptions { server: VectorServer::InFolder(held), ..home.options() };
    let taken = take(&home.directory, &home.source(), &options, &Silent).unwrap();
    assert_eq!(Victim::of(&taken).validate(Depth::Content).errors(), [""; 0]);
    let cases = [
        ("DELETE FROM embeddings WHERE embedding_id = 1", "chroma_count_mismatch: records 5"),
        (
            "INSERT INTO embeddings_queue VALUES (1, 'x/c', '7', 0)",
            "chroma_count_mismatch: 7 records in the collection, 6 vectors in the database",
        ),
        (
            "UPDATE collection_metadata SET int_value = 1 WHERE key = 'generation'",
            "chroma_generation_mismatch: generation 1 ",
        ),
        (
            "UPDATE collection_metadata SET str_value = '1' WHERE key = 'token'",
            "chroma_generation_mismatch: token 0000000000000001 ",
        ),
        ("UPDATE collections SET name = 'other'", "chroma_collection_missing: `ours`"),
        ("DELETE FROM collection_metadata WHERE key = 'atocore'", "chroma_collection_missing: `ours`"),
        ("DROP TABLE segments", "chroma_unreadable: chroma/chroma.sqlite3: "),
    ];
    for (sql, expected) in cases {
        let victim = Victim::of(&taken);
        rewritten(&victim, "chroma/chroma.sqlite3", |connection| connection.execute_batch(sql).unwrap());
        assert!(victim.validate(Depth::Digests).valid(), "{sql}");
        let validation = victim.validate(Depth::Content);
        let errors = validation.errors();
        assert!(errors.iter().any(|error| error.starts_with(expected)), "{sql}: {errors:?}");
        assert_eq!((validation.chroma_ok, validation.depth_reached), (Some(false), Some(Depth::Digests)));
    }
}

#[test]
fn a_collection_that_is_behind_or_being_changed_is_not_counted_against_the_store() {
    let home = Home::new();
    let held = with_collection(&home);
    let _stored = home.put("later.md", &["seven"]);
    let options = TakeOptions { server: VectorServer::InFolder(held), ..home.options() };
    let taken = take(&home.directory, &home.source(), &options, &Silent).unwrap();
    assert!(taken.manifest.vector_store_note.contains("the state of generation"));
    let victim = Victim::of(&taken);
    assert_eq!(victim.validate(Depth::Content).errors(), [""; 0]);
    // A record that was lost shows all the same.
    rewritten(&victim, "chroma/chroma.sqlite3", |connection| {
        connection.execute_batch("DELETE FROM embeddings WHERE embedding_id = 1").unwrap();
    });
    assert!(victim.validate(Depth::Content).errors()[0].starts_with("chroma_count_mismatch: records 5"));
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
