//! What opening makes of what it finds.

use std::{fs, io::Write, os::unix::fs::symlink, path::Path, process::Command};

use atocore_model::monitor::Silent;

use super::{assert_no_stray_files, assert_same_answers, files, open, rebuilt};
use crate::{
    lexical::IndexAccess,
    vector::{
        ScanIndex, VectorError, VectorIndex,
        contract::{
            found,
            notebook::{Notebook, Random},
        },
    },
};

/// A folder with an index that has a base, and a log with vectors that are new and some that are gone.
fn written(dir: &Path) -> Notebook {
    let mut random = Random(2);
    let mut notebook = Notebook::new(1, 5);
    let index = open(dir);
    for document in 1..=20 {
        notebook.write(document, &[random.vector(5), random.vector(5)]);
    }
    index.catch_up(&notebook, &Silent).unwrap();
    notebook.delete(7);
    notebook.write(41, &[random.vector(5)]);
    index.catch_up(&notebook, &Silent).unwrap();
    notebook.write(41, &[random.vector(5), random.vector(5)]);
    index.catch_up(&notebook, &Silent).unwrap();
    assert_eq!(files(dir).len(), 2, "the base and the log");
    notebook
}

/// Opens for writing, catches up, and checks that the answers are those of a new index.
fn assert_heals(dir: &Path, notebook: &Notebook) {
    let index = open(dir);
    index.catch_up(notebook, &Silent).unwrap();
    let (_other, rebuilt) = rebuilt(notebook);
    assert_same_answers(&index, &rebuilt, &mut Random(3));
    assert_no_stray_files(dir);
    assert_eq!(open(dir).rebuilt_reason(), None);
}

#[test]
fn a_missing_index_is_made_by_a_writer_only() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("a/b");
    let missing = ScanIndex::open(&place, IndexAccess::Read).unwrap_err();
    assert!(matches!(missing, VectorError::Missing { .. }), "{missing}");
    assert!(!place.exists());

    let index = open(&place);
    assert_eq!((index.version(), index.rebuilt_reason(), index.vectors()), (None, None, 0));
    assert_eq!(found(&index, &[1.0]), [0_u64; 0]);
    let reader = ScanIndex::open(&place, IndexAccess::Read).unwrap();
    assert_eq!((reader.version(), reader.refresh().unwrap()), (None, None));
    let refused = reader.catch_up(&Notebook::new(1, 2), &Silent).unwrap_err();
    assert!(matches!(refused, VectorError::ReadOnly { .. }), "{refused}");
}

#[test]
fn what_was_written_is_there_when_it_is_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let notebook = written(dir.path());
    let index = open(dir.path());
    assert_eq!(index.rebuilt_reason(), None);
    assert_eq!((index.version(), index.space()), (Some(notebook.newest()), Some(notebook.space)));
    let (_other, rebuilt) = rebuilt(&notebook);
    assert_same_answers(&index, &rebuilt, &mut Random(3));
    let reader = ScanIndex::open(dir.path(), IndexAccess::Read).unwrap();
    assert_same_answers(&reader, &rebuilt, &mut Random(4));
}

/// A copy of an index with other bytes in one of its files, or without it.
fn copied(whole: &Path, file: &str, content: Option<&[u8]>) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for other in files(whole).iter().filter(|other| !other.ends_with(file)) {
        fs::hard_link(other, dir.path().join(other.file_name().unwrap())).unwrap();
    }
    if let Some(content) = content {
        crate::files::write_atomic_unsynced(&dir.path().join(file), content).unwrap();
    }
    dir
}

/// Expects that damage of the base is noticed, and that it is healed.
fn assert_noticed(whole: &Path, notebook: &Notebook, content: &[u8], heal: bool) {
    let dir = copied(whole, "vectors.base", Some(content));
    let refused = ScanIndex::open(dir.path(), IndexAccess::Read).unwrap_err();
    assert!(matches!(refused, VectorError::Damaged { .. }), "{refused}");
    if heal {
        let index = open(dir.path());
        let VectorError::Damaged { why, .. } = refused else { unreachable!() };
        assert_eq!(index.rebuilt_reason(), Some(why.as_str()));
        assert_eq!((index.version(), index.vectors()), (None, 0));
        assert_no_stray_files(dir.path());
        drop(index);
        assert_heals(dir.path(), notebook);
    }
}

