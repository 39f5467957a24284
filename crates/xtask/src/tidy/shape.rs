//! How source files are named, how long they are, and that none lies about unused.

use std::collections::BTreeMap;

use super::Finding;
use crate::repository::Repository;

/// Lines of a source file before its inline test module.
const LIMIT: usize = 500;
/// Lines of a file that holds nothing but tests.
const TEST_LIMIT: usize = 1000;

/// A file that may be longer than the limit.
struct Long {
    path: &'static str,
    reason: &'static str,
}

const LONG: &[Long] = &[];

/// The front page of `foo/` is `foo.rs` beside it.
pub(super) fn mod_files(repository: &Repository) -> Vec<Finding> {
    let files = repository.files.keys().filter(|path| path.ends_with("/mod.rs"));
    files.map(|path| Finding::new(path, "rename it to the name of its folder, beside the folder")).collect()
}

/// A file that no longer fits is split by question, not by length.
pub(super) fn length(repository: &Repository) -> Vec<Finding> {
    length_with(repository, LONG)
}

fn length_with(repository: &Repository, exceptions: &[Long]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut used = Vec::new();
    for (path, text) in repository.texts(".rs") {
        let (lines, limit) = if is_test_file(path) {
            (text.lines().count(), TEST_LIMIT)
        } else {
            (production_lines(text), LIMIT)
        };
        if lines <= limit {
            continue;
        }
        if exceptions.iter().any(|long| long.path == path) {
            used.push(path);
        } else {
            findings.push(Finding::new(
                path,
                format!("has {lines} lines, the limit is {limit}: split it by question"),
            ));
        }
    }
    let unneeded = exceptions.iter().filter(|long| !used.contains(&long.path));
    findings.extend(unneeded.map(|long| {
        Finding::new(long.path, format!("its entry in `LONG` is no longer needed ({})", long.reason))
    }));
    findings
}

/// Whether a file holds nothing but tests, by its place.
fn is_test_file(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("/tests.rs")
}

/// Whether a file is compiled for tests only: by its place, or because its parent says so.
pub(crate) fn is_test(repository: &Repository, path: &str) -> bool {
    let Some((folder, file)) = path.rsplit_once('/') else { return false };
    let name = file.trim_end_matches(".rs");
    let only_for_tests = |text: &str| {
        let lines: Vec<_> = text.lines().map(str::trim).collect();
        lines.windows(2).any(|two| {
            (two[0] == "#[cfg(test)]" && two[1] == format!("mod {name};"))
                || (two[0].starts_with("#[cfg(any(test, ") && two[1] == format!("pub mod {name};"))
        })
    };
    let parent = format!("{folder}.rs");
    is_test_file(path)
        || parents(repository, folder).any(only_for_tests)
        || repository.text(&parent).is_some() && is_test(repository, &parent)
}

/// Every source file below a `src`, without its tests.
pub(crate) fn product_sources(repository: &Repository) -> BTreeMap<&str, String> {
    let files =
        repository.texts(".rs").filter(|(path, _)| path.contains("/src/") && !is_test(repository, path));
    let product = |text: &str| text.lines().take(production_lines(text)).collect::<Vec<_>>().join("\n");
    files.map(|(path, text)| (path, product(text))).collect()
}

/// Counts the lines before an inline test module.
pub(crate) fn production_lines(text: &str) -> usize {
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    let is_test_module = |index: usize| {
        lines[index] == "#[cfg(test)]"
            && lines[index + 1..]
                .iter()
                .find(|line| !line.starts_with("#["))
                .is_some_and(|line| line.starts_with("mod ") && line.ends_with('{'))
    };
    (0..lines.len()).find(|&index| is_test_module(index)).unwrap_or(lines.len())
}

/// Rust does not notice a file that no `mod` line names; its tests would silently not run.
pub(super) fn unlisted(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, _) in repository.texts(".rs") {
        let Some((folder, name)) = path.rsplit_once('/') else { continue };
        let stem = name.trim_end_matches(".rs");
        let cargo_finds_it = ["src/bin", "tests", "benches", "examples"]
            .iter()
            .any(|found| folder.ends_with(&format!("/{found}")))
            && !folder.contains("/src/tests");
        if cargo_finds_it || ["lib", "main", "mod", "build"].contains(&stem) {
            continue;
        }
        let listed = parents(repository, folder).any(|text| declares(text, stem));
        if !listed {
            findings.push(Finding::new(path, format!("is never compiled: no `mod {stem};` names it")));
        }
    }
    findings
}

