//! What opening makes of what it finds.

use std::{fs, io::Write, path::Path};

use atocore_model::{id::StoreVersion, monitor::Silent};

use super::{Notebook, found, notebook::Random, open};
use crate::lexical::{IndexAccess, LexicalError, LexicalIndex, schema};

/// A folder with an index that has two segments and deleted passages.
fn written(dir: &Path) -> Notebook {
    let mut notebook = Notebook::new(1);
    let index = open(dir);
    for document in 1..=40 {
        notebook.write(document, "Title", &["one apple", "two pears"]);
    }
    index.catch_up(&notebook, &Silent).unwrap();
    notebook.delete(7);
    notebook.write(41, "Other", &["three cherries"]);
    index.catch_up(&notebook, &Silent).unwrap();
    notebook
}

fn files(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut files: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| !path.to_string_lossy().ends_with(".lock"))
        .collect();
    files.sort();
    files
}

/// Opens for writing, catches up, and checks that the answers are those of the notebook.
fn assert_heals(dir: &Path, notebook: &Notebook, what: &str) {
    let index = open(dir);
    index.catch_up(notebook, &Silent).unwrap();
    assert_eq!(index.version(), Some(notebook.newest()), "{what}");
    assert_eq!(found(&index, "apple").len(), 39, "{what}");
    assert_eq!(found(&index, "cherries").len(), 1, "{what}");
    assert_eq!(index.chunks(), 79, "{what}");
}

#[test]
fn a_missing_index_is_made_by_a_writer_only() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("a/b");
    let missing = LexicalIndex::open(&place, IndexAccess::Read).unwrap_err();
    assert!(matches!(missing, LexicalError::Missing { .. }), "{missing}");
    assert!(!place.exists());

    let index = open(&place);
    assert_eq!((index.version(), index.rebuilt_reason(), index.chunks()), (None, None, 0));
    assert_eq!(found(&index, "anything"), [0_u64; 0]);
    let reader = LexicalIndex::open(&place, IndexAccess::Read).unwrap();
    assert_eq!(reader.version(), None);
    let refused = reader.catch_up(&Notebook::new(1), &Silent).unwrap_err();
    assert!(matches!(refused, LexicalError::ReadOnly { .. }), "{refused}");
}

#[test]
fn what_was_committed_is_there_after_a_drop_without_close() {
    let dir = tempfile::tempdir().unwrap();
    let notebook = written(dir.path());
    let index = open(dir.path());
    assert_eq!(index.rebuilt_reason(), None);
    assert_eq!(index.version(), Some(notebook.newest()));
    assert_eq!(found(&index, "apple").len(), 39);
    assert_heals(dir.path(), &notebook, "nothing happened");
    index.close().unwrap();
}

/// Opening a pipe would wait for ever, and a folder cannot be opened at all.
#[test]
fn what_is_no_file_is_never_waited_for_and_is_replaced() {
    let whole = tempfile::tempdir().unwrap();
    let notebook = written(whole.path());
    let pipe = |path: &Path| {
        assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
    };
    let link = |path: &Path| std::os::unix::fs::symlink("/dev/zero", path).unwrap();
    let folder = |path: &Path| fs::create_dir(path).unwrap();
    let locks = [".tantivy-meta.lock", ".tantivy-writer.lock"].map(|name| whole.path().join(name));
    for file in files(whole.path()).into_iter().chain(locks) {
        for put in [&pipe as &dyn Fn(&Path), &link, &folder] {
            let dir = tempfile::tempdir().unwrap();
            for file in files(whole.path()) {
                fs::hard_link(&file, dir.path().join(file.file_name().unwrap())).unwrap();
            }
            let target = dir.path().join(file.file_name().unwrap());
            drop(fs::remove_file(&target));
            put(&target);
            let what = target.display().to_string();
            let refused = LexicalIndex::open(dir.path(), IndexAccess::Read).unwrap_err();
            assert!(matches!(refused, LexicalError::Damaged { .. }), "{what}: {refused:?}");
            assert_heals(dir.path(), &notebook, &what);
            assert_eq!(open(dir.path()).rebuilt_reason(), None, "{what}");
        }
    }
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("meta.json/kept")).unwrap();
    let refused = LexicalIndex::open(dir.path(), IndexAccess::Write).unwrap_err();
    assert!(format!("{refused:?}").contains("meta.json"), "{refused:?}");
    assert!(dir.path().join("meta.json/kept").is_dir(), "what somebody put there stays");
}

