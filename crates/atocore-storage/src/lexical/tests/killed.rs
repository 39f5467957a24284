//! A process that is killed while it writes.

use std::{
    os::unix::process::parent_id,
    path::Path,
    process::{Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    thread::{scope, sleep},
    time::Duration,
};

use atocore_model::monitor::Silent;

use super::{Notebook, ask, notebook::Random, open, rebuilt};
use crate::lexical::{IndexAccess, LexicalIndex};

/// The notebook after a number of changes, the same in every process.
fn notebook(steps: u64) -> Notebook {
    let mut notebook = Notebook::new(77);
    for step in 0..steps {
        write_one(&mut notebook, step);
    }
    notebook
}

fn write_one(notebook: &mut Notebook, step: u64) {
    let mut random = Random(step);
    notebook.write(1 + random.below(40), "", &[&random.words(60, 20), &random.words(60, 20)]);
}

/// Set in the child process that the test starts from its own program.
const CHILD: &str = "ATOCORE_TEST_CHILD";

/// What the child process does, beside the index, until it is killed.
fn write_without_end() {
    let index = open(Path::new("index"));
    let mut steps = index.version().map_or(0, |version| version.generation.0);
    let mut notebook = notebook(steps);
    // Not on and on when the test itself is killed.
    let parent = parent_id();
    while parent_id() == parent {
        write_one(&mut notebook, steps);
        steps += 1;
        index.catch_up(&notebook, &Silent).unwrap();
    }
}

/// What another process sees of the index.
fn generation(place: &Path) -> u64 {
    let index = LexicalIndex::open(place, IndexAccess::Read).unwrap();
    index.version().map_or(0, |version| version.generation.0)
}

#[test]
fn a_killed_writer_leaves_a_good_index_and_no_lock() {
    #[expect(clippy::disallowed_methods, reason = "tells the child process from the test")]
    if std::env::var_os(CHILD).is_some() {
        return write_without_end();
    }
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("index");
    let mut random = Random(3);
    drop(open(&place));
    let mut reached = 0;
    for _ in 0..6 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "lexical::tests::killed::a_killed_writer_leaves_a_good_index_and_no_lock"])
            .env(CHILD, "1")
            .current_dir(dir.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        while generation(&place) <= reached {
            assert!(child.try_wait().unwrap().is_none(), "the writer ended by itself");
            sleep(Duration::from_millis(10));
        }
        sleep(Duration::from_millis(random.below(150)));
        child.kill().unwrap();
        child.wait().unwrap();

        let index = open(&place);
        assert_eq!(index.rebuilt_reason(), None);
        let version = index.version();
        let steps = version.map_or(0, |version| version.generation.0);
        assert!(steps > reached, "what was committed is there");
        // The parent writes one more.
        reached = steps + 1;
        let mut notebook = notebook(steps);
        assert!(version.is_none_or(|version| version == notebook.newest()));
        write_one(&mut notebook, steps);
        index.catch_up(&notebook, &Silent).unwrap();
        let (_other, rebuilt) = rebuilt(&notebook);
        let question = random.words(60, 6);
        assert_eq!(
            ask(&index, &question, &Default::default(), 50),
            ask(&rebuilt, &question, &Default::default(), 50)
        );
    }
}

#[test]
fn an_index_that_is_committed_to_while_it_is_opened_is_not_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let index = open(dir.path());
    let mut notebook = notebook(1);
    index.catch_up(&notebook, &Silent).unwrap();
    let written = AtomicU64::new(0);
    scope(|scope| {
        let writer = scope.spawn(|| {
            for step in 1..=150 {
                write_one(&mut notebook, step);
                index.catch_up(&notebook, &Silent).unwrap();
                written.store(step, Ordering::Relaxed);
            }
        });
        while !writer.is_finished() {
            assert!(generation(dir.path()) > 0);
        }
    });
    assert_eq!(written.into_inner(), 150);
}
