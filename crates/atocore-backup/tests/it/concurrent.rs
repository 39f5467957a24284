//! Snapshots beside writers and beside each other.

use std::{
    collections::BTreeSet,
    path::Path,
    process::Stdio,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use atocore_backup::{
    BackupError,
    snapshot_directory::SnapshotDirectory,
    take::{TakeOptions, take},
};
use atocore_model::{
    id::Generation,
    monitor::{Monitor, Progress, Silent},
    snapshot::Depth,
};
use atocore_storage::sqlite::{copy::Copier, inspect};

use crate::{
    child,
    home::{Home, STAMP, validate},
};

/// `cp` stands for the child process that copies pages without having SQLite in it.
fn with_child(home: &Home) -> TakeOptions {
    let copier = Copier::Child { program: "cp".into(), arguments: vec!["--".to_owned()] };
    TakeOptions { copier, ..home.options() }
}

#[test]
fn snapshots_beside_a_busy_writer_are_each_one_generation() {
    for options in [Home::options, with_child] {
        let home = Home::new();
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let mut written = 0_u32;
                while !stop.load(Ordering::SeqCst) {
                    written += 1;
                    // Every write adds one document with two passages, so counts and generation move together.
                    let _stored = home.put(&format!("d{written}.md"), &["left", "right"]);
                }
                written
            });
            let mut generations = Vec::new();
            for _ in 0..8 {
                let taken = take(&home.directory, &home.source(), &options(&home), &Silent).unwrap();
                let validation = home.validate(taken.id, Depth::Content);
                assert!(validation.valid(), "{:?}", validation.errors());
                let record = taken.manifest.atocore.as_ref().unwrap();
                assert_eq!(record.counts.documents, record.generation);
                assert_eq!(record.counts.chunks, 2 * record.generation);
                let content = inspect::record(&taken.path.join("db/atocore.db")).unwrap();
                assert_eq!(content.generation, Generation(record.generation));
                generations.push(record.generation);
            }
            stop.store(true, Ordering::SeqCst);
            let written = writer.join().unwrap();
            assert!(written > 8, "the writer was held up: {written} writes during 8 snapshots");
            assert!(generations.is_sorted(), "{generations:?}");
        });
    }
}

#[cfg(unix)]
#[test]
fn a_log_that_outgrows_its_limit_ends_the_snapshot_and_nothing_lists() {
    let mut home = Home::new();
    home.store = home.store.with_log_limit(1 << 20);
    // Never ends by itself.
    let arguments = ["-c", "exec sleep 600"].map(str::to_owned).to_vec();
    let options = TakeOptions { copier: Copier::Child { program: "sh".into(), arguments }, ..home.options() };
    let text = "word ".repeat(50_000);
    let (error, written) = thread::scope(|scope| {
        let taker = scope.spawn(|| take(&home.directory, &home.source(), &options, &Silent).unwrap_err());
        let mut written = 0;
        while !taker.is_finished() {
            written += 1;
            let _stored = home.put("big.md", &[&text, "and the end"]);
        }
        (taker.join().unwrap(), written)
    });
    assert!(error.to_string().contains("write-ahead log grew to"), "{error}");
    assert!(written > 3, "the writer was not held up");
    assert!(home.directory.list().unwrap().is_empty());
    assert_eq!(home.leftovers(), [""; 0]);
    let _stored = home.put("after.md", &["goes on"]);
    let taken = home.take();
    assert!(home.validate(taken.id, Depth::Content).valid());
}

#[test]
fn snapshots_of_one_second_taken_by_many_threads_get_their_own_stamps() {
    let home = Home::new();
    let stamps: BTreeSet<String> = thread::scope(|scope| {
        let takers: Vec<_> = (0..6).map(|_| scope.spawn(|| home.take().id.to_string())).collect();
        takers.into_iter().map(|taker| taker.join().unwrap()).collect()
    });
    let listed: BTreeSet<String> =
        home.directory.list().unwrap().into_iter().map(|entry| entry.stamp).collect();
    assert_eq!(stamps.len(), 6);
    assert_eq!(stamps, listed);
    assert_eq!(stamps.first().unwrap(), STAMP);
    assert_eq!(stamps.last().unwrap(), "20260406T184224Z");
    assert_eq!(home.leftovers(), [""; 0]);
}

#[test]
fn snapshots_of_one_second_taken_by_many_processes_get_their_own_stamps() {
    if let Some(root) = child::folder() {
        return child_that_takes(&root);
    }
    let root = tempfile::tempdir().unwrap();
    let children: Vec<_> = (0..4)
        .map(|_| {
            child::of(
                "concurrent::snapshots_of_one_second_taken_by_many_processes_get_their_own_stamps",
                root.path(),
            )
            .env("TMPDIR", root.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let directory = SnapshotDirectory::new(root.path());
    let listed = directory.list().unwrap();
    assert_eq!(listed.len(), 4 * 5);
    for entry in listed {
        let validation = validate(&directory, entry.stamp.parse().unwrap(), Depth::Content);
        assert!(validation.valid(), "{}: {:?}", entry.stamp, validation.errors());
    }
}

fn child_that_takes(root: &Path) {
    let home = Home::new();
    for _ in 0..5 {
        let _taken = take(&SnapshotDirectory::new(root), &home.source(), &home.options(), &Silent).unwrap();
    }
}

/// Puts a directory of its own under the stamp of the snapshot that is being taken.
struct OtherProgram<'a> {
    target: &'a Path,
}

impl Monitor for OtherProgram<'_> {
    fn progress(&self, _: Progress) {
        std::fs::create_dir_all(self.target).unwrap();
    }

    fn cancelled(&self) -> bool {
        false
    }
}

#[test]
fn a_directory_that_another_program_makes_meanwhile_is_never_replaced() {
    let home = Home::new();
    let target = home.directory.snapshots().join(STAMP);
    let error = home.take_watched(&OtherProgram { target: &target }).unwrap_err();
    assert!(matches!(error, BackupError::StampTaken(id) if id.to_string() == STAMP), "{error}");
    assert_eq!(std::fs::read_dir(&target).unwrap().count(), 0, "an empty one neither");
    assert_eq!(home.leftovers(), [""; 0]);
    assert_eq!(home.take().id.to_string(), "20260406T184220Z");
}

#[test]
fn a_snapshot_can_be_validated_while_others_are_taken() {
    let home = Home::new();
    let first = home.take();
    thread::scope(|scope| {
        let taker = scope.spawn(|| (0..5).map(|_| home.take().id).collect::<Vec<_>>());
        for _ in 0..5 {
            assert!(home.validate(first.id, Depth::Content).valid());
        }
        assert_eq!(taker.join().unwrap().len(), 5);
    });
}
