use std::path::Path;

use super::*;
use crate::sqlite::{
    LoggedOperation, WriteTransaction, inspect,
    tests::{OPERATION, document, open, options, project, put},
};

fn space(name: &str) -> VectorSpace {
    VectorSpace { fingerprint: Digest::from_bytes(*blake3::hash(name.as_bytes()).as_bytes()), dimensions: 2 }
}

fn write<T>(store: &Store, body: impl FnOnce(&WriteTransaction<'_>) -> Result<T, StorageError>) -> T {
    store.write(&OPERATION, body).unwrap().value
}

fn add_space(store: &Store, name: &str) -> SpaceRow {
    let new = NewSpace { space: space(name), model: name, precision: "f32", at: "2026-04-06" };
    write(store, |write| write.add_space(&new))
}

/// Gives every text that has none a vector, and returns how many were made.
fn embed(store: &Store, row: &SpaceRow) -> usize {
    let texts: Vec<_> = store
        .read(|read| {
            let pending = read.chunks_without_vector(row.key)?;
            pending.iter().map(|p| Ok(read.embedded_text(p)?.unwrap())).collect::<Result<_, StorageError>>()
        })
        .unwrap();
    let vectors: Vec<_> = texts
        .iter()
        .map(|(digest, text): &(Digest, String)| (*digest, vec![text.len() as f32, 1.0]))
        .collect();
    write(store, |write| write.put_vectors(row.key, &vectors));
    vectors.len()
}

fn changed(store: &Store, row: &SpaceRow, since: Option<StoreVersion>) -> Vec<(u64, String, usize)> {
    let mut seen = Vec::new();
    let mut each = |document: ChangedVectors<'_>| {
        seen.push((document.document_key, document.project.to_owned(), document.vectors.len()));
        Ok(())
    };
    let _mark = StoreVectors::new(store, row).changes(since, &mut each).unwrap();
    seen
}

#[test]
fn the_first_model_answers_at_once_and_another_only_when_it_is_told_to() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    assert_eq!(store.read(|read| read.serving_space()).unwrap(), None);
    let first = add_space(&store, "first");
    let second = add_space(&store, "second");
    assert_eq!(add_space(&store, "first"), first);
    assert_eq!(store.read(|read| read.serving_space()).unwrap(), Some(first.clone()));
    write(&store, |write| write.serve_space(second.key));
    assert_eq!(store.read(|read| read.serving_space()).unwrap(), Some(second.clone()));
    assert_eq!(store.read(|read| read.other_spaces(second.key)).unwrap(), [first]);
}

#[test]
fn a_text_is_embedded_once_wherever_it_stands() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let row = add_space(&store, "model");
    put(&store, "a.md", &["one", "two"]);
    assert_eq!(embed(&store, &row), 2);
    // Moved to another project and path under its own title, deleted, brought back: nothing to do each time.
    let other: ProjectId = "b".parse().unwrap();
    let rows = store.read(|read| read.documents_of(&project())).unwrap();
    let mut moved = document("sub/a.md", &["one", "two"]);
    moved.parsed.title = "a.md".to_owned();
    write(&store, |write| write.put_document(Some(rows[0].key), &other, &moved));
    assert_eq!(embed(&store, &row), 0);
    write(&store, |write| write.remove_document(rows[0].key));
    put(&store, "a.md", &["two", "one", "three"]);
    assert_eq!(embed(&store, &row), 1);
    // Another title is another text.
    let mut retitled = document("a.md", &["two", "one", "three"]);
    retitled.parsed.title = "other".to_owned();
    write(&store, |write| write.put_document(None, &project(), &retitled));
    assert_eq!(embed(&store, &row), 3);
}

#[test]
fn an_index_learns_of_new_vectors_and_of_changed_documents() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let row = add_space(&store, "model");
    put(&store, "a.md", &["one", "two"]);
    put(&store, "b.md", &["three"]);
    assert_eq!(changed(&store, &row, None), [(1, "a".to_owned(), 0), (2, "a".to_owned(), 0)]);
    let version = store.read(|read| read.version()).unwrap();
    assert_eq!(changed(&store, &row, Some(version)), []);
    embed(&store, &row);
    assert_eq!(changed(&store, &row, Some(version)), [(1, "a".to_owned(), 2), (2, "a".to_owned(), 1)]);
    let version = store.read(|read| read.version()).unwrap();
    write(&store, |write| write.remove_document(2));
    put(&store, "a.md", &["one", "four"]);
    assert_eq!(changed(&store, &row, Some(version)), [(1, "a".to_owned(), 1), (2, String::new(), 0)]);
}

