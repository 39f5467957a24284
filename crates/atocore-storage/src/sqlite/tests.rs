use std::sync::Mutex;

use atocore_model::{
    digest::Digest,
    document::{ChunkDraft, FileStamp, FrontMatter, HeadingPath, LineSpan, ParsedDocument},
    id::{ProjectId, StoreVersion},
    monitor::Silent,
    time::Timestamp,
};

use super::{copy::Copier, *};

#[derive(Debug)]
struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::parse("2026-04-06T18:42:19Z").unwrap()
    }
}

pub(super) fn options() -> StoreOptions {
    StoreOptions { busy_timeout: Duration::from_secs(5), clock: Arc::new(Fixed) }
}

pub(super) fn open(dir: &Path) -> Store {
    Store::open(&dir.join("db/atocore.db"), options()).unwrap()
}

pub(super) const OPERATION: LoggedOperation<'static> =
    LoggedOperation { interface: "test", action: "refresh", subject: "project a" };

pub(super) fn document(path: &str, texts: &[&str]) -> IngestedDocument {
    let chunk = |(i, text): (usize, &&str)| ChunkDraft {
        heading_path: HeadingPath::new(["Top"]),
        text: (*text).to_owned(),
        lines: LineSpan { first: i as u32 + 1, last: i as u32 + 1 },
        location: None,
    };
    IngestedDocument {
        file_path: format!("/docs/{path}"),
        source_path: path.parse().unwrap(),
        digest: Digest::from_bytes(*blake3::hash(texts.concat().as_bytes()).as_bytes()),
        stamp: FileStamp { size: 1, modified_ns: 7, ..FileStamp::default() },
        root: String::new(),
        settled: true,
        chunked_by: "test".to_owned(),
        encoding: "UTF-8".to_owned(),
        parsed: ParsedDocument {
            title: path.to_owned(),
            format: "markdown",
            tags: vec!["blue".parse().unwrap()],
            date: None,
            front_matter: FrontMatter::default(),
            links: Vec::new(),
            chunks: texts.iter().enumerate().map(chunk).collect(),
        },
    }
}

pub(super) fn project() -> ProjectId {
    "a".parse().unwrap()
}

pub(super) fn put(store: &Store, path: &str, texts: &[&str]) -> StoredChunks {
    store
        .write(&OPERATION, |write| write.put_document(None, &project(), &document(path, texts)))
        .map(|committed: Committed<StoredChunks>| committed.value)
        .unwrap()
}

#[test]
fn a_document_takes_its_path_from_the_document_that_has_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let other: ProjectId = "b".parse().unwrap();
    let _stored = put(&store, "old.md", &["one"]);
    let key = store.read(|read| read.documents_of(&project())).unwrap()[0].key;
    let put = |existing, project: &ProjectId, path: &str| {
        let put =
            |write: &WriteTransaction<'_>| write.put_document(existing, project, &document(path, &["one"]));
        store.write(&OPERATION, put).map(|committed: Committed<StoredChunks>| committed.value).unwrap()
    };
    let _stored = put(None, &other, "new.md");
    // It moved to where the other project has a document.
    assert_eq!(put(Some(key), &project(), "new.md").kept, 1);
    let of = |project: &ProjectId| {
        let rows = store.read(|read| read.documents_of(project)).unwrap();
        rows.into_iter().map(|row| (row.key == key, row.file_path)).collect::<Vec<_>>()
    };
    assert_eq!((of(&project()), of(&other)), (vec![(true, "/docs/new.md".to_owned())], vec![]));
    // A row that is gone by now is no reason to fail.
    assert_eq!(put(Some(key + 1), &other, "third.md").added, 1);
    assert_eq!(of(&other), [(false, "/docs/third.md".to_owned())]);
}

#[test]
fn every_committed_write_is_one_generation_with_its_own_token() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    assert_eq!(store.generation().unwrap(), Generation(0));
    let write = |_: &WriteTransaction<'_>| Ok::<_, StorageError>(());
    let first = store.write(&OPERATION, write).unwrap().version;
    let second = store.write(&OPERATION, write).unwrap().version;
    assert_eq!((first.generation, second.generation), (Generation(1), Generation(2)));
    assert_ne!(first.token, second.token);
    let known = |version| store.read(|read| read.has(version)).unwrap();
    assert!(known(first) && known(second) && known(StoreVersion { generation: Generation(0), token: 0 }));
    assert!(!known(StoreVersion { token: first.token ^ 1, ..first }));
    assert!(!known(StoreVersion { generation: Generation(9), token: 0 }));
}