#[test]
fn damage_anywhere_in_the_base_is_noticed_and_healed() {
    let whole = tempfile::tempdir().unwrap();
    let notebook = written(whole.path());
    let mut random = Random(5);
    let good = fs::read(whole.path().join("vectors.base")).unwrap();
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 1 << random.below(8);
        assert_noticed(whole.path(), &notebook, &bytes, at % 97 == 0);
    }
    for cut in [0, 1, good.len() / 2, good.len() - 1] {
        assert_noticed(whole.path(), &notebook, &good[..cut], true);
    }
    let longer = [good.as_slice(), b"\0"].concat();
    assert_noticed(whole.path(), &notebook, &longer, true);
    let random_bytes: Vec<u8> = good.iter().map(|_| random.below(256) as u8).collect();
    assert_noticed(whole.path(), &notebook, &random_bytes, true);
}

#[test]
fn damage_anywhere_in_the_log_leaves_the_state_before_it_and_is_healed() {
    let whole = tempfile::tempdir().unwrap();
    let notebook = written(whole.path());
    let mut random = Random(6);
    let good = fs::read(whole.path().join("vectors.log")).unwrap();
    let generation = |log: &[u8]| {
        let dir = copied(whole.path(), "vectors.log", Some(log));
        let index = ScanIndex::open(dir.path(), IndexAccess::Read).unwrap();
        index.version().unwrap().generation.0
    };
    // Where each frame ends: the shortest log that shows its state.
    let ends: Vec<_> =
        (1..=good.len()).filter(|cut| generation(&good[..*cut]) > generation(&good[..*cut - 1])).collect();
    assert_eq!((ends.len(), ends.last()), (2, Some(&good.len())));
    let states = [generation(b""), generation(&good[..ends[0]]), generation(&good)];
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 1 << random.below(8);
        let frames_before = ends.iter().filter(|end| **end <= at).count();
        assert_eq!(generation(&bytes), states[frames_before], "{at}");
        if at % 97 == 0 {
            assert_heals(copied(whole.path(), "vectors.log", Some(&bytes)).path(), &notebook);
        }
    }
    for content in [None, Some(&b"\0"[..]), Some(&[good.as_slice(), b"\0"].concat())] {
        assert_heals(copied(whole.path(), "vectors.log", content).path(), &notebook);
    }
}

#[test]
fn damage_under_an_open_index_changes_no_answer_and_is_healed_by_the_next_write() {
    for file in ["vectors.base", "vectors.log"] {
        for cut in [true, false] {
            let dir = tempfile::tempdir().unwrap();
            let mut notebook = written(dir.path());
            let (index, (_other, rebuilt_before)) = (open(dir.path()), rebuilt(&notebook));
            let path = dir.path().join(file);
            let content = if cut { Vec::new() } else { vec![0xa5; fs::read(&path).unwrap().len()] };
            // In place: whoever has the file open sees it.
            fs::OpenOptions::new()
                .write(true)
                .truncate(cut)
                .open(&path)
                .unwrap()
                .write_all(&content)
                .unwrap();
            assert_same_answers(&index, &rebuilt_before, &mut Random(3));
            notebook.write(42, &[Random(9).vector(5)]);
            index.catch_up(&notebook, &Silent).unwrap();
            assert_same_answers(&index, &rebuilt(&notebook).1, &mut Random(3));
            drop(index);
            assert_heals(dir.path(), &notebook);
        }
    }
}

#[test]
fn what_is_no_file_is_never_waited_for_and_is_replaced() {
    let whole = tempfile::tempdir().unwrap();
    let notebook = written(whole.path());
    let elsewhere = tempfile::tempdir().unwrap();
    let target = elsewhere.path().join("target");
    let make_pipe = |path: &Path| assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    let make_link = |path: &Path| {
        crate::files::write_synced(&target, b"of somebody else").unwrap();
        symlink(&target, path).unwrap();
    };
    let make_folder = |path: &Path| fs::create_dir(path).unwrap();
    let make_dangling = |path: &Path| symlink("nowhere", path).unwrap();
    let others: [&dyn Fn(&Path); 4] = [&make_pipe, &make_link, &make_folder, &make_dangling];
    for (file, make) in
        ["vectors.base", "vectors.log"].into_iter().flat_map(|file| others.map(|make| (file, make)))
    {
        let dir = copied(whole.path(), file, None);
        make(&dir.path().join(file));
        // It is an error, or what the base alone says.
        drop(ScanIndex::open(dir.path(), IndexAccess::Read));
        assert_heals(dir.path(), &notebook);
    }
    assert_eq!(fs::read(&target).unwrap(), b"of somebody else");
}

