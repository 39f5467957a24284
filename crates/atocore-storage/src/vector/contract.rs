//! What every vector index promises, whatever is behind it: [`holds_for`] runs all of it. For the tests of each crate
//! that has such an index, by the feature `contract`.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "only tests use it, and fail by a panic")]

mod compare;
pub mod notebook;

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use atocore_model::{
    digest::Digest,
    id::{ProjectId, StoreVersion},
    monitor::{Monitor, Progress, Silent},
};

use self::notebook::{Near, Notebook, Page, Random};
use super::{
    ChangedVectors, SourceError, VectorError, VectorFilter, VectorIndex, VectorMatches, VectorQuery,
    VectorSource, VectorSpace,
};
use crate::chunk_filter::ChunkFilter;

/// Makes an empty index.
pub type Make<'a> = &'a dyn Fn() -> Box<dyn VectorIndex>;

/// Keeps every promise, on contents that are drawn from `seed`.
pub fn holds_for(make: Make<'_>, seed: u64) {
    an_empty_index_has_no_matches(make);
    matches_and_filters_are_exact_through_every_change(make, seed);
    the_best_ten_are_among_the_candidates(make, seed);
    only_what_changed_is_read_again(make);
    the_last_time_counts_when_a_document_comes_twice(make);
    another_history_is_built_anew(make);
    another_space_replaces_the_old_one_in_one_step(make, seed);
    cancelling_leaves_the_previous_state(make);
    a_failing_source_leaves_the_previous_state(make);
    bad_vectors_are_refused(make);
    searches_go_on_while_it_is_written(make, seed);
    compare::it_is_compared_with_its_source_and_built_anew(make, seed);
}

/// More matches than any test has vectors.
pub const EVERYTHING: usize = 1_000_000;

/// The matches of a query that cannot fail.
pub fn ask(
    index: &dyn VectorIndex,
    vector: &[f32],
    filter: &VectorFilter<'_>,
    limit: usize,
) -> VectorMatches {
    index.search(&VectorQuery { vector, filter, limit }).unwrap()
}

/// The chunk keys that match, best first.
pub fn found(index: &dyn VectorIndex, vector: &[f32]) -> Vec<u64> {
    let matches = ask(index, vector, &VectorFilter::default(), EVERYTHING).matches;
    matches.iter().map(|found| found.chunk_key).collect()
}

/// Cancels when a number of documents was reported.
#[derive(Debug)]
pub struct CancelAfter {
    limit: u64,
    seen: AtomicU64,
}

impl CancelAfter {
    /// After that many.
    pub fn documents(limit: u64) -> Self {
        Self { limit, seen: AtomicU64::new(0) }
    }
}

impl Monitor for CancelAfter {
    fn progress(&self, progress: Progress) {
        self.seen.store(progress.done, Ordering::Relaxed);
    }

    fn cancelled(&self) -> bool {
        self.seen.load(Ordering::Relaxed) >= self.limit
    }
}

/// Tells other threads that it is over when it is dropped, also by a test that fails.
#[derive(Debug)]
pub struct Over<'a>(pub &'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// One random change: a document is written, moved to another project, emptied or deleted.
pub fn change(notebook: &mut Notebook, random: &mut Random) {
    let document = 1 + random.below(40);
    match random.below(6) {
        0 => notebook.delete(document),
        1 if notebook.pages.contains_key(&document) => {
            let project = format!("p{}", random.below(3));
            notebook.edit(document, |page| page.project = project);
        }
        2 if notebook.pages.contains_key(&document) => {
            notebook.edit(document, |page| page.vectors.truncate(1));
        }
        _ => {
            let project = format!("p{}", random.below(3));
            let mut vectors = Vec::new();
            for _ in 0..random.below(6) {
                vectors.push((notebook.key(), random.vector(notebook.space.dimensions)));
            }
            notebook.put(document, Page { project, vectors });
        }
    }
}

