use std::{sync::atomic::AtomicBool, thread};

use atocore_model::monitor::Silent;

use super::*;
use crate::{
    files,
    sqlite::{
        WAL_KEPT_BYTES, inspect,
        tests::{open, options, put},
    },
};

/// `cp` stands for the child process that copies without having SQLite in it.
fn child() -> Copier {
    Copier::Child { program: "cp".into(), arguments: vec!["--".to_owned()] }
}

/// A reader of its own that keeps its view until it is dropped.
fn reader(store: &Store) -> Connection {
    let reader = connect(store.path(), OpenFlags::SQLITE_OPEN_READ_ONLY, &options()).unwrap();
    reader.execute_batch("BEGIN; SELECT generation FROM store").unwrap();
    reader
}

/// All pages of a database without what the backup interface counts on: the first hundred bytes.
fn pages(path: &Path) -> Vec<u8> {
    files::read_if_present(path).unwrap().unwrap().split_off(100)
}

/// Copies in both ways; the copies must be alike in every page, intact, and of the generation of the snapshot.
fn copies_agree(snapshot: &ReadSnapshot, dir: &Path) {
    let dir = dir.join("copies");
    files::create_dirs(&dir).unwrap();
    let (copied, stepped) = (dir.join("copied.db"), dir.join("stepped.db"));
    snapshot.copy_to(&copied, &child(), &Silent).unwrap().sync().unwrap();
    snapshot.copy_to(&stepped, &Copier::InProcess, &Silent).unwrap().sync().unwrap();
    assert_eq!(files::list(&dir).unwrap(), [copied.clone(), stepped.clone()], "no sidecars");
    assert_eq!(inspect::record(&copied).unwrap(), *snapshot.record());
    assert!(inspect::integrity(&copied).unwrap().is_empty());
    assert!(inspect::foreign_keys(&copied).unwrap().is_empty());
    assert!(pages(&copied) == pages(&stepped), "{:?}: the copies differ", snapshot.log);
    files::remove_tree(&dir).unwrap();
}

/// Ends a writer when the test ends, even if it fails.
struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn generation(store: &Store) -> u64 {
    store.generation().unwrap().0
}

/// Nothing that was written is missing when the store is opened again.
fn nothing_is_lost(store: Store, dir: &Path) {
    let (written, path) = (generation(&store), store.path().to_owned());
    drop(store);
    assert_eq!(generation(&open(dir)), written);
    assert!(inspect::integrity(&path).unwrap().is_empty());
}

#[test]
fn recovery_points_beside_a_busy_writer_are_the_pages_of_the_snapshot() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let stop = AtomicBool::new(false);
    let written = thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut written = 0_u64;
            while !stop.load(Ordering::SeqCst) {
                // The same pages over and over, and new ones too.
                let _stored =
                    put(&store, &format!("{}.md", written % 50), &[&format!("text {written}"), "same"]);
                written += 1;
            }
            written
        });
        let end = StopOnDrop(&stop);
        let mut last = 0;
        for _ in 0..25 {
            let (snapshot, ()) = store.recovery_point(|| ()).unwrap();
            copies_agree(&snapshot, dir.path());
            assert!(snapshot.record().generation.0 >= last);
            last = snapshot.record().generation.0;
        }
        drop(end);
        writer.join().unwrap()
    });
    assert_eq!(generation(&store), written);
    nothing_is_lost(store, dir.path());
}

#[test]
fn after_a_full_checkpoint_the_file_is_the_recovery_point_whatever_is_written_later() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let _stored = put(&store, "a.md", &["one", "two"]);
    let (snapshot, ()) = store.recovery_point(|| ()).unwrap();
    assert!(snapshot.log.unwrap().is_checkpointed());
    for number in 0..5 {
        let _stored = put(&store, "a.md", &[&format!("later {number}")]);
        let _state = log::checkpoint(&snapshot.checkpoint_conn).unwrap();
        copies_agree(&snapshot, dir.path());
    }
    drop(snapshot);
    nothing_is_lost(store, dir.path());
}