#[test]
fn bookkeeping_is_committed_and_leaves_the_generation_and_the_log_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let _stored = put(&store, "a.md", &["one"]);
    let before = store.read(|read| read.version()).unwrap();
    let row = || store.read(|read| read.documents_of(&project())).unwrap().remove(0);
    let stamp = FileStamp { inode: 99, ..row().stamp };
    store.write_bookkeeping(|books| books.restamp(row().key, stamp, true, "vault:q")).unwrap();
    assert_eq!((row().stamp, row().root.as_str()), (stamp, "vault:q"));
    let failed = store.write_bookkeeping(|books| {
        books.restamp(row().key, FileStamp::default(), true, "vault:r")?;
        Err::<(), _>(StorageError::Cancelled)
    });
    assert!(failed.is_err());
    assert_eq!(row().stamp, stamp);
    assert_eq!(store.read(|read| read.version()).unwrap(), before);
    assert!(store.read(|read| read.operations_since(before.generation)).unwrap().is_empty());
}

#[test]
fn a_failed_write_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let failed: Result<Committed<()>, _> = store.write(&OPERATION, |write| {
        let _stored = write.put_document(None, &project(), &document("a.md", &["one"]))?;
        Err(StorageError::Cancelled)
    });
    assert!(failed.is_err());
    assert_eq!(store.generation().unwrap(), Generation(0));
    assert!(store.read(|read| read.documents_of(&project())).unwrap().is_empty());
}

#[test]
fn chunks_keep_their_ids_while_their_text_stays() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    assert_eq!(put(&store, "a.md", &["one", "two", "two"]), StoredChunks { added: 3, kept: 0, removed: 0 });
    let ids = |store: &Store| -> Vec<(String, String)> {
        store
            .read(|read| {
                let mut statement =
                    read.connection.prepare("SELECT id FROM source_chunks ORDER BY chunk_index")?;
                let keys: Vec<i64> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
                let chunks = keys.into_iter().map(|key| Ok(read.chunk(key)?.unwrap()));
                chunks
                    .map(|p| p.map(|p: atocore_model::document::Chunk| (p.id.to_string(), p.content)))
                    .collect()
            })
            .map_err(|error: StorageError| error)
            .unwrap()
    };
    let before = ids(&store);
    assert_eq!(
        put(&store, "a.md", &["zero", "two", "one", "two"]),
        StoredChunks { added: 1, kept: 3, removed: 0 }
    );
    let after = ids(&store);
    assert_eq!((&after[1], &after[2], &after[3]), (&before[1], &before[0], &before[2]));
    assert_eq!(put(&store, "a.md", &[]), StoredChunks { added: 0, kept: 0, removed: 4 });
}

#[test]
fn readers_see_one_view_and_never_wait() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store
        .read(|read| {
            let before = read.generation()?;
            let _stored = put(&store, "a.md", &["one"]);
            assert_eq!(read.generation()?, before);
            Ok::<_, StorageError>(())
        })
        .unwrap();
    let beside = Store::open_read_only(store.path(), options()).unwrap();
    assert_eq!(beside.generation().unwrap(), Generation(1));
    assert!(matches!(beside.write(&OPERATION, |_| Ok::<_, StorageError>(())), Err(StorageError::ReadOnly)));
}

#[test]
fn stores_of_others_and_of_the_future_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.db");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    assert!(matches!(Store::open(&path, options()), Err(StorageError::Foreign)));
    drop(open(dir.path()));
    let ours = dir.path().join("db/atocore.db");
    Connection::open(&ours).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let refused = Store::open(&ours, options()).unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!("the store has schema 99, this program knows up to {SCHEMA_VERSION}")
    );
    let damaged = dir.path().join("damaged.db");
    files::write_synced(&damaged, &[7; 4096]).unwrap();
    assert!(matches!(Store::open(&damaged, options()), Err(StorageError::Damaged(_))));
    assert!(matches!(
        Store::open_read_only(&dir.path().join("none.db"), options()),
        Err(StorageError::Missing(_))
    ));
}