fn an_empty_index_has_no_matches(make: Make<'_>) {
    let index = make();
    assert_eq!((index.space(), index.version(), index.vectors()), (None, None, 0));
    let answer = ask(&*index, &[1.0, 2.0], &VectorFilter::default(), 10);
    assert_eq!((answer.version, answer.matches.len()), (None, 0));
    let notebook = Notebook::new(1, 3);
    assert_eq!(index.catch_up(&notebook, &Silent).unwrap(), notebook.newest());
    assert_eq!((index.space(), index.version()), (Some(notebook.space), Some(notebook.newest())));
    assert_eq!(found(&*index, &[1.0, 2.0, 3.0]), [0_u64; 0]);
}

fn matches_and_filters_are_exact_through_every_change(make: Make<'_>, seed: u64) {
    let mut random = Random(seed);
    let mut notebook = Notebook::new(seed, 24);
    let index = make();
    for _ in 0..12 {
        for _ in 0..=random.below(8) {
            change(&mut notebook, &mut random);
        }
        index.catch_up(&notebook, &Silent).unwrap();
        assert_eq!((index.version(), index.vectors()), (Some(notebook.newest()), notebook.vectors()));
        let project: ProjectId = format!("p{}", random.below(4)).parse().unwrap();
        let documents: Vec<u64> = (0..random.below(30)).map(|_| random.below(45)).collect();
        let mut some_chunks = || (0..random.below(60)).map(|_| random.below(120)).collect::<Vec<u64>>();
        let only = ChunkFilter::new(Some(some_chunks()), some_chunks());
        let except = ChunkFilter::new(None, some_chunks());
        let everything = VectorFilter::default();
        for filter in [
            everything,
            VectorFilter { project: Some(&project), ..everything },
            VectorFilter { documents: Some(&documents), ..everything },
            VectorFilter { project: Some(&project), documents: Some(&documents), chunks: None },
            VectorFilter { documents: Some(&[]), ..everything },
            VectorFilter { chunks: Some(&only), ..everything },
            VectorFilter { project: Some(&project), documents: Some(&documents), chunks: Some(&except) },
        ] {
            assert_nearest(&*index, &notebook, &random.vector(24), &filter);
        }
    }
}

/// Compares what is found with a plain look at every vector.
pub fn assert_nearest(
    index: &dyn VectorIndex,
    notebook: &Notebook,
    vector: &[f32],
    filter: &VectorFilter<'_>,
) {
    let expected = notebook.nearest(vector, filter);
    let answer = ask(index, vector, filter, EVERYTHING);
    assert_eq!(answer.version, Some(notebook.newest()));
    let keys = |matches: &[Near]| matches.iter().map(|near| (near.chunk_key, near.document_key)).collect();
    let all: Vec<_> = answer
        .matches
        .iter()
        .map(|found| Near {
            chunk_key: found.chunk_key,
            document_key: found.document_key,
            cosine: f64::from(found.similarity),
        })
        .collect();
    let (expected_keys, found_keys): (BTreeSet<_>, BTreeSet<_>) = (keys(&expected), keys(&all));
    assert_eq!(found_keys, expected_keys, "{filter:?}");
    assert_eq!(all.len(), expected.len(), "a passage is found once: {filter:?}");
    for near in &all {
        let exact = expected.iter().find(|exact| exact.chunk_key == near.chunk_key).unwrap();
        assert!((near.cosine - exact.cosine).abs() < 0.02, "{near:?} {exact:?}");
    }
    assert!(
        all.windows(2).all(|pair| pair[0].cosine > pair[1].cosine
            || (pair[0].cosine == pair[1].cosine && pair[0].chunk_key < pair[1].chunk_key)),
        "best first, then by key"
    );
    for limit in [0, 1, 7] {
        let few = ask(index, vector, filter, limit).matches;
        assert_eq!(few, answer.matches[..limit.min(all.len())], "{filter:?}");
    }
}

fn the_best_ten_are_among_the_candidates(make: Make<'_>, seed: u64) {
    let mut random = Random(seed);
    let mut notebook = Notebook::new(seed, 48);
    for document in 1..=300 {
        let vectors: Vec<_> = (0..10).map(|_| random.vector(48)).collect();
        notebook.write(document, &vectors);
    }
    let index = make();
    index.catch_up(&notebook, &Silent).unwrap();
    for _ in 0..5 {
        let vector = random.vector(48);
        let filter = VectorFilter::default();
        let candidates: BTreeSet<_> =
            ask(&*index, &vector, &filter, 200).matches.iter().map(|found| found.chunk_key).collect();
        assert_eq!(candidates.len(), 200);
        let best = notebook.nearest(&vector, &filter);
        assert!(best[..10].iter().all(|near| candidates.contains(&near.chunk_key)));
    }
}