/// The files that can have a `mod` line for a file in `folder`.
fn parents<'a>(repository: &'a Repository, folder: &str) -> impl Iterator<Item = &'a str> {
    let paths = [format!("{folder}/lib.rs"), format!("{folder}/main.rs"), format!("{folder}.rs")];
    paths.into_iter().filter_map(|path| repository.text(&path))
}

fn declares(text: &str, module: &str) -> bool {
    text.lines().any(|line| {
        let line = line.trim();
        let line = match line.strip_prefix("pub") {
            Some(rest) if rest.starts_with('(') => {
                rest.split_once(')').map_or("", |(_, rest)| rest).trim_start()
            }
            Some(rest) => rest.trim_start(),
            None => line,
        };
        line.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';')) == Some(module)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(findings: &[Finding]) -> Vec<&str> {
        findings.iter().map(|finding| finding.place.as_str()).collect()
    }

    #[test]
    fn a_mod_file_is_found() {
        let repository =
            Repository::of_files(&[("crates/a/src/b/mod.rs", ""), ("crates/a/src/model.rs", "")]);
        assert_eq!(places(&mod_files(&repository)), ["crates/a/src/b/mod.rs"]);
    }

    #[test]
    fn a_long_file_is_found_and_its_inline_tests_do_not_count() {
        let at_limit = "x\n".repeat(LIMIT);
        let over = "x\n".repeat(LIMIT + 1);
        let with_tests = format!("{at_limit}#[cfg(test)]\n#[expect(x)]\nmod tests {{\n{over}}}\n");
        let with_test_item = format!("#[cfg(test)]\nuse x;\n{at_limit}");
        let repository = Repository::of_files(&[
            ("crates/a/src/at_limit.rs", &at_limit),
            ("crates/a/src/over.rs", &over),
            ("crates/a/src/with_tests.rs", &with_tests),
            ("crates/a/src/with_test_item.rs", &with_test_item),
            ("crates/a/src/b/tests.rs", &over),
            ("crates/a/tests/it/all.rs", &"x\n".repeat(TEST_LIMIT + 1)),
        ]);
        let expected = ["crates/a/src/over.rs", "crates/a/src/with_test_item.rs", "crates/a/tests/it/all.rs"];
        assert_eq!(places(&length(&repository)), expected);
    }

    #[test]
    fn an_exception_excuses_one_file_and_must_be_needed() {
        let repository = Repository::of_files(&[("crates/a/src/over.rs", &"x\n".repeat(LIMIT + 1))]);
        let known = [Long { path: "crates/a/src/over.rs", reason: "one table" }];
        assert_eq!(length_with(&repository, &known), []);
        assert_eq!(length_with(&Repository::default(), &known).len(), 1);
    }

    #[test]
    fn a_file_that_nobody_lists_is_found() {
        let repository = Repository::of_files(&[
            (
                "crates/a/src/lib.rs",
                "pub mod listed;\npub(crate) mod inner;\n// mod forgotten;\nmod forgotten_too {}\n",
            ),
            ("crates/a/src/listed.rs", "mod deep;\n"),
            ("crates/a/src/listed/deep.rs", ""),
            ("crates/a/src/inner.rs", ""),
            ("crates/a/src/forgotten.rs", ""),
            ("crates/a/src/listed/forgotten.rs", ""),
            ("crates/a/src/bin/tool.rs", ""),
            ("crates/a/tests/it/main.rs", "mod damage;\n"),
            ("crates/a/tests/it/damage.rs", ""),
            ("crates/a/tests/it/forgotten.rs", ""),
        ]);
        let expected = [
            "crates/a/src/forgotten.rs",
            "crates/a/src/listed/forgotten.rs",
            "crates/a/tests/it/forgotten.rs",
        ];
        assert_eq!(places(&unlisted(&repository)), expected);
    }
}
