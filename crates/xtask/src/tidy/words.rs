//! Words that must not stay in a commit.

use super::Finding;
use crate::repository::Repository;

/// Marks of unfinished work. Joined from parts, so that this file does not break its own rule.
const UNFINISHED: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("to", "do!"),
    concat!("unimple", "mented!"),
    concat!("#[ig", "nore"),
];

/// Where the folders of a person lie on the usual systems.
const HOMES: &[&str] = &[concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/Us", "ers/")];

/// Unfinished work is an issue, not a comment; a test runs or does not exist.
pub(super) fn unfinished(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in repository.texts(".rs") {
        for word in UNFINISHED.iter().filter(|word| stands_in(text, word)) {
            findings.push(Finding::new(path, format!("holds `{word}`")));
        }
    }
    findings
}

/// A path of one machine is wrong on every other one.
pub(super) fn home_folders(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in repository.texts("") {
        for home in HOMES.iter().filter(|home| stands_in(text, home)) {
            findings.push(Finding::new(path, format!("names a folder below `{home}`")));
        }
    }
    findings
}

/// Whether `word` occurs on its own, not as a part of a longer word or path.
fn stands_in(text: &str, word: &str) -> bool {
    let is_part = |character: char| character.is_alphanumeric() || "_-.".contains(character);
    let ends_in_letter = word.ends_with(char::is_alphanumeric);
    text.match_indices(word).any(|(at, _)| {
        let goes_on = ends_in_letter && text[at + word.len()..].starts_with(char::is_alphanumeric);
        !goes_on && !text[..at].ends_with(is_part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mark_of_unfinished_work_is_found() {
        for word in UNFINISHED {
            let text = format!("fn sample() {{\n    // {word}\n}}\n");
            assert_eq!(unfinished(&Repository::of_files(&[("a.rs", &text)])).len(), 1, "{word}");
        }
        let innocent = "const AUTODOC: &str = \"a mastodon\"; // ignore, #[ expect]";
        assert_eq!(unfinished(&Repository::of_files(&[("a.rs", innocent), ("a.md", UNFINISHED[0])])), []);
    }

    #[test]
    fn a_home_folder_is_found_in_any_text_file() {
        for home in HOMES {
            let text = format!("see {home}somebody/notes");
            assert_eq!(home_folders(&Repository::of_files(&[("docs/a.md", &text)])).len(), 1, "{home}");
        }
        let innocent = format!("vault{}a and ../a{}b", HOMES[0], HOMES[1]);
        assert_eq!(home_folders(&Repository::of_files(&[("docs/a.md", &innocent)])), []);
    }
}