#[test]
fn a_folder_that_holds_something_is_named_and_left_alone() {
    let whole = tempfile::tempdir().unwrap();
    let notebook = written(whole.path());
    for file in ["vectors.base", "vectors.log"] {
        let dir = copied(whole.path(), file, None);
        let kept = dir.path().join(file).join("kept");
        fs::create_dir(dir.path().join(file)).unwrap();
        crate::files::write_synced(&kept, b"x").unwrap();
        let refused = ScanIndex::open(dir.path(), IndexAccess::Write).unwrap_err();
        let VectorError::Failed { source, .. } = refused else { panic!("{refused}") };
        assert_eq!(source.path, dir.path().join(file));
        assert!(kept.exists());
        crate::files::remove_tree(&dir.path().join(file)).unwrap();
        assert_heals(dir.path(), &notebook);
    }
}

#[test]
fn the_log_of_another_base_says_nothing() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let notebook = written(one.path());
    let index = open(other.path());
    index.catch_up(&Notebook::new(2, 5), &Silent).unwrap();
    fs::hard_link(one.path().join("vectors.log"), other.path().join("vectors.log")).unwrap();
    let reader = ScanIndex::open(other.path(), IndexAccess::Read).unwrap();
    assert_eq!((reader.version(), reader.vectors()), (index.version(), 0));
    assert_heals(other.path(), &notebook);
}

#[test]
fn an_index_of_another_version_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let notebook = written(dir.path());
    let path = dir.path().join("vectors.base");
    let mut newer = fs::read(&path).unwrap();
    newer[8] = 3;
    crate::files::write_atomic_unsynced(&path, &newer).unwrap();
    let refused = ScanIndex::open(dir.path(), IndexAccess::Read).unwrap_err();
    assert!(refused.to_string().contains("format 3"), "{refused}");
    let index = open(dir.path());
    assert!(index.rebuilt_reason().unwrap().contains("format 3"), "{:?}", index.rebuilt_reason());
    drop(index);
    assert_heals(dir.path(), &notebook);
}

#[test]
fn an_index_of_the_first_layout_is_replaced_without_a_word_and_nothing_else_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let first = ["manifest.json", "0.codes", "1.codes", "2.dead", ".manifest.json.17.tmp"];
    let others = ["README", "x.codes", "notes.json"];
    for name in first.iter().chain(&others) {
        crate::files::write_synced(&dir.path().join(name), b"{}").unwrap();
    }
    let missing = ScanIndex::open(dir.path(), IndexAccess::Read).unwrap_err();
    assert!(matches!(missing, VectorError::Missing { .. }), "{missing}");
    assert_eq!(files(dir.path()).len(), first.len() + others.len(), "a reader removes nothing");
    let index = open(dir.path());
    assert_eq!((index.rebuilt_reason(), index.version()), (None, None));
    for other in others {
        fs::remove_file(dir.path().join(other)).unwrap();
    }
    assert_no_stray_files(dir.path());
    let mut notebook = Notebook::new(1, 2);
    notebook.write(1, &[vec![1.0, 0.0]]);
    index.catch_up(&notebook, &Silent).unwrap();
    assert_eq!(index.vectors(), 1);
}

#[test]
fn a_writer_removes_what_an_earlier_one_left_unfinished() {
    let dir = tempfile::tempdir().unwrap();
    let notebook = written(dir.path());
    crate::files::create_new_file(&dir.path().join(".vectors.base.17.00aa.tmp")).unwrap();
    drop(ScanIndex::open(dir.path(), IndexAccess::Read).unwrap());
    assert_eq!(files(dir.path()).len(), 3, "a reader removes nothing");
    let index = open(dir.path());
    assert_eq!((index.rebuilt_reason(), index.version()), (None, Some(notebook.newest())));
    assert_no_stray_files(dir.path());
}