#[test]
fn a_copy_is_the_instant_of_the_snapshot_however_it_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let _stored = put(&store, "a.md", &["one", "two"]);
    let child = Copier::Child { program: "cp".into(), arguments: Vec::new() };
    for (name, copier) in [("child.db", child), ("stepped.db", Copier::InProcess)] {
        let (snapshot, generation) = store.recovery_point(|| 7).unwrap();
        assert_eq!(generation, 7);
        assert!(snapshot.log.is_some_and(log::LogState::is_checkpointed));
        let _stored = put(&store, &format!("{name}.md"), &["later"]);
        let to = dir.path().join(name);
        snapshot.copy_to(&to, &copier, &Silent).unwrap().sync().unwrap();
        assert_eq!(inspect::record(&to).unwrap(), *snapshot.record());
        assert!(inspect::integrity(&to).unwrap().is_empty());
        assert!(inspect::foreign_keys(&to).unwrap().is_empty());
        assert!(!dir.path().join(format!("{name}-wal")).exists());
        assert!(!dir.path().join(format!("{name}-shm")).exists());
    }
}

#[test]
fn a_reader_that_needs_the_log_only_changes_the_way_of_copying() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let child = Copier::Child { program: "cp".into(), arguments: Vec::new() };
    store
        .read(|read| {
            let _generation = read.generation()?;
            let _stored = put(&store, "a.md", &["one"]);
            let (snapshot, ()) = store.recovery_point(|| ()).unwrap();
            assert!(!snapshot.log.unwrap().is_checkpointed());
            let to = dir.path().join("copy.db");
            snapshot.copy_to(&to, &child, &Silent)?.sync()?;
            assert_eq!(inspect::record(&to)?, *snapshot.record());
            Ok::<_, StorageError>(())
        })
        .unwrap();
}

#[test]
fn a_cancelled_copy_stops() {
    struct CancelSecondCheck(Mutex<u32>);
    impl Monitor for CancelSecondCheck {
        fn progress(&self, _: atocore_model::monitor::Progress) {}
        fn cancelled(&self) -> bool {
            let mut asked = self.0.lock().unwrap();
            *asked += 1;
            *asked > 1
        }
    }
    use atocore_model::monitor::Monitor;
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let (snapshot, ()) = store.recovery_point(|| ()).unwrap();
    let child = Copier::Child { program: "sleep".into(), arguments: vec!["60".into()] };
    let sleepy = snapshot.copy_to(&dir.path().join("x.db"), &child, &CancelSecondCheck(Mutex::new(0)));
    assert!(matches!(sleepy, Err(StorageError::Copier(_) | StorageError::Cancelled)), "{sleepy:?}");
}

#[test]
fn inspecting_leaves_no_trace() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let (snapshot, ()) = store.recovery_point(|| ()).unwrap();
    let folder = dir.path().join("odd %3f#? name");
    files::create_dirs(&folder).unwrap();
    let copy = folder.join("atocore.db");
    snapshot.copy_to(&copy, &Copier::InProcess, &Silent).unwrap().sync().unwrap();
    let before = files::read_if_present(&copy).unwrap();
    assert!(inspect::integrity(&copy).unwrap().is_empty());
    let _record = inspect::record(&copy).unwrap();
    assert_eq!(files::read_if_present(&copy).unwrap(), before);
    assert_eq!(files::list(&folder).unwrap(), [copy]);
}

#[test]
fn a_lock_of_another_program_is_busy_and_not_a_fault_of_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions { busy_timeout: Duration::from_millis(20), ..options() };
    let store = Store::open(&dir.path().join("db/atocore.db"), options.clone()).unwrap();
    let other = Connection::open(store.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = store.write(&OPERATION, |_| Ok::<_, StorageError>(())).unwrap_err();
    assert_eq!(refused.code().as_str(), "store_busy");
    assert!(refused.to_string().starts_with("the database is locked by"), "{refused}");
    assert_eq!(store.generation().unwrap(), Generation(0), "it is read meanwhile");
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(
        store.write(&OPERATION, |_| Ok::<_, StorageError>(())).unwrap().version.generation,
        Generation(1)
    );
    drop(store);

    other.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").unwrap();
    let refused = Store::open(&dir.path().join("db/atocore.db"), options).unwrap_err();
    assert_eq!(refused.code().as_str(), "store_busy", "{refused:?}");
}