#[test]
fn a_chunk_finds_the_vector_of_its_text() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let row = add_space(&store, "model");
    put(&store, "a.md", &["one", "two"]);
    let vector = |key| {
        let mut found = None;
        let keep = |_, vector: Option<&[[u8; 4]]>| {
            found = vector.map(|numbers| numbers.iter().map(|n| f32::from_le_bytes(*n)).collect::<Vec<_>>());
        };
        store.read(|read| read.each_chunk_key([key], Some(row.key), keep)).unwrap();
        found
    };
    assert_eq!(vector(1), None);
    let text_of = |chunk_key| {
        let of = PendingChunk {
            chunk_key,
            rechunked: false,
            document_key: 1,
            project: String::new(),
            modified_ns: 0,
        };
        store.read(|read| read.embedded_text(&of)).unwrap().unwrap()
    };
    let (digest, text) = text_of(1);
    assert_eq!(text, "a.md\nTop\none");
    write(&store, |write| write.put_vectors(row.key, &[(digest, vec![0.5, -1.5])]));
    assert_eq!(vector(1), Some(vec![0.5, -1.5]));
    assert_eq!((vector(2), vector(99)), (None, None));
    // A text without a vector is settled, not pending.
    let (digest, _) = text_of(2);
    write(&store, |write| write.put_vectors(row.key, &[(digest, Vec::new())]));
    assert_eq!(vector(2), None);
    let counts = store.read(|read| read.vector_counts(row.key)).unwrap();
    assert_eq!(counts, VectorCounts { chunks: 2, embedded: 2, vectors: 2 });
}

#[test]
fn unused_vectors_are_removed_in_steps() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let (old, new) = (add_space(&store, "old"), add_space(&store, "new"));
    put(&store, "a.md", &["one", "two", "three"]);
    embed(&store, &old);
    embed(&store, &new);
    write(&store, |write| write.serve_space(new.key));
    assert!(!write(&store, |write| write.remove_space(old.key, 2)));
    assert!(write(&store, |write| write.remove_space(old.key, 2)));
    assert_eq!(store.read(|read| read.space(old.space.fingerprint)).unwrap(), None);
    put(&store, "a.md", &["one"]);
    assert_eq!(write(&store, |write| write.remove_unused_vectors(1)), 1);
    assert_eq!(write(&store, |write| write.remove_unused_vectors(9)), 1);
    let counts = store.read(|read| read.vector_counts(new.key)).unwrap();
    assert_eq!(counts, VectorCounts { chunks: 1, embedded: 1, vectors: 1 });
}

#[test]
fn a_store_from_before_vectors_is_upgraded_and_knows_its_texts() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db/atocore.db");
    {
        let store = open(dir.path());
        put(&store, "a.md", &["one", "two"]);
    }
    let old = "DROP TABLE work_trees; ALTER TABLE source_documents DROP COLUMN committed;
        DROP TABLE found_documents; DROP TABLE questions; DROP TABLE links; DROP TABLE fact_changes; DROP TABLE project_state; DROP TABLE memories; DROP TABLE interactions;
        DROP TABLE rechunked_chunks; DROP TABLE rechunked_documents; DROP INDEX source_chunks_by_text; ALTER TABLE source_chunks DROP COLUMN text_digest;
        ALTER TABLE source_chunks DROP COLUMN location;
        DROP TABLE embeddings; UPDATE store SET serving_space = NULL; ALTER TABLE store DROP COLUMN serving_space;
        DROP TABLE embedding_spaces; ALTER TABLE source_documents DROP COLUMN encoding;
        ALTER TABLE source_documents DROP COLUMN front_matter; ALTER TABLE source_documents DROP COLUMN faults;
        ALTER TABLE source_documents DROP COLUMN changed_ns; ALTER TABLE source_documents DROP COLUMN inode;
        ALTER TABLE source_documents DROP COLUMN root; ALTER TABLE refreshes DROP COLUMN left_out;
        ALTER TABLE refreshes DROP COLUMN mounts; ALTER TABLE operations RENAME COLUMN interface TO door;
        ALTER TABLE operations RENAME COLUMN action TO verb;
        PRAGMA user_version = 1";
    Connection::open(&path).unwrap().execute_batch(old).unwrap();
    assert!(inspect::vectors(&path).unwrap().is_empty());
    assert!(matches!(Store::open_read_only(&path, options()), Err(StorageError::Older { found: 1, .. })));
    drop(open(dir.path()));
    assert_eq!(inspect::vectors(&path).unwrap(), [""; 0]);
    let digests: u64 = Connection::open(&path)
        .unwrap()
        .query_row(
            "SELECT count(DISTINCT text_digest) FROM source_chunks WHERE length(text_digest) = 32",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(digests, 2);
}

