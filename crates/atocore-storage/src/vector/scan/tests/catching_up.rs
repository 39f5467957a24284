//! How the index follows its source, and others the index.

use std::{
    collections::{HashMap, HashSet},
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
fn the_log_stays_short_and_deleted_vectors_are_purged() {
    let mut random = Random(7);
    let mut notebook = Notebook::new(7, 4);
    let dir = tempfile::tempdir().unwrap();
    let mut index = open(dir.path());
    index.tuning.log_bytes = 2000;
    let size = |name: &str| fs::metadata(dir.path().join(name)).map_or(0, |data| data.len());
    let mut bases = HashSet::new();
    let mut follow = |notebook: &Notebook| {
        index.catch_up(notebook, &Silent).unwrap();
        let most = (size("vectors.base") / 4).max(2000);
        assert!(size("vectors.log") <= most + 500, "{} of {most}", size("vectors.log"));
        let _new = bases.insert(index.snapshot().base.digest.to_string());
        (bases.len(), index.snapshot().base.rows.len())
    };
    for document in 1..=300 {
        notebook.write(document, &[random.vector(4)]);
        follow(&notebook);
    }
    let (written, rows) = follow(&notebook);
    assert!(written > 5 && written < 60 && rows > 200, "{written} bases, {rows} rows");
    let mut left = rows;
    for document in 1..=300 {
        notebook.delete(document);
        (_, left) = follow(&notebook);
    }
    assert!(left < rows / 4, "{left} rows");
}

#[test]
fn many_changes_at_once_become_a_new_base() {
    let mut random = Random(8);
    let mut notebook = Notebook::new(8, 4);
    for document in 1..=200 {
        notebook.write(document, &[random.vector(4), random.vector(4)]);
        notebook.edit(document, |page| page.project = format!("p{}", document % 3));
    }
    let dir = tempfile::tempdir().unwrap();
    let mut index = open(dir.path());
    index.tuning.log_bytes = 500;
    index.catch_up(&notebook, &CancelAfter::documents(150)).unwrap_err();
    assert_no_stray_files(dir.path());
    index.catch_up(&notebook, &Silent).unwrap();
    for document in 1..=100 {
        let vectors: Vec<_> = (0..5).map(|_| random.vector(4)).collect();
        notebook.write(document, &vectors);
    }
    index.catch_up(&notebook, &CancelAfter::documents(90)).unwrap_err();
    assert_no_stray_files(dir.path());
    index.catch_up(&notebook, &Silent).unwrap();
    assert_eq!(index.snapshot().changed.len(), 0);
    let (_other, at_once) = rebuilt(&notebook);
    assert_same_answers(&index, &at_once, &mut random);
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
    // Folders that hold something in the place of the log, then of the base.
    let (base, log) = (dir.path().join("vectors.base"), dir.path().join("vectors.log"));
    fs::create_dir_all(log.join("kept")).unwrap();
    let error = index.catch_up(&notebook, &Silent).unwrap_err();
    assert!(matches!(error, VectorError::Failed { action: "written", .. }), "{error}");
    assert_eq!((index.version(), found(&index, &[1.0, 0.0]).len()), (before, 20));
    crate::files::remove_tree(&log).unwrap();
    fs::remove_file(&base).unwrap();
    fs::create_dir_all(base.join("kept")).unwrap();
    let error = index.catch_up(&notebook, &Silent).unwrap_err();
    assert!(matches!(error, VectorError::Failed { action: "written", .. }), "{error}");
    assert_eq!((index.version(), found(&index, &[1.0, 0.0]).len()), (before, 20));
    assert_eq!(files(dir.path()).len(), 1, "the folder");
    crate::files::remove_tree(&base).unwrap();
    index.catch_up(&notebook, &Silent).unwrap();
    assert_eq!((index.version(), index.vectors()), (Some(notebook.newest()), 19));
    assert_no_stray_files(dir.path());
}

#[test]
fn a_log_that_somebody_cut_off_or_made_longer_is_replaced_with_its_base() {
    let mut random = Random(9);
    let mut notebook = Notebook::new(9, 4);
    for document in 1..=20 {
        notebook.write(document, &[random.vector(4)]);
    }
    let (dir, index) = rebuilt(&notebook);
    let log = dir.path().join("vectors.log");
    for content in [None, Some(&b"torn"[..])] {
        notebook.write(3, &[random.vector(4)]);
        index.catch_up(&notebook, &Silent).unwrap();
        match content {
            None => fs::remove_file(&log).unwrap(),
            Some(torn) => {
                let longer = [fs::read(&log).unwrap(), torn.to_vec()].concat();
                crate::files::write_atomic_unsynced(&log, &longer).unwrap();
            }
        }
        notebook.write(4, &[random.vector(4)]);
        index.catch_up(&notebook, &Silent).unwrap();
        assert!(!log.exists(), "there is a new base");
        let (_other, whole) = rebuilt(&notebook);
        assert_same_answers(&index, &whole, &mut random);
        assert_same_answers(&open(dir.path()), &whole, &mut random);
    }
}