#[test]
fn a_checkpoint_behind_the_snapshot_leaves_pages_out_of_the_file_but_not_out_of_the_copy() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let _stored = put(&store, "a.md", &["one"]);
    let older = reader(&store);
    let _stored = put(&store, "a.md", &["two", "three"]);
    let (snapshot, ()) = store.recovery_point(|| ()).unwrap();
    let taken = snapshot.log.unwrap();
    assert!(!taken.is_checkpointed(), "the older reader holds the log back: {taken:?}");
    copies_agree(&snapshot, dir.path());

    drop(older);
    let _stored = put(&store, "a.md", &["four", "five", "six"]);
    let later = log::checkpoint(&snapshot.checkpoint_conn).unwrap().unwrap();
    assert!(later.frames > taken.frames);
    assert_eq!(later.checkpointed, taken.frames, "the checkpoint went up to the snapshot and no further");
    copies_agree(&snapshot, dir.path());
    // So the frames matter: the file alone does not have all that SQLite reports as checkpointed.
    let (alone, stepped) = (dir.path().join("alone.db"), dir.path().join("stepped.db"));
    copy::Child { program: Path::new("cp"), arguments: &[], watch: &|| Ok(()) }
        .copy(store.path(), &alone)
        .unwrap();
    UnsyncedCopy::settle(&alone).unwrap().sync().unwrap();
    snapshot.copy_to(&stepped, &Copier::InProcess, &Silent).unwrap().sync().unwrap();
    assert!(pages(&alone) != pages(&stepped));
    drop(snapshot);
    nothing_is_lost(store, dir.path());
}

#[test]
fn a_snapshot_that_shares_the_read_mark_of_an_older_reader_is_copied_as_well() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let mut readers = Vec::new();
    // One more than SQLite has read marks.
    for number in 0..6 {
        readers.push(reader(&store));
        let _stored = put(&store, "a.md", &[&format!("text {number}")]);
    }
    let (snapshot, ()) = store.recovery_point(|| ()).unwrap();
    let taken = snapshot.log.unwrap();
    drop(readers);
    let _stored = put(&store, "a.md", &["later"]);
    let later = log::checkpoint(&snapshot.checkpoint_conn).unwrap().unwrap();
    assert!(
        later.checkpointed < taken.frames,
        "the snapshot shares the read mark of an older reader: {later:?}"
    );
    copies_agree(&snapshot, dir.path());
    drop(snapshot);
    nothing_is_lost(store, dir.path());
}

#[test]
fn a_log_that_outgrows_its_limit_ends_the_copy_and_not_the_writers() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).with_log_limit(1 << 20);
    let text = "word ".repeat(400_000);
    // Copies for ever; what comes after the command are its name and one more.
    let endless =
        Copier::Child { program: "sh".into(), arguments: vec!["-c".into(), "exec sleep 600".into()] };
    for copier in [endless, Copier::InProcess] {
        let (snapshot, ()) = store.recovery_point(|| ()).unwrap();
        let limit = snapshot.log_limit;
        assert!(limit >= 1 << 20);
        let before = generation(&store);
        while log::state(&snapshot.checkpoint_conn).unwrap().unwrap().bytes(snapshot.page) <= limit {
            let _stored = put(&store, "big.md", &[&text]);
        }
        let to = dir.path().join("copy.db");
        let error = snapshot.copy_to(&to, &copier, &Silent).unwrap_err();
        assert!(
            matches!(error, StorageError::LogTooLarge { bytes, limit: said } if bytes > said && said == limit),
            "{error}"
        );
        assert!(error.to_string().contains("write-ahead log grew to"), "{error}");
        let _stored = put(&store, "after.md", &["goes on"]);
        assert!(generation(&store) > before);
        files::remove_file(&to).unwrap();
    }
    // The log that has grown is no reason against the next one.
    let (snapshot, ()) = store.recovery_point(|| ()).unwrap();
    copies_agree(&snapshot, dir.path());
    drop(snapshot);
    nothing_is_lost(store, dir.path());
}

#[test]
fn dropping_a_snapshot_checkpoints_the_log_and_the_log_shrinks_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let (snapshot, ()) = store.recovery_point(|| ()).unwrap();
    let texts: Vec<_> = (0..7).map(|number| format!("{number} ").repeat(700_000)).collect();
    for text in &texts {
        let _stored = put(&store, "big.md", &[text]);
    }
    let size = || std::fs::metadata(log::path(store.path())).unwrap().len();
    assert!(size() > WAL_KEPT_BYTES);
    drop(snapshot);
    let checkpoint_conn = connect(store.path(), OpenFlags::SQLITE_OPEN_READ_WRITE, &options()).unwrap();
    assert!(log::state(&checkpoint_conn).unwrap().unwrap().is_checkpointed(), "not left to the next writer");
    let _stored = put(&store, "small.md", &["small"]);
    assert!(size() <= WAL_KEPT_BYTES, "{} bytes of log are kept", size());
    let log = log::state(&checkpoint_conn).unwrap().unwrap();
    assert!(log.checkpointed < log.frames, "a small commit runs no checkpoint: {log:?}");
    drop(checkpoint_conn);
    nothing_is_lost(store, dir.path());
}

#[test]
fn a_read_only_store_has_no_recovery_point() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let beside = Store::open_read_only(store.path(), options()).unwrap();
    assert!(matches!(beside.recovery_point(|| ()), Err(StorageError::ReadOnly)));
}
