//! How the index follows its source.

use std::{
    fs,
    sync::atomic::{AtomicU64, Ordering},
};

use atocore_model::monitor::{Monitor, Progress, Silent};

use super::{Notebook, found, notebook::Random, open, rebuilt};
use crate::lexical::{IndexAccess, LexicalError, LexicalIndex};

/// Cancels when a number of documents was reported.
struct CancelAfterDocuments {
    limit: u64,
    seen: AtomicU64,
}

impl Monitor for CancelAfterDocuments {
    fn progress(&self, progress: Progress) {
        self.seen.store(progress.done, Ordering::Relaxed);
    }

    fn cancelled(&self) -> bool {
        self.seen.load(Ordering::Relaxed) >= self.limit
    }
}

#[test]
fn only_what_changed_is_read_again() {
    let mut notebook = Notebook::new(1);
    for document in 1..=20 {
        notebook.write(document, "", &["alpha"]);
    }
    let (_dir, index) = rebuilt(&notebook);
    assert_eq!(notebook.handed_over.get(), 20);
    notebook.write(3, "", &["beta"]);
    notebook.delete(4);
    assert_eq!(index.catch_up(&notebook, &Silent).unwrap(), notebook.newest());
    assert_eq!(notebook.handed_over.get(), 2);
    assert_eq!((found(&index, "alpha").len(), found(&index, "beta").len()), (18, 1));
    notebook.handed_over.set(99);
    index.catch_up(&notebook, &Silent).unwrap();
    assert_eq!(notebook.handed_over.get(), 99, "nothing changed, nothing is read");
}

#[test]
fn deleted_and_renamed_documents_are_not_found() {
    let mut notebook = Notebook::new(1);
    let old = notebook.write(1, "Zebra crossings", &["first text", "second text"]);
    notebook.write(2, "Horses", &["third text"]);
    let (_dir, index) = rebuilt(&notebook);
    assert_eq!(found(&index, "zebra"), old);
    notebook.edit(1, |page| page.title = "Donkeys".to_owned());
    index.catch_up(&notebook, &Silent).unwrap();
    assert_eq!(found(&index, "zebra"), [0_u64; 0]);
    assert_eq!(found(&index, "donkey"), old);
    notebook.edit(1, |page| drop(page.chunks.remove(0)));
    index.catch_up(&notebook, &Silent).unwrap();
    assert_eq!(found(&index, "donkey"), old[1..]);
    notebook.delete(1);
    notebook.delete(2);
    index.catch_up(&notebook, &Silent).unwrap();
    assert_eq!(found(&index, "text donkey horse"), [0_u64; 0]);
    assert_eq!(index.chunks(), 0);
}

#[test]
fn another_history_is_built_anew() {
    let mut ours = Notebook::new(1);
    let mut theirs = Notebook::new(2);
    for document in 1..=5 {
        ours.write(document, "", &["ours"]);
        theirs.write(document + 100, "", &["theirs"]);
    }
    let (_dir, index) = rebuilt(&ours);
    index.catch_up(&theirs, &Silent).unwrap();
    assert_eq!((found(&index, "ours").len(), found(&index, "theirs").len()), (0, 5));

    // A store that was restored to an earlier state and went on from there.
    let mut restored = theirs.clone();
    theirs.write(200, "", &["lost"]);
    index.catch_up(&theirs, &Silent).unwrap();
    assert_eq!(found(&index, "lost").len(), 1);
    restored.write(201, "", &["restored"]);
    restored.write(202, "", &["restored"]);
    let mut forked = Notebook::new(3);
    forked.pages = restored.pages.clone();
    forked.write(203, "", &["forked"]);
    index.catch_up(&forked, &Silent).unwrap();
    assert_eq!((found(&index, "lost").len(), found(&index, "restored").len()), (0, 2));
}

#[test]
fn cancelling_leaves_the_previous_state() {
    let mut notebook = Notebook::new(1);
    for document in 1..=3000 {
        notebook.write(document, "", &["one", "two"]);
    }
    let dir = tempfile::tempdir().unwrap();
    let index = open(dir.path());
    let cancel = |limit| CancelAfterDocuments { limit, seen: AtomicU64::new(0) };
    let error = index.catch_up(&notebook, &cancel(2000)).unwrap_err();
    assert!(matches!(error, LexicalError::Cancelled), "{error}");
    assert_eq!((index.version(), index.chunks()), (None, 0));
    let error = index.catch_up(&notebook, &cancel(3000)).unwrap_err();
    assert!(matches!(error, LexicalError::Cancelled), "cancelled after the last document: {error}");
    index.catch_up(&notebook, &Silent).unwrap();
    let version = index.version();

    // A rebuild that is cancelled does not lose the index it would have replaced.
    let mut other = Notebook::new(2);
    other.pages = notebook.pages.clone();
    index.catch_up(&other, &cancel(1000)).unwrap_err();
    assert_eq!((index.version(), index.chunks()), (version, 6000));
    drop(index);
    let index = open(dir.path());
    assert_eq!((index.rebuilt_reason(), index.version(), index.chunks()), (None, version, 6000));
}

