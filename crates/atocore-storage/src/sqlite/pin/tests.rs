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

/// Copies in both ways; the copies must be alike in every page, whole, and of the pinned generation.
fn copies_agree(pin: &Pin, dir: &Path) {
    let dir = dir.join("copies");
    files::create_dirs(&dir).unwrap();
    let (copied, stepped) = (dir.join("copied.db"), dir.join("stepped.db"));
    pin.copy_to(&copied, &child(), &Silent).unwrap().sync().unwrap();
    pin.copy_to(&stepped, &Copier::InProcess, &Silent).unwrap().sync().unwrap();
    assert_eq!(files::list(&dir).unwrap(), [copied.clone(), stepped.clone()], "no sidecars");
    assert_eq!(inspect::record(&copied).unwrap(), *pin.record());
    assert!(inspect::integrity(&copied).unwrap().is_empty());
    assert!(inspect::foreign_keys(&copied).unwrap().is_empty());
    assert!(pages(&copied) == pages(&stepped), "{:?}: the copies differ", pin.log);
    files::remove_tree(&dir).unwrap();
}

/// Ends a writer when the test ends, even if it fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
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
fn recovery_points_beside_a_busy_writer_are_the_pinned_pages() {
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
        let end = Stop(&stop);
        let mut last = 0;
        for _ in 0..25 {
            let (pin, ()) = store.recovery_point(|| ()).unwrap();
            copies_agree(&pin, dir.path());
            assert!(pin.record().generation.0 >= last);
            last = pin.record().generation.0;
        }
        drop(end);
        writer.join().unwrap()
    });
    assert_eq!(generation(&store), written);
    nothing_is_lost(store, dir.path());
}

#[test]
fn with_everything_folded_the_file_is_the_recovery_point_whatever_is_written_later() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let _stored = put(&store, "a.md", &["one", "two"]);
    let (pin, ()) = store.recovery_point(|| ()).unwrap();
    assert!(pin.log.unwrap().is_folded());
    for number in 0..5 {
        let _stored = put(&store, "a.md", &[&format!("later {number}")]);
        let _folded = log::fold(&pin.folder).unwrap();
        copies_agree(&pin, dir.path());
    }
    drop(pin);
    nothing_is_lost(store, dir.path());
}

#[test]
fn a_checkpoint_behind_the_pin_leaves_pages_out_of_the_file_and_not_out_of_the_copy() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let _stored = put(&store, "a.md", &["one"]);
    let older = reader(&store);
    let _stored = put(&store, "a.md", &["two", "three"]);
    let (pin, ()) = store.recovery_point(|| ()).unwrap();
    let pinned = pin.log.unwrap();
    assert!(!pinned.is_folded(), "the older reader holds the log back: {pinned:?}");
    copies_agree(&pin, dir.path());

    drop(older);
    let _stored = put(&store, "a.md", &["four", "five", "six"]);
    let later = log::fold(&pin.folder).unwrap().unwrap();
    assert!(later.frames > pinned.frames);
    assert_eq!(later.folded, pinned.frames, "the checkpoint went up to the pin and no further");
    copies_agree(&pin, dir.path());
    // So the frames matter: what SQLite says is folded is not in the file alone.
    let (alone, stepped) = (dir.path().join("alone.db"), dir.path().join("stepped.db"));
    copy::Child { program: Path::new("cp"), arguments: &[], watch: &|| Ok(()) }
        .copy(store.path(), &alone)
        .unwrap();
    UnsyncedCopy::settle(&alone).unwrap().sync().unwrap();
    pin.copy_to(&stepped, &Copier::InProcess, &Silent).unwrap().sync().unwrap();
    assert!(pages(&alone) != pages(&stepped));
    drop(pin);
    nothing_is_lost(store, dir.path());
}

#[test]
fn a_pin_that_finds_all_marks_of_readers_taken_is_copied_as_well() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let mut readers = Vec::new();
    // One more than SQLite has marks for readers of the log.
    for number in 0..6 {
        readers.push(reader(&store));
        let _stored = put(&store, "a.md", &[&format!("text {number}")]);
    }
    let (pin, ()) = store.recovery_point(|| ()).unwrap();
    let pinned = pin.log.unwrap();
    drop(readers);
    let _stored = put(&store, "a.md", &["later"]);
    let later = log::fold(&pin.folder).unwrap().unwrap();
    assert!(later.folded < pinned.frames, "the pin shares the mark of an older reader: {later:?}");
    copies_agree(&pin, dir.path());
    drop(pin);
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
        let (pin, ()) = store.recovery_point(|| ()).unwrap();
        let limit = pin.log_limit;
        assert!(limit >= 1 << 20);
        let before = generation(&store);
        while log::state(&pin.folder).unwrap().unwrap().bytes(pin.page) <= limit {
            let _stored = put(&store, "big.md", &[&text]);
        }
        let to = dir.path().join("copy.db");
        let error = pin.copy_to(&to, &copier, &Silent).unwrap_err();
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
    let (pin, ()) = store.recovery_point(|| ()).unwrap();
    copies_agree(&pin, dir.path());
    drop(pin);
    nothing_is_lost(store, dir.path());
}

#[test]
fn what_grew_under_a_pin_is_folded_when_it_is_dropped_and_the_log_becomes_small_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let (pin, ()) = store.recovery_point(|| ()).unwrap();
    let texts: Vec<_> = (0..7).map(|number| format!("{number} ").repeat(700_000)).collect();
    for text in &texts {
        let _stored = put(&store, "big.md", &[text]);
    }
    let size = || std::fs::metadata(log::path(store.path())).unwrap().len();
    assert!(size() > WAL_KEPT_BYTES);
    drop(pin);
    let folder = connect(store.path(), OpenFlags::SQLITE_OPEN_READ_WRITE, &options()).unwrap();
    assert!(log::state(&folder).unwrap().unwrap().is_folded(), "not left to the next writer");
    let _stored = put(&store, "small.md", &["small"]);
    assert!(size() <= WAL_KEPT_BYTES, "{} bytes of log are kept", size());
    let log = log::state(&folder).unwrap().unwrap();
    assert!(log.folded < log.frames, "a small commit does not fold: {log:?}");
    drop(folder);
    nothing_is_lost(store, dir.path());
}

#[test]
fn a_store_for_reading_gives_no_recovery_point() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let beside = Store::open_read_only(store.path(), options()).unwrap();
    assert!(matches!(beside.recovery_point(|| ()), Err(StorageError::ReadOnly)));
}