#[test]
fn damage_in_any_file_is_noticed_and_healed() {
    let whole = tempfile::tempdir().unwrap();
    let notebook = written(whole.path());
    let mut random = Random(5);
    for file in files(whole.path()) {
        // Only the records have no checksum.
        let flips = if file.to_string_lossy().ends_with(".json") { 25 } else { 1 };
        let damages = ["random bytes", "cut", "emptied", "removed"];
        for damage in damages.into_iter().chain(std::iter::repeat_n("a flipped bit", flips)) {
            let dir = tempfile::tempdir().unwrap();
            for file in files(whole.path()) {
                fs::hard_link(&file, dir.path().join(file.file_name().unwrap())).unwrap();
            }
            let target = dir.path().join(file.file_name().unwrap());
            let mut bytes = fs::read(&file).unwrap();
            let at = random.below(bytes.len() as u64) as usize;
            match damage {
                "random bytes" => bytes.fill_with(|| random.below(256) as u8),
                "a flipped bit" => bytes[at] ^= 1 << random.below(8),
                "cut" => bytes.truncate(at),
                _ => bytes.clear(),
            }
            fs::remove_file(&target).unwrap();
            if damage != "removed" {
                crate::files::write_atomic(&target, &bytes).unwrap();
            }
            let what = format!("{damage}: {}", target.display());
            match LexicalIndex::open(dir.path(), IndexAccess::Read) {
                Err(LexicalError::Damaged { .. }) => {}
                // Some bits have no meaning, such as those of the format or of the store version, which is then unknown.
                Ok(index) if damage == "a flipped bit" => {
                    assert_eq!(found(&index, "apple").len(), 39, "{what}")
                }
                // The list of files can be missing; then no file is known.
                other => panic!("{what}: {other:?}"),
            }
            assert_heals(dir.path(), &notebook, &what);
            assert_eq!(open(dir.path()).rebuilt_reason(), None, "{what}");
        }
    }
}

#[test]
fn damage_under_an_open_index_changes_no_answer_and_is_healed_by_the_next_write() {
    let mut random = Random(6);
    for damage in ["cut", "random bytes", "removed"] {
        for has_written in [false, true] {
            for target in ["", "meta.json", ".managed.json", ".term", ".idx", ".fieldnorm", ".fast"] {
                let dir = tempfile::tempdir().unwrap();
                let mut notebook = written(dir.path());
                let index = open(dir.path());
                if has_written {
                    notebook.write(42, "Title", &["a plum"]);
                    index.catch_up(&notebook, &Silent).unwrap();
                }
                for file in files(dir.path()) {
                    if !file.to_string_lossy().ends_with(target) {
                        continue;
                    }
                    let size = fs::metadata(&file).unwrap().len();
                    let bytes: Vec<u8> = (0..size).map(|_| random.below(256) as u8).collect();
                    match damage {
                        "removed" => fs::remove_file(&file).unwrap(),
                        // In place: whoever has the file open sees it.
                        damage => {
                            let mut file = fs::OpenOptions::new()
                                .write(true)
                                .truncate(damage == "cut")
                                .open(&file)
                                .unwrap();
                            let bytes = if damage == "cut" { &[][..] } else { &bytes };
                            file.write_all(bytes).unwrap();
                        }
                    }
                }
                let what = format!("{damage} {target} {has_written}");
                assert_eq!(found(&index, "apple").len(), 39, "{what}");
                notebook.write(43, "Title", &["a quince"]);
                assert_eq!(index.catch_up(&notebook, &Silent).unwrap(), notebook.newest(), "{what}");
                let counts =
                    |index: &_| ["apple", "cherries", "plum", "quince"].map(|word| found(index, word).len());
                assert_eq!(counts(&index), [39, 1, usize::from(has_written), 1], "{what}");
                drop(index);
                let index = open(dir.path());
                index.catch_up(&notebook, &Silent).unwrap();
                assert_eq!(counts(&index), [39, 1, usize::from(has_written), 1], "{what}");
            }
        }
    }
}

