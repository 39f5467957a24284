//! What opening makes of what it finds.

use std::{fs, path::Path};

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

/// A folder with an index that has two segments and vectors that are gone.
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
    assert_eq!(files(dir).len(), 4, "two of vectors, one of bits, the manifest");
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

/// Damages one file of a copy of the folder, and expects that it is noticed and healed.
fn assert_noticed(whole: &Path, notebook: &Notebook, file: &Path, content: Option<&[u8]>, heal: bool) {
    let dir = tempfile::tempdir().unwrap();
    for other in files(whole).iter().filter(|other| *other != file) {
        fs::hard_link(other, dir.path().join(other.file_name().unwrap())).unwrap();
    }
    if let Some(content) = content {
        crate::files::write_atomic_unsynced(&dir.path().join(file.file_name().unwrap()), content).unwrap();
    }
    let refused = ScanIndex::open(dir.path(), IndexAccess::Read).unwrap_err();
    assert!(matches!(refused, VectorError::Damaged { .. }), "{}: {refused}", file.display());
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
fn damage_anywhere_in_any_file_is_noticed_and_healed() {
    let whole = tempfile::tempdir().unwrap();
    let notebook = written(whole.path());
    let mut random = Random(5);
    for file in files(whole.path()) {
        let good = fs::read(&file).unwrap();
        for at in 0..good.len() {
            let mut bytes = good.clone();
            bytes[at] ^= 1 << random.below(8);
            assert_noticed(whole.path(), &notebook, &file, Some(&bytes), at % 97 == 0);
        }
        for cut in [0, 1, good.len() / 2, good.len() - 1] {
            assert_noticed(whole.path(), &notebook, &file, Some(&good[..cut]), true);
        }
        let longer = [good.as_slice(), b"\0"].concat();
        assert_noticed(whole.path(), &notebook, &file, Some(&longer), true);
        let random_bytes: Vec<u8> = good.iter().map(|_| random.below(256) as u8).collect();
        assert_noticed(whole.path(), &notebook, &file, Some(&random_bytes), true);
        assert_noticed(whole.path(), &notebook, &file, None, true);
    }
}

#[test]
fn files_that_changed_places_are_noticed() {
    let whole = tempfile::tempdir().unwrap();
    let notebook = written(whole.path());
    let codes: Vec<_> = files(whole.path())
        .into_iter()
        .filter(|file| file.extension().is_some_and(|end| end == "codes"))
        .collect();
    let other = fs::read(&codes[1]).unwrap();
    assert_noticed(whole.path(), &notebook, &codes[0], Some(&other), true);
}

#[test]
fn an_index_of_another_version_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let notebook = written(dir.path());
    let path = dir.path().join("manifest.json");
    let text = fs::read_to_string(&path).unwrap();
    let newer = text.replace("\"format_version\": 1,", "\"format_version\": 2, \"more\": [],");
    assert_ne!(newer, text);
    crate::files::write_atomic_unsynced(&path, newer.as_bytes()).unwrap();
    let refused = ScanIndex::open(dir.path(), IndexAccess::Read).unwrap_err();
    assert!(refused.to_string().contains("format 2"), "{refused}");
    let index = open(dir.path());
    assert!(index.rebuilt_reason().unwrap().contains("format 2"), "{:?}", index.rebuilt_reason());
    drop(index);
    assert_heals(dir.path(), &notebook);
}

#[test]
fn a_writer_removes_unreferenced_index_files_and_no_others() {
    let dir = tempfile::tempdir().unwrap();
    let notebook = written(dir.path());
    for stray in ["90.codes", "91.dead", ".manifest.json.17.tmp", "README", "x.codes"] {
        fs::hard_link(dir.path().join("manifest.json"), dir.path().join(stray)).unwrap();
    }
    fs::create_dir(dir.path().join("92.codes")).unwrap();
    drop(ScanIndex::open(dir.path(), IndexAccess::Read).unwrap());
    assert_eq!(files(dir.path()).len(), 4 + 6, "a reader removes nothing");
    let index = open(dir.path());
    assert_eq!((index.rebuilt_reason(), index.version()), (None, Some(notebook.newest())));
    for left in ["README", "x.codes", "92.codes"] {
        let path = dir.path().join(left);
        assert!(path.exists(), "{left}");
        if path.is_dir() { fs::remove_dir(&path).unwrap() } else { fs::remove_file(&path).unwrap() }
    }
    assert_no_stray_files(dir.path());
    assert_eq!(*index.write_lock(), 93, "a name that is taken is not used");
}

#[test]
fn names_are_not_used_again_after_a_replacement() {
    let dir = tempfile::tempdir().unwrap();
    let notebook = written(dir.path());
    let reader = ScanIndex::open(dir.path(), IndexAccess::Read).unwrap();
    let next = *open(dir.path()).write_lock();
    fs::remove_file(dir.path().join("manifest.json")).unwrap();
    let index = open(dir.path());
    assert_eq!(index.rebuilt_reason(), Some("its manifest is missing"));
    assert_eq!(*index.write_lock(), next);
    index.catch_up(&notebook, &Silent).unwrap();
    let before = found(&reader, &[1.0; 5]);
    reader.refresh().unwrap();
    assert_eq!(found(&reader, &[1.0; 5]), before);
}