fn only_what_changed_is_read_again(make: Make<'_>) {
    let mut notebook = Notebook::new(1, 2);
    for document in 1..=20 {
        notebook.write(document, &[vec![1.0, 0.0]]);
    }
    let index = make();
    index.catch_up(&notebook, &Silent).unwrap();
    assert_eq!(notebook.handed_over.get(), 20);
    let new = notebook.write(3, &[vec![0.0, 1.0]]);
    notebook.delete(4);
    assert_eq!(index.catch_up(&notebook, &Silent).unwrap(), notebook.newest());
    assert_eq!(notebook.handed_over.get(), 2);
    assert_eq!((found(&*index, &[0.0, 1.0])[0], index.vectors()), (new[0], 19));
    notebook.handed_over.set(99);
    index.catch_up(&notebook, &Silent).unwrap();
    assert_eq!(notebook.handed_over.get(), 99, "nothing changed, nothing is read");
}

fn the_last_time_counts_when_a_document_comes_twice(make: Make<'_>) {
    struct Twice<'a>(&'a Notebook);
    impl VectorSource for Twice<'_> {
        fn space(&self) -> VectorSpace {
            self.0.space
        }

        fn version(&self) -> Result<StoreVersion, SourceError> {
            self.0.version()
        }

        fn has(&self, version: StoreVersion) -> Result<bool, SourceError> {
            self.0.has(version)
        }

        fn changes(
            &self,
            since: Option<StoreVersion>,
            each: &mut dyn FnMut(ChangedVectors<'_>) -> Result<(), VectorError>,
        ) -> Result<StoreVersion, VectorError> {
            self.0.changes(since, &mut |document| {
                each(document)?;
                each(ChangedVectors { project: "elsewhere", ..document })?;
                each(ChangedVectors { vectors: &document.vectors[..1], ..document })
            })
        }
    }
    let mut notebook = Notebook::new(1, 2);
    let first = notebook.write(1, &[vec![1.0, 0.0], vec![1.0, 1.0]]);
    let second = notebook.write(2, &[vec![0.0, 1.0], vec![1.0, 1.0]]);
    let index = make();
    index.catch_up(&Twice(&notebook), &Silent).unwrap();
    assert_eq!(found(&*index, &[1.0, 0.1]), [first[0], second[0]]);
    let third = notebook.write(1, &[vec![1.0, 0.0], vec![1.0, 1.0]]);
    index.catch_up(&Twice(&notebook), &Silent).unwrap();
    assert_eq!(found(&*index, &[1.0, 0.1]), [third[0], second[0]]);
    let elsewhere = "elsewhere".parse().unwrap();
    let filter = VectorFilter { project: Some(&elsewhere), ..VectorFilter::default() };
    assert_eq!(ask(&*index, &[1.0, 0.1], &filter, 9).matches, []);
}

fn another_history_is_built_anew(make: Make<'_>) {
    let mut ours = Notebook::new(1, 2);
    let mut theirs = Notebook::new(2, 2);
    for document in 1..=5 {
        ours.write(document, &[vec![1.0, 0.0]]);
        theirs.write(document + 100, &[vec![0.0, 1.0], vec![0.5, 1.0]]);
    }
    let index = make();
    index.catch_up(&ours, &Silent).unwrap();
    index.catch_up(&theirs, &Silent).unwrap();
    assert_eq!((index.version(), index.vectors()), (Some(theirs.newest()), 10));
    assert_nearest(&*index, &theirs, &[1.0, 0.3], &VectorFilter::default());

    // A store that was restored to an earlier state and went on from there.
    let mut restored = theirs.clone();
    let lost = theirs.write(200, &[vec![1.0, 0.0]]);
    index.catch_up(&theirs, &Silent).unwrap();
    assert_eq!(found(&*index, &[1.0, 0.0])[0], lost[0]);
    restored.fork(3);
    restored.write(201, &[vec![-1.0, 0.0]]);
    index.catch_up(&restored, &Silent).unwrap();
    assert_nearest(&*index, &restored, &[1.0, 0.0], &VectorFilter::default());
}