#[test]
fn an_index_of_another_version_is_replaced() {
    let unknown = format!(r#"{{"format":{},"generation":1,"token":1,"more":2}}"#, schema::FORMAT_VERSION);
    for (payload, reason) in [
        (r#"{"format":0,"generation":1,"token":1}"#, "format 0"),
        (unknown.as_str(), "not made by AtoCore"),
        ("somebody else's words", "not made by AtoCore"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let notebook = written(dir.path());
        let index = open(dir.path());
        let mut writer: tantivy::IndexWriter = index.opened().0.writer(50 << 20).unwrap();
        let mut commit = writer.prepare_commit().unwrap();
        commit.set_payload(payload);
        commit.commit().unwrap();
        drop((writer, index));

        let refused = LexicalIndex::open(dir.path(), IndexAccess::Read).unwrap_err();
        assert!(refused.to_string().contains(reason), "{refused}");
        let index = open(dir.path());
        assert!(index.rebuilt_reason().unwrap().contains(reason), "{:?}", index.rebuilt_reason());
        assert_eq!((index.version(), index.chunks()), (None, 0));
        drop(index);
        assert_heals(dir.path(), &notebook, reason);
    }
}

#[test]
fn an_index_with_other_fields_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let mut schema = tantivy::schema::Schema::builder();
    schema.add_text_field("body", tantivy::schema::TEXT);
    drop(tantivy::Index::create_in_dir(dir.path(), schema.build()).unwrap());
    let index = open(dir.path());
    assert!(index.rebuilt_reason().unwrap().contains("fields"));
    assert_eq!(index.opened().0.schema(), schema::schema().0);
}

#[test]
fn an_index_that_is_being_written_is_not_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let notebook = written(dir.path());
    let index = open(dir.path());
    // Nothing to do, so no writer yet; the next one holds the lock.
    let mut notebook = notebook;
    notebook.delete(1);
    index.catch_up(&notebook, &Silent).unwrap();
    notebook.delete(2);
    let second = open(dir.path());
    let busy = second.catch_up(&notebook, &Silent).unwrap_err();
    assert!(matches!(busy, LexicalError::Busy { .. }), "{busy}");
    assert_ne!(second.version(), Some(notebook.newest()));

    crate::files::write_atomic(&dir.path().join("meta.json"), b"{}").unwrap();
    let busy = LexicalIndex::open(dir.path(), IndexAccess::Write).unwrap_err();
    assert!(matches!(busy, LexicalError::Busy { .. }), "{busy}");
    assert!(files(dir.path()).len() > 5);
}

#[test]
fn a_just_released_lock_is_retried() {
    let dir = tempfile::tempdir().unwrap();
    let mut notebook = written(dir.path());
    notebook.delete(1);
    let index = open(dir.path());
    // As a child that is being started holds it.
    let held = crate::files::try_lock(&dir.path().join(".tantivy-writer.lock")).unwrap().unwrap();
    let child = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(100));
        drop(held);
    });
    index.catch_up(&notebook, &Silent).unwrap();
    assert!(child.is_finished());
    assert_eq!(index.version(), Some(notebook.newest()));
}

#[test]
fn the_mark_reads_back() {
    let version = StoreVersion { generation: atocore_model::id::Generation(u64::MAX), token: u64::MAX - 1 };
    assert_eq!(schema::Payload::version(&schema::Payload::text(version)), Ok(version));
}
