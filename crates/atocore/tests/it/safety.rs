//! The list of guards in `docs/safety.md` names tests that exist.

use std::{
    fs,
    path::{Path, PathBuf},
};

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_guard_is_a_test_in_the_file_that_is_named() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    sources(&top.join("crates"), &mut files);
    let text = fs::read_to_string(top.join("docs/safety.md")).unwrap();
    let mut guards = 0;
    for line in text.lines().filter(|line| line.starts_with("| ") && line.contains('`')) {
        // `test`, `test` (crate, `file`), `test` (crate, `file`)
        for group in line.split("`)").filter(|group| group.contains(" (")) {
            let (tests, place) = group.rsplit_once(" (").unwrap();
            let (package, file) = place.split_once(", `").unwrap();
            let named: Vec<_> = files
                .iter()
                .filter(|path| path.starts_with(top.join("crates").join(package)) && path.ends_with(file))
                .map(|path| fs::read_to_string(path).unwrap())
                .collect();
            assert!(!named.is_empty(), "{package} has no file {file}");
            for test in tests.split('`').skip(1).step_by(2).filter(|word| word.contains('_')) {
                guards += 1;
                let written = format!("fn {test}(");
                assert!(
                    named.iter().any(|text| text.contains(&written)),
                    "{package} {file} has no test {test}"
                );
            }
        }
    }
    assert!(guards > 40, "only {guards} guards were read");
}