#[test]
fn a_store_with_another_schema_than_its_version_makes_is_not_opened() {
    let foreign = |sql: &str| {
        let dir = tempfile::tempdir().unwrap();
        drop(open(dir.path()));
        let path = dir.path().join("db/atocore.db");
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let own = Store::open(&path, options()).map(drop);
        let read = Store::open_read_only(&path, options()).map(drop);
        (own, read)
    };
    for (sql, what) in [
        (
            "CREATE TRIGGER t AFTER INSERT ON memories BEGIN DELETE FROM project_state; END",
            "must not have the trigger `t`",
        ),
        ("CREATE VIEW v AS SELECT 1", "must not have the view `v`"),
        ("CREATE TABLE \"a\nb\" (x)", "must not have the table `a\\nb`"),
        ("DROP INDEX memories_by_status", "it lacks the index `memories_by_status`"),
        ("ALTER TABLE memories ADD COLUMN more TEXT", "it has another definition of the table `memories`"),
        (
            "DROP INDEX memories_by_status; CREATE INDEX memories_by_status ON memories (status)",
            "it has another definition of the index `memories_by_status`",
        ),
    ] {
        let (own, read) = foreign(sql);
        for refused in [own.unwrap_err(), read.unwrap_err()] {
            assert_eq!(refused.code().as_str(), "store_damaged");
            assert!(refused.to_string().ends_with(what), "{refused}");
        }
    }
    let (own, read) = foreign("ANALYZE; PRAGMA optimize");
    own.unwrap();
    read.unwrap();
}

#[test]
fn connections_neither_trust_a_schema_nor_let_it_be_rewritten() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let connection = connect(store.path(), OpenFlags::SQLITE_OPEN_READ_WRITE, &options()).unwrap();
    assert!(!connection.db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA).unwrap());
    let rewritten = "PRAGMA writable_schema = 1; DELETE FROM sqlite_schema";
    assert!(connection.execute_batch(rewritten).is_err());
}

#[test]
fn a_store_of_an_older_schema_is_kept_once_before_it_is_upgraded() {
    let dir = tempfile::tempdir().unwrap();
    let (path, keep) = (dir.path().join("db/atocore.db"), dir.path().join("before-upgrade"));
    let older = |version: u32| {
        files::create_dirs(&dir.path().join("db")).unwrap();
        files::remove_file(&path).unwrap();
        let connection = Connection::open(&path).unwrap();
        for statements in migrate::statements(version) {
            connection.execute_batch(statements).unwrap();
        }
        connection
            .execute_batch(&format!(
                "INSERT INTO store (id, store_id, generation, created_at) VALUES (1, 'store_{version}', 7, '');
                 PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {version}"
            ))
            .unwrap();
    };
    for version in 1..SCHEMA_VERSION {
        older(version);
        let store = Store::open_keeping(&path, options(), &keep).unwrap();
        let kept = keep.join(format!("schema-{version}.db"));
        assert_eq!(store.upgrade(), Some(&Upgrade { from: version, kept: Some(kept.clone()) }));
        let record = inspect::record(&kept).unwrap();
        let expected = (format!("store_{version}"), version, Generation(7));
        assert_eq!((record.store_id, record.schema_version, record.generation), expected);
        assert_eq!(files::list(&keep).unwrap(), [kept], "only the newest is kept");
        assert_eq!(store.read(|read| read.record()).unwrap().schema_version, SCHEMA_VERSION);
    }
    let before = files::list(&keep).unwrap();
    let store = Store::open_keeping(&path, options(), &keep).unwrap();
    assert_eq!((store.upgrade(), files::list(&keep).unwrap()), (None, before), "there is nothing to upgrade");
    drop(store);
    older(1);
    let store = Store::open(&path, options()).unwrap();
    assert_eq!(store.upgrade(), Some(&Upgrade { from: 1, kept: None }));
}

#[test]
fn what_can_be_read_of_a_damaged_store_is_read_and_nothing_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    put(&store, "a.md", &["one"]);
    let generation = store.generation().unwrap();
    store.damage.set("a page of it".to_owned()).unwrap();
    assert_eq!(store.generation().unwrap(), generation);
    let refused = store.write(&OPERATION, |_| Ok::<_, StorageError>(())).unwrap_err();
    assert!(matches!(refused, StorageError::Damaged(_)), "{refused}");
    assert_eq!(store.generation().unwrap(), generation);
}

#[test]
fn a_store_on_a_read_only_disk_is_read_without_sidecar_files() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    put(&store, "a.md", &["one"]);
    let (path, generation) = (store.path().to_owned(), store.generation().unwrap());
    drop(store);
    let store = Store::open_unchanging(&path, options()).unwrap();
    assert_eq!(store.generation().unwrap(), generation);
    assert_eq!(files::list(path.parent().unwrap()).unwrap(), std::slice::from_ref(&path));
    assert!(store.write(&OPERATION, |_| Ok::<_, StorageError>(())).is_err());
}
