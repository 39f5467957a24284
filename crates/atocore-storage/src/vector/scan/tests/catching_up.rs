//! How the index follows its source, and others the index.

use std::{
    collections::HashMap,
    fs,
    sync::atomic::{AtomicBool, Ordering},
};

use atocore_model::monitor::Silent;

use super::{assert_no_stray_files, assert_same_answers, files, open, rebuilt};
use crate::{
    lexical::IndexAccess,
    vector::{
        ScanIndex, VectorError, VectorFilter, VectorIndex,
        contract::{
            self, CancelAfter, Over, ask, found,
            notebook::{Notebook, Random},
        },
    },
};

#[test]
fn a_reader_sees_what_was_written_when_it_refreshes() {
    let mut notebook = Notebook::new(1, 2);
    notebook.write(1, &[vec![1.0, 0.0]]);
    let (dir, index) = rebuilt(&notebook);
    let reader = ScanIndex::open(dir.path(), IndexAccess::Read).unwrap();
    let before = reader.version();
    assert_eq!(before, index.version());
    for document in 2..=30 {
        notebook.write(document, &[vec![1.0, 0.5]]);
        index.catch_up(&notebook, &Silent).unwrap();
    }
    assert_eq!((reader.version(), found(&reader, &[1.0, 1.0]).len()), (before, 1));
    assert_eq!(reader.refresh().unwrap(), Some(notebook.newest()));
    assert_eq!(found(&reader, &[1.0, 1.0]).len(), 30);
    // The files that the reader has open are gone; what it has seen it still sees.
    let mut other = Notebook::new(2, 2);
    other.write(1, &[vec![1.0, 0.0]]);
    index.catch_up(&other, &Silent).unwrap();
    assert_eq!(found(&reader, &[1.0, 1.0]).len(), 30);
    let refused = reader.catch_up(&other, &Silent).unwrap_err();
    assert!(matches!(refused, VectorError::ReadOnly { .. }), "{refused}");
}

#[test]
fn a_reader_sees_one_state_or_the_next_and_never_a_mixture() {
    let mut random = Random(5);
    let mut notebook = Notebook::new(5, 6);
    for _ in 0..40 {
        contract::change(&mut notebook, &mut random);
    }
    let (dir, index) = rebuilt(&notebook);
    let vector = random.vector(6);
    let everything = |index: &ScanIndex| ask(index, &vector, &VectorFilter::default(), contract::EVERYTHING);
    let mut written = vec![everything(&index)];
    let is_over = AtomicBool::new(false);
    let seen = std::thread::scope(|scope| {
        let (dir, everything, is_over) = (dir.path(), &everything, &is_over);
        let readers: Vec<_> = (0..2)
            .map(|reader| {
                scope.spawn(move || {
                    let mut open = ScanIndex::open(dir, IndexAccess::Read).unwrap();
                    let mut seen = vec![everything(&open)];
                    while !is_over.load(Ordering::Relaxed) {
                        if reader == 0 {
                            open.refresh().unwrap();
                        } else {
                            open = ScanIndex::open(dir, IndexAccess::Read).unwrap();
                        }
                        seen.push(everything(&open));
                    }
                    seen
                })
            })
            .collect();
        let over = Over(is_over);
        for round in 0..60 {
            for _ in 0..4 {
                contract::change(&mut notebook, &mut random);
            }
            if round % 20 == 19 {
                // Another history: all files are replaced.
                let pages = std::mem::replace(&mut notebook, Notebook::new(100 + round, 6)).pages;
                pages.into_iter().for_each(|(document, page)| notebook.put(document, page));
            }
            index.catch_up(&notebook, &Silent).unwrap();
            written.push(everything(&index));
        }
        drop(over);
        readers.into_iter().flat_map(|reader| reader.join().unwrap()).collect::<Vec<_>>()
    });
    let written: HashMap<_, _> = written.into_iter().map(|answer| (answer.version, answer)).collect();
    for answer in seen {
        assert_eq!(written.get(&answer.version), Some(&answer));
    }
}