/// A notebook whose reader looks at something after every document.
struct Watched<'a> {
    notebook: &'a Notebook,
    look: &'a dyn Fn(),
}

impl VectorSource for Watched<'_> {
    fn space(&self) -> VectorSpace {
        self.notebook.space
    }

    fn version(&self) -> Result<StoreVersion, SourceError> {
        self.notebook.version()
    }

    fn has(&self, version: StoreVersion) -> Result<bool, SourceError> {
        self.notebook.has(version)
    }

    fn changes(
        &self,
        since: Option<StoreVersion>,
        each: &mut dyn FnMut(ChangedVectors<'_>) -> Result<(), VectorError>,
    ) -> Result<StoreVersion, VectorError> {
        self.notebook.changes(since, &mut |document| {
            each(document)?;
            (self.look)();
            Ok(())
        })
    }
}

fn another_space_replaces_the_old_one_in_one_step(make: Make<'_>, seed: u64) {
    let mut random = Random(seed);
    let mut notebook = Notebook::new(seed, 6);
    for document in 1..=30 {
        notebook.write(document, &[random.vector(6), random.vector(6)]);
    }
    let index = make();
    index.catch_up(&notebook, &Silent).unwrap();

    // The same store, at the same version, with the vectors of another model.
    let mut switched = notebook.clone();
    switched.space = VectorSpace { fingerprint: Digest::from_bytes([9; 32]), dimensions: 4 };
    for page in switched.pages.values_mut() {
        page.vectors.iter_mut().for_each(|(_, vector)| *vector = random.vector(4));
    }
    let vector = random.vector(6);
    let before = ask(&*index, &vector, &VectorFilter::default(), 20);
    let look = || {
        assert_eq!(index.space(), Some(notebook.space));
        assert_eq!(ask(&*index, &vector, &VectorFilter::default(), 20), before);
    };
    index.catch_up(&Watched { notebook: &switched, look: &look }, &Silent).unwrap();
    assert_eq!(switched.handed_over.get(), 30);
    assert_eq!(index.space(), Some(switched.space));
    assert_nearest(&*index, &switched, &random.vector(4), &VectorFilter::default());

    // Of the same dimensions, and still another space.
    let mut retrained = switched.clone();
    retrained.space.fingerprint = Digest::from_bytes([10; 32]);
    index.catch_up(&retrained, &CancelAfter::documents(7)).unwrap_err();
    assert_eq!(index.space(), Some(switched.space));
    index.catch_up(&retrained, &Silent).unwrap();
    assert_eq!(index.space(), Some(retrained.space));
}

fn cancelling_leaves_the_previous_state(make: Make<'_>) {
    let mut notebook = Notebook::new(1, 2);
    for document in 1..=300 {
        notebook.write(document, &[vec![1.0, 0.0], vec![0.0, 1.0]]);
    }
    let index = make();
    let error = index.catch_up(&notebook, &CancelAfter::documents(200)).unwrap_err();
    assert!(matches!(error, VectorError::Cancelled), "{error}");
    assert_eq!((index.version(), index.vectors()), (None, 0));
    let error = index.catch_up(&notebook, &CancelAfter::documents(300)).unwrap_err();
    assert!(matches!(error, VectorError::Cancelled), "cancelled after the last document: {error}");
    index.catch_up(&notebook, &Silent).unwrap();
    let version = index.version();
    let mut other = Notebook::new(2, 2);
    other.pages = notebook.pages.clone();
    index.catch_up(&other, &CancelAfter::documents(100)).unwrap_err();
    assert_eq!((index.version(), index.vectors()), (version, 600));
    assert_nearest(&*index, &notebook, &[0.3, 1.0], &VectorFilter::default());
}

