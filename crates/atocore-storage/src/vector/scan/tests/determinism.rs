//! How an index came about, and how many threads look at it, does not show in its answers.

use atocore_model::monitor::Silent;
use proptest::prelude::*;

use super::{assert_no_stray_files, assert_same_answers, open, rebuilt};
use crate::vector::{
    VectorIndex,
    contract::{
        self,
        notebook::{Notebook, Random},
    },
};

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn small_steps_and_one_rebuild_give_the_same_answers(
        seed: u64,
        steps in 1_u64..40,
        dimensions in prop::sample::select(vec![1_usize, 2, 31, 64]),
    ) {
        let mut random = Random(seed);
        let mut notebook = Notebook::new(seed, dimensions);
        let dir = tempfile::tempdir().unwrap();
        let mut index = open(dir.path());
        for _ in 0..steps {
            for _ in 0..random.below(6) {
                contract::change(&mut notebook, &mut random);
            }
            index.tuning.log_bytes = random.below(1000);
            index.catch_up(&notebook, &Silent).unwrap();
            assert_no_stray_files(dir.path());
            if random.below(8) == 0 {
                drop(index);
                index = open(dir.path());
                prop_assert_eq!(index.rebuilt_reason(), None);
            }
        }
        let (_other, rebuilt) = rebuilt(&notebook);
        assert_same_answers(&index, &rebuilt, &mut random);
    }
}

#[test]
fn threads_do_not_matter() {
    let mut random = Random(41);
    let mut notebook = Notebook::new(41, 3);
    // Many equal vectors, so that what is at the cut is decided by keys.
    let vectors: Vec<_> = (0..5).map(|_| random.vector(3)).collect();
    let dir = tempfile::tempdir().unwrap();
    let mut index = open(dir.path());
    for round in 0..3 {
        for document in 1..=2000 >> round {
            let start = random.below(5) as usize;
            let project = format!("p{}", random.below(2));
            let chunks: Vec<_> = vectors.iter().cycle().skip(start).take(20).cloned().collect();
            notebook.write(document + round * 10_000, &chunks);
            notebook.edit(document + round * 10_000, |page| page.project = project);
        }
        index.catch_up(&notebook, &Silent).unwrap();
    }
    for document in (1..2000).step_by(9) {
        notebook.delete(document);
    }
    index.catch_up(&notebook, &Silent).unwrap();
    assert!(index.snapshot().changed.len() > 100 && index.snapshot().base.pieces.len() > 1);
    let mut shared = open(dir.path());
    shared.tuning.shared_vectors = 0;
    for threads in [1, 2, 3, 64] {
        shared.tuning.threads = threads;
        assert_same_answers(&index, &shared, &mut random);
    }
    index.tuning.shared_vectors = usize::MAX;
    assert_same_answers(&index, &shared, &mut random);
}
