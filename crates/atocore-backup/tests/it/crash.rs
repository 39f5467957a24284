//! A snapshot that is not finished is never seen, and what a dead process left is cleared away.

use std::{
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

use atocore_backup::BackupError;
use atocore_model::{
    monitor::{Monitor, Progress},
    snapshot::Depth,
};

use crate::{
    child,
    home::{Home, STAMP},
};

/// Calls it off at the n-th time it is asked; tells how often it was asked.
#[derive(Debug)]
pub(crate) struct CancelAt {
    at: usize,
    asked: AtomicUsize,
}

impl CancelAt {
    pub(crate) fn call(at: usize) -> Self {
        Self { at, asked: AtomicUsize::new(0) }
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Monitor for CancelAt {
    fn progress(&self, _: Progress) {}

    fn cancelled(&self) -> bool {
        self.asked.fetch_add(1, Ordering::SeqCst) >= self.at
    }
}

#[test]
fn cancelled_at_any_moment_it_leaves_nothing() {
    let home = Home::new();
    let never = CancelAt::call(usize::MAX);
    let first = home.take_watched(&never).unwrap();
    assert!(never.asked() >= 5, "asked {} times", never.asked());
    for at in 0..never.asked() {
        let error = home.take_watched(&CancelAt::call(at)).unwrap_err();
        assert!(matches!(error, BackupError::Cancelled), "{at}: {error}");
        assert_eq!(home.directory.list().unwrap().len(), 1, "{at}");
        assert_eq!(home.leftovers(), [""; 0], "{at}");
    }
    assert!(home.validate(first.id, Depth::Content).valid());
}

#[test]
fn leftovers_of_a_dead_process_do_not_list_and_are_cleared_by_the_next_snapshot() {
    let home = Home::new();
    let partial = home.directory.dir().join(".partial");
    let (dead, foreign) = (partial.join(STAMP), partial.join("my notes"));
    std::fs::create_dir_all(dead.join("db")).unwrap();
    std::fs::write(dead.join("db/atocore.db"), "half").unwrap();
    std::fs::write(partial.join(format!("{STAMP}.lock")), "").unwrap();
    std::fs::create_dir_all(partial.join("20260406T184220Z")).unwrap();
    std::fs::create_dir_all(&foreign).unwrap();
    assert!(home.directory.list().unwrap().is_empty());
    let taken = home.take();
    assert_eq!(taken.id.to_string(), STAMP);
    assert_eq!(home.leftovers(), [".partial/my notes/"], "only what is named as ours is removed");
    assert!(home.validate(taken.id, Depth::Content).valid());
}

#[test]
fn work_of_a_living_process_is_left_alone() {
    let home = Home::new();
    let partial = home.directory.dir().join(".partial");
    std::fs::create_dir_all(partial.join(STAMP)).unwrap();
    let lock = partial.join(format!("{STAMP}.lock"));
    let held = atocore_storage::files::try_lock(&lock).unwrap().unwrap();
    let taken = home.take();
    assert_eq!(taken.id.to_string(), "20260406T184220Z");
    assert!(partial.join(STAMP).is_dir());
    drop(held);
    let _second = home.take();
    assert_eq!(home.leftovers(), [""; 0]);
}

/// The rename is the one step that makes a snapshot visible: killed before it, nothing is there; after it, all is.
#[test]
fn a_process_killed_while_it_copies_leaves_no_snapshot() {
    if let Some(root) = child::folder() {
        return child_that_copies_for_ever(&root);
    }
    let home = Home::new();
    // A copier that never ends stands for a long copy; the whole process group is killed in the middle of it.
    let root = home.root.path();
    let mut child = child::of("crash::a_process_killed_while_it_copies_leaves_no_snapshot", root)
        .env("TMPDIR", root)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let directory = root.join("child/backups");
    let started = std::time::Instant::now();
    while !directory.join(".partial").join(STAMP).join("db").is_dir() {
        assert!(started.elapsed().as_secs() < 60, "the child did not begin");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    child.kill().unwrap();
    let _status = child.wait().unwrap();
    let directory = atocore_backup::snapshot_directory::SnapshotDirectory::new(&directory);
    assert!(directory.list().unwrap().is_empty());
    // The next snapshot gets the stamp of the dead one and clears its folder away.
    let taken = atocore_backup::take::take(
        &directory,
        &home.source(),
        &home.options(),
        &atocore_model::monitor::Silent,
    )
    .unwrap();
    assert_eq!(taken.id.to_string(), STAMP);
    assert_eq!(directory.list().unwrap().len(), 1);
}

/// Never cancels and never lets the copy go on.
#[derive(Debug)]
struct Stuck;

impl Monitor for Stuck {
    fn progress(&self, _: Progress) {
        std::thread::sleep(std::time::Duration::from_secs(600));
    }

    fn cancelled(&self) -> bool {
        false
    }
}

fn child_that_copies_for_ever(root: &Path) {
    let home = Home::new();
    let directory = atocore_backup::snapshot_directory::SnapshotDirectory::new(&root.join("child/backups"));
    let _never = atocore_backup::take::take(&directory, &home.source(), &home.options(), &Stuck);
}
