//! Copies of model folders that a test may change.

use std::{
    fs,
    path::{Path, PathBuf},
};

use atocore_embed::{
    EmbedError, Embedder, Precision,
    model::{ModelError, ModelFolder},
};

/// A copy of a model folder, under another name.
pub(crate) fn copy(folder: &Path, name: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a scratch folder");
    let copy = dir.path().join(name);
    copy_into(folder, &copy);
    (dir, copy)
}

/// Copies a folder with what is below it.
pub(crate) fn copy_into(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("it can be listed") {
        let path = entry.expect("an entry").path();
        let copy = to.join(path.file_name().expect("it has a name"));
        if path.is_dir() {
            copy_into(&path, &copy);
        } else {
            let bytes = fs::read(&path).expect("the file is read");
            put(to, &copy.file_name().expect("it has a name").to_string_lossy(), &bytes);
        }
    }
}

/// Writes a file below `folder`, and the folders it needs.
#[expect(clippy::disallowed_methods, reason = "a test fills a folder of its own")]
pub(crate) fn put(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("it has a folder")).expect("a folder");
    fs::write(path, bytes).expect("the file is written");
}

/// Replaces a part of a text file.
pub(crate) fn edit(folder: &Path, name: &str, from: &str, to: &str) {
    let text = fs::read_to_string(folder.join(name)).expect("the file is text");
    assert!(text.contains(from), "{name} has no {from}");
    put(folder, name, text.replace(from, to).as_bytes());
}

/// Loads what must be a usable model.
pub(crate) fn load(folder: &Path, precision: Precision) -> Embedder {
    let found = ModelFolder::open(folder).unwrap_or_else(|error| panic!("{error}"));
    Embedder::load(&found, precision).unwrap_or_else(|error| panic!("{error}"))
}

/// Opens and loads; returns what was wrong, after checking that it names `file` and a hint.
pub(crate) fn refused(folder: &Path, file: &str) -> ModelError {
    let error = match ModelFolder::open(folder) {
        Err(error) => error,
        Ok(found) => match Embedder::load(&found, Precision::F32) {
            Err(EmbedError::Model(error)) => error,
            other => panic!("it was accepted: {other:?}"),
        },
    };
    assert!(error.to_string().contains(file), "{error} does not name {file}");
    assert!(!error.hint().is_empty());
    error
}
