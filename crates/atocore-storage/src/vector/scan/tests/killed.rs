//! A process that is killed while it writes.

use std::{
    os::unix::process::parent_id,
    path::Path,
    process::{Command, Stdio},
    thread::sleep,
    time::Duration,
};

use atocore_model::monitor::Silent;

use super::{assert_no_stray_files, assert_same_answers, open, rebuilt};
use crate::{
    lexical::IndexAccess,
    vector::{
        ScanIndex, VectorIndex,
        contract::{
            self,
            notebook::{Notebook, Random},
        },
    },
};

/// The notebook after a number of changes, the same in every process.
fn notebook(steps: u64) -> Notebook {
    let mut notebook = Notebook::new(77, 16);
    for step in 0..steps {
        contract::change(&mut notebook, &mut Random(step));
    }
    notebook
}

/// Set in the child process that the test starts from its own program.
const CHILD: &str = "ATOCORE_TEST_CHILD";

/// What the child process does, beside the index, until it is killed.
fn write_without_end() {
    let mut index = open(Path::new("index"));
    index.tuning.log_bytes = 4000;
    let mut steps = generation(&index);
    let mut notebook = notebook(steps);
    // Not on and on when the test itself is killed.
    let parent = parent_id();
    while parent_id() == parent {
        contract::change(&mut notebook, &mut Random(steps));
        steps += 1;
        index.catch_up(&notebook, &Silent).unwrap();
    }
}

fn generation(index: &ScanIndex) -> u64 {
    index.version().map_or(0, |version| version.generation.0)
}

#[test]
fn a_killed_writer_leaves_a_good_index() {
    #[expect(clippy::disallowed_methods, reason = "tells the child process from the test")]
    if std::env::var_os(CHILD).is_some() {
        return write_without_end();
    }
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("index");
    let mut random = Random(3);
    drop(open(&place));
    let mut reached = 0;
    for _ in 0..8 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "vector::scan::tests::killed::a_killed_writer_leaves_a_good_index"])
            .env(CHILD, "1")
            .current_dir(dir.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let seen = || generation(&ScanIndex::open(&place, IndexAccess::Read).unwrap());
        while seen() <= reached {
            assert!(child.try_wait().unwrap().is_none(), "the writer ended by itself");
            sleep(Duration::from_millis(5));
        }
        sleep(Duration::from_micros(random.below(100_000)));
        child.kill().unwrap();
        child.wait().unwrap();

        let index = open(&place);
        assert_eq!(index.rebuilt_reason(), None);
        assert_no_stray_files(&place);
        let steps = generation(&index);
        assert!(steps > reached, "what was written is there");
        // The parent writes one more.
        reached = steps + 1;
        let mut notebook = notebook(steps);
        assert_eq!(index.version(), Some(notebook.newest()));
        contract::change(&mut notebook, &mut Random(steps));
        index.catch_up(&notebook, &Silent).unwrap();
        let (_other, rebuilt) = rebuilt(&notebook);
        assert_same_answers(&index, &rebuilt, &mut random);
    }
}