fn a_failing_source_leaves_the_previous_state(make: Make<'_>) {
    let mut notebook = Notebook::new(1, 2);
    notebook.write(1, &[vec![1.0, 0.0]]);
    let index = make();
    index.catch_up(&notebook, &Silent).unwrap();
    let before = index.version();
    for document in 1..=9 {
        notebook.write(document, &[vec![1.0, 0.0]]);
    }
    notebook.fail_after = Some(4);
    let error = index.catch_up(&notebook, &Silent).unwrap_err();
    assert!(matches!(error, VectorError::Source(_)), "{error}");
    assert_eq!((index.version(), index.vectors()), (before, 1));
    notebook.fail_after = None;
    index.catch_up(&notebook, &Silent).unwrap();
    assert_nearest(&*index, &notebook, &[0.3, 1.0], &VectorFilter::default());
}

fn bad_vectors_are_refused(make: Make<'_>) {
    let mut notebook = Notebook::new(1, 3);
    notebook.write(1, &[vec![1.0, 0.0, 0.0]]);
    let index = make();
    index.catch_up(&notebook, &Silent).unwrap();
    let before = index.version();
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let key = notebook.write(2, &[vec![1.0, 0.0, 0.0], vec![1.0, bad, 0.0]])[1];
        let error = index.catch_up(&notebook, &Silent).unwrap_err();
        assert!(matches!(error, VectorError::NotFinite { chunk_key } if chunk_key == key), "{error}");
        let query = VectorQuery { vector: &[bad, 0.0, 0.0], filter: &VectorFilter::default(), limit: 3 };
        let error = index.search(&query).unwrap_err();
        assert!(matches!(error, VectorError::QueryNotFinite), "{error}");
    }
    let key = notebook.write(2, &[vec![1.0, 0.0]])[0];
    let error = index.catch_up(&notebook, &Silent).unwrap_err();
    let expected = |error: &VectorError| matches!(error, VectorError::Length { chunk_key, expected: 3, found: 2 } if *chunk_key == key);
    assert!(expected(&error), "{error}");
    for vector in [&[1.0_f32; 2][..], &[1.0; 4], &[]] {
        let query = VectorQuery { vector, filter: &VectorFilter::default(), limit: 0 };
        let error = index.search(&query).unwrap_err();
        assert!(matches!(&error, VectorError::QueryLength { expected: 3, found } if *found == vector.len()));
        assert!(error.to_string().contains(&vector.len().to_string()) && error.to_string().contains('3'));
    }
    let nothing = Notebook::new(1, 0);
    let error = index.catch_up(&nothing, &Silent).unwrap_err();
    assert!(matches!(error, VectorError::Dimensions { dimensions: 0, .. }), "{error}");
    assert_eq!((index.version(), index.vectors()), (before, 1));
    // A vector without direction is near to nothing, and there.
    let zero = notebook.write(2, &[vec![0.0; 3]])[0];
    index.catch_up(&notebook, &Silent).unwrap();
    assert_eq!(found(&*index, &[1.0, 1.0, 0.0])[1], zero);
}

fn searches_go_on_while_it_is_written(make: Make<'_>, seed: u64) {
    let mut random = Random(seed);
    let mut notebook = Notebook::new(seed, 8);
    for document in 1..=50 {
        notebook.write(document, &[random.vector(8)]);
    }
    let index = make();
    index.catch_up(&notebook, &Silent).unwrap();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (index, is_over) = (&index, &is_over);
        let searcher = scope.spawn(move || {
            let mut versions = Vec::new();
            let mut last = false;
            while !last {
                last = is_over.load(Ordering::Relaxed);
                let answer = ask(&**index, &[1.0; 8], &VectorFilter::default(), EVERYTHING);
                let generation = answer.version.unwrap().generation.0;
                assert_eq!(answer.matches.len() as u64, generation, "all of a state and nothing else");
                versions.push(generation);
            }
            assert!(versions.is_sorted() && versions.ends_with(&[70]), "{versions:?}");
        });
        let over = Over(is_over);
        for document in 51..=70 {
            notebook.write(document, &[random.vector(8)]);
            index.catch_up(&notebook, &Silent).unwrap();
        }
        drop(over);
        searcher.join().unwrap();
    });
}
