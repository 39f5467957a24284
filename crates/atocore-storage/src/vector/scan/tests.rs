//! The promises of the scan beyond those of every vector index, by what can happen to it.

mod catching_up;
mod determinism;
mod killed;
mod opening;

use std::{
    cell::RefCell,
    path::{Path, PathBuf},
};

use atocore_model::monitor::Silent;
use proptest::prelude::*;

use super::ScanIndex;
use crate::{
    lexical::IndexAccess,
    vector::{
        VectorFilter, VectorIndex,
        contract::{self, notebook::Notebook},
    },
};

fn open(dir: &Path) -> ScanIndex {
    ScanIndex::open(dir, IndexAccess::Write).unwrap()
}

/// A new index of everything in the notebook.
fn rebuilt(notebook: &Notebook) -> (tempfile::TempDir, ScanIndex) {
    let dir = tempfile::tempdir().unwrap();
    let index = open(dir.path());
    index.catch_up(notebook, &Silent).unwrap();
    (dir, index)
}

fn files(dir: &Path) -> Vec<PathBuf> {
    crate::files::list(dir).unwrap()
}

/// Expects the base, perhaps its log, and nothing else.
fn assert_no_stray_files(dir: &Path) {
    let there = files(dir);
    let names: Vec<_> = there.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    let all = ["vectors.base", "vectors.log"];
    assert_eq!(names, all[..names.len().clamp(1, 2)]);
}

/// Asks both the same questions and expects the same answers to the last bit.
fn assert_same_answers(
    one: &dyn VectorIndex,
    other: &dyn VectorIndex,
    random: &mut contract::notebook::Random,
) {
    assert_eq!((one.version(), one.vectors()), (other.version(), other.vectors()));
    let project = "p1".parse().unwrap();
    for limit in [1, 3, 10, 50, contract::EVERYTHING] {
        let vector = random.vector(one.space().unwrap().dimensions);
        let documents: Vec<u64> = (0..20).map(|_| random.below(60)).collect();
        for filter in [
            VectorFilter::default(),
            VectorFilter { project: Some(&project), ..VectorFilter::default() },
            VectorFilter { documents: Some(&documents), ..VectorFilter::default() },
        ] {
            let answer = contract::ask(one, &vector, &filter, limit);
            assert_eq!(answer, contract::ask(other, &vector, &filter, limit));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn it_keeps_the_contract(seed: u64, log_bytes in prop::sample::select(vec![0, 200, 1 << 20])) {
        let dirs = RefCell::new(Vec::new());
        let make = || -> Box<dyn VectorIndex> {
            let dir = tempfile::tempdir().unwrap();
            let mut index = open(dir.path());
            index.tuning.log_bytes = log_bytes;
            dirs.borrow_mut().push(dir);
            Box::new(index)
        };
        contract::holds_for(&make, seed);
        for dir in dirs.into_inner() {
            assert_no_stray_files(dir.path());
            assert_eq!(open(dir.path()).rebuilt_reason(), None);
        }
    }
}