#[test]
fn segments_stay_few_and_deleted_vectors_are_purged() {
    let mut random = Random(7);
    let mut notebook = Notebook::new(7, 4);
    let dir = tempfile::tempdir().unwrap();
    let index = open(dir.path());
    for document in 1..=300 {
        notebook.write(document, &[random.vector(4)]);
        index.catch_up(&notebook, &Silent).unwrap();
        let most = 1 + document.ilog2() as usize;
        assert!(index.snapshot().segments.len() <= most, "{document}: {:?}", index.snapshot().segments);
    }
    for document in 1..=300 {
        notebook.delete(document);
        index.catch_up(&notebook, &Silent).unwrap();
    }
    assert_eq!(index.snapshot().segments.len(), 0);
    assert_eq!(files(dir.path()).len(), 1, "only the manifest");
}

#[test]
fn new_vectors_that_do_not_fit_into_memory_are_written_meanwhile() {
    let mut random = Random(8);
    let mut notebook = Notebook::new(8, 4);
    for document in 1..=200 {
        notebook.write(document, &[random.vector(4), random.vector(4)]);
        notebook.edit(document, |page| page.project = format!("p{}", document % 3));
    }
    let dir = tempfile::tempdir().unwrap();
    let mut index = open(dir.path());
    index.tuning.buffered_bytes = 500;
    index.catch_up(&notebook, &CancelAfter::documents(150)).unwrap_err();
    assert_no_stray_files(dir.path());
    index.catch_up(&notebook, &Silent).unwrap();
    assert_no_stray_files(dir.path());
    let (_other, at_once) = rebuilt(&notebook);
    assert_same_answers(&index, &at_once, &mut random);
    assert_eq!(index.snapshot().segments.len(), 3, "one for each project");
}

#[test]
fn a_removed_index_folder_is_written_again() {
    let mut notebook = Notebook::new(1, 2);
    for document in 1..=20 {
        notebook.write(document, &[vec![1.0, 0.0]]);
    }
    let (dir, index) = rebuilt(&notebook);
    let reader = ScanIndex::open(dir.path(), IndexAccess::Read).unwrap();
    files(dir.path()).iter().for_each(|file| fs::remove_file(file).unwrap());
    fs::remove_dir(dir.path()).unwrap();
    let missing = reader.refresh().unwrap_err();
    assert!(matches!(missing, VectorError::Missing { .. }), "{missing}");
    assert_eq!((found(&index, &[1.0, 0.0]).len(), found(&reader, &[1.0, 0.0]).len()), (20, 20));

    // Somebody else made an index there in between.
    open(dir.path()).catch_up(&Notebook::new(9, 2), &Silent).unwrap();
    notebook.write(21, &[vec![1.0, 0.0]]);
    index.catch_up(&notebook, &Silent).unwrap();
    assert_eq!(reader.refresh().unwrap(), Some(notebook.newest()));
    assert_eq!(found(&reader, &[1.0, 0.0]).len(), 21);
    assert_eq!(open(dir.path()).rebuilt_reason(), None);
    assert_no_stray_files(dir.path());
}

#[test]
fn an_index_that_cannot_be_written_still_answers() {
    let mut notebook = Notebook::new(1, 2);
    for document in 1..=20 {
        notebook.write(document, &[vec![1.0, 0.0]]);
    }
    let (dir, index) = rebuilt(&notebook);
    let before = index.version();
    notebook.delete(1);
    let next = *index.write_lock();
    let manifest = dir.path().join("manifest.json");
    let kept = fs::read(&manifest).unwrap();
    // Folders in the place of the file that is written next, then of the next manifest.
    for taken in [dir.path().join(format!("{next}.dead")), manifest.clone()] {
        let _was_there = fs::remove_file(&taken);
        fs::create_dir(&taken).unwrap();
        let error = index.catch_up(&notebook, &Silent).unwrap_err();
        assert!(matches!(error, VectorError::Failed { action: "written", .. }), "{error}");
        assert_eq!((index.version(), found(&index, &[1.0, 0.0]).len()), (before, 20));
        fs::remove_dir(&taken).unwrap();
        crate::files::write_atomic(&manifest, &kept).unwrap();
        assert_no_stray_files(dir.path());
    }
    index.catch_up(&notebook, &Silent).unwrap();
    assert_eq!((index.version(), index.vectors()), (Some(notebook.newest()), 19));
}