#[test]
fn vectors_that_cannot_be_right_are_named() {
    let harm = |sql: &str| {
        let dir = tempfile::tempdir().unwrap();
        {
            let store = open(dir.path());
            let row = add_space(&store, "model");
            put(&store, "a.md", &["one"]);
            embed(&store, &row);
        }
        let path = dir.path().join("db/atocore.db");
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        complaints_of(&path)
    };
    assert!(harm("SELECT 1").is_empty());
    for sql in [
        "UPDATE embeddings SET vector = x'00'",
        "UPDATE embeddings SET vector = x'0000c07f00000000'",
        "UPDATE source_chunks SET content = 'another'",
        "UPDATE source_chunks SET text_digest = x''",
    ] {
        assert_eq!(harm(sql).len(), 1, "{sql}");
    }
}

fn complaints_of(path: &Path) -> Vec<String> {
    inspect::vectors(path).unwrap()
}

#[test]
fn vectors_leave_a_line_in_the_operation_log() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let operation = LoggedOperation { interface: "engine", action: "embed", subject: "0 texts" };
    let row = add_space(&store, "model");
    let before = store.generation().unwrap();
    store.write(&operation, |write| write.put_vectors(row.key, &[])).unwrap();
    assert_eq!(store.generation().unwrap(), Generation(before.0 + 1));
}

#[test]
fn a_rechunked_document_answers_with_its_old_chunks_until_the_new_ones_are_embedded() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let row = add_space(&store, "model");
    put(&store, "a.md", &["one", "two"]);
    put(&store, "b.md", &["three"]);
    embed(&store, &row);
    let mut cut = document("a.md", &["one", "tw", "o"]);
    cut.chunked_by = "other".to_owned();
    write(&store, |write| write.put_rechunked(1, &cut));
    let known = store.read(|read| read.documents_of(&project())).unwrap();
    assert_eq!(known[0].chunked_by, "other");
    let contents = |store: &Store| -> Vec<String> {
        let keys = 1..=9;
        let chunks = keys.filter_map(|key| store.read(|read| read.chunk(key)).unwrap());
        chunks.map(|chunk| chunk.content).collect()
    };
    assert_eq!(contents(&store), ["one", "two", "three"]);
    // Until they have vectors, nothing takes its place.
    let is_ready = || store.read(|read| read.has_embedded_rechunk(row.key)).unwrap();
    assert!(!is_ready());
    assert_eq!(write(&store, |write| write.apply_rechunked(Some(row.key), 10)), 0);
    // Only the texts that are new have to be embedded.
    assert_eq!(embed(&store, &row), 2);
    assert!(is_ready());
    let version = store.read(|read| read.version()).unwrap();
    assert_eq!(write(&store, |write| write.apply_rechunked(Some(row.key), 10)), 1);
    assert_eq!(contents(&store), ["one", "three", "tw", "o"]);
    assert_eq!(changed(&store, &row, Some(version)), [(1, "a".to_owned(), 3)]);
    assert_eq!(store.read(|read| read.rechunked_documents()).unwrap(), 0);
    // A document that changes meanwhile, or goes, takes its new passages with it.
    write(&store, |write| write.put_rechunked(2, &cut));
    put(&store, "b.md", &["four"]);
    write(&store, |write| write.put_rechunked(1, &cut));
    write(&store, |write| write.remove_document(1));
    assert_eq!(store.read(|read| read.rechunked_documents()).unwrap(), 0);
}