#[test]
fn a_failing_source_leaves_the_previous_state() {
    let mut notebook = Notebook::new(1);
    notebook.write(1, "", &["one"]);
    let (_dir, index) = rebuilt(&notebook);
    let before = index.version();
    for document in 2..=9 {
        notebook.write(document, "", &["two"]);
    }
    notebook.fail_after = Some(4);
    let error = index.catch_up(&notebook, &Silent).unwrap_err();
    assert!(matches!(error, LexicalError::Source(_)), "{error}");
    assert_eq!((index.version(), index.chunks()), (before, 1));
    notebook.fail_after = None;
    index.catch_up(&notebook, &Silent).unwrap();
    assert_eq!(index.chunks(), 9);
}

#[test]
fn a_second_reader_sees_commits_when_it_refreshes() {
    let mut notebook = Notebook::new(1);
    notebook.write(1, "", &["one"]);
    let (dir, index) = rebuilt(&notebook);
    let reader = LexicalIndex::open(dir.path(), IndexAccess::Read).unwrap();
    let before = reader.version();
    assert_eq!(before, index.version());
    for document in 2..=30 {
        notebook.write(document, "", &["one"]);
        index.catch_up(&notebook, &Silent).unwrap();
    }
    assert_eq!((reader.version(), found(&reader, "one").len()), (before, 1));
    assert_eq!(reader.refresh().unwrap(), Some(notebook.newest()));
    assert_eq!(found(&reader, "one").len(), 30);
    // The files that the reader has open are gone; what it has seen it still sees.
    let mut other = Notebook::new(2);
    other.write(1, "", &["two"]);
    index.catch_up(&other, &Silent).unwrap();
    assert_eq!(found(&reader, "one").len(), 30);
}

#[test]
fn searches_go_on_while_it_is_written() {
    let mut notebook = Notebook::new(1);
    let mut random = Random(3);
    for document in 1..=500 {
        notebook.write(document, "", &[&random.words(200, 30)]);
    }
    let (_dir, index) = rebuilt(&notebook);
    std::thread::scope(|scope| {
        let index = &index;
        let searcher = scope.spawn(move || {
            let mut versions = Vec::new();
            while versions.last().is_none_or(|version: &u64| *version < 540) {
                let answer = super::ask(index, "w1 w7 w30", &Default::default(), 10);
                assert_eq!(answer.matches.len(), 10);
                versions.push(answer.version.unwrap().generation.0);
            }
            assert!(versions.is_sorted());
        });
        for document in 501..=540 {
            notebook.write(document, "", &[&random.words(200, 30)]);
            index.catch_up(&notebook, &Silent).unwrap();
        }
        searcher.join().unwrap();
    });
}

#[test]
fn an_index_closed_after_every_change_stays_intact_with_few_segments() {
    let mut notebook = Notebook::new(1);
    let dir = tempfile::tempdir().unwrap();
    for document in 1..=80 {
        notebook.write(document, "", &["one"]);
        // Dropped at once, with merges under way.
        let index = open(dir.path());
        assert_eq!(index.rebuilt_reason(), None);
        index.catch_up(&notebook, &Silent).unwrap();
    }
    let index = open(dir.path());
    assert_eq!(found(&index, "one").len(), 80);
    assert!(index.snapshot().segments.len() <= 25, "{}", index.snapshot().segments.len());
}

#[test]
fn an_index_that_cannot_be_written_still_answers() {
    let mut notebook = Notebook::new(1);
    for document in 1..=2000 {
        notebook.write(document, "", &["one", "two"]);
    }
    let (dir, index) = rebuilt(&notebook);
    let before = index.version();
    notebook.delete(1);
    // A folder that holds something in the place of a file that must be replaced.
    let managed = dir.path().join(".managed.json");
    fs::remove_file(&managed).unwrap();
    fs::create_dir_all(managed.join("kept")).unwrap();
    let error = index.catch_up(&notebook, &Silent).unwrap_err();
    assert!(matches!(error, LexicalError::Failed { action: "written", .. }), "{error}");
    assert_eq!((index.version(), found(&index, "one").len()), (before, 1000));
    crate::files::remove_tree(&managed).unwrap();
    index.catch_up(&notebook, &Silent).unwrap();
    assert_eq!(index.version(), Some(notebook.newest()));
}
