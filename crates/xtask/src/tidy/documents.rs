//! Prose rots unless something reads it: these rules do.

use super::Finding;
use crate::repository::Repository;

const CODES: &str = "crates/atocore-model/src/error.rs";
const CODES_DOCUMENT: &str = "docs/errors.md";
const SAFETY_DOCUMENT: &str = "docs/safety.md";
const INDEX_DOCUMENT: &str = "ARCHITECTURE.md";
const DEPENDENCIES_DOCUMENT: &str = "docs/decisions/0001-dependencies.md";

/// Folders at the root that documents name; those that exist today are known without being listed.
const FOLDERS: &[&str] = &["changelog", "crates", "docs", "fixtures", "openapi"];
/// Files at the root that documents name; documents in capital letters are known without being listed.
const ROOT_FILES: &[&str] = &["Cargo.lock", "Cargo.toml", "clippy.toml", "rustfmt.toml"];

/// Every link to a file, and every file named in backticks, leads somewhere. A fenced block is not looked at.
pub(super) fn paths(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (document, text) in repository.texts(".md").filter(|(path, _)| is_read(path)) {
        let prose = prose(text);
        for target in links(&prose).filter(|target| !repository.has(&resolved(document, target))) {
            findings.push(Finding::new(document, format!("links to `{target}`, which does not exist")));
        }
        for name in in_backticks(&prose) {
            match named(repository, name) {
                Named::Nothing | Named::Existing => {}
                Named::Missing => {
                    findings.push(Finding::new(document, format!("names `{name}`, which does not exist")))
                }
                Named::Line => {
                    findings.push(Finding::new(document, format!("names a line in `{name}`: lines move")))
                }
            }
        }
    }
    findings
}

/// Every code that a client may see is explained, with a hint.
pub(super) fn error_codes(repository: &Repository) -> Vec<Finding> {
    let (Some(source), Some(document)) = (repository.text(CODES), repository.text(CODES_DOCUMENT)) else {
        return Vec::new();
    };
    let codes: Vec<_> = source.lines().filter_map(code_word).collect();
    if codes.is_empty() {
        return vec![Finding::new(CODES, "no error code was found in it: has the table changed its form?")];
    }
    let missing = codes.into_iter().filter(|code| !document.contains(&format!("`{code}`")));
    missing.map(|code| Finding::new(CODES_DOCUMENT, format!("does not explain `{code}`"))).collect()
}

/// Every test that is said to stand guard over something is there.
pub(super) fn guards(repository: &Repository) -> Vec<Finding> {
    let Some(document) = repository.text(SAFETY_DOCUMENT) else { return Vec::new() };
    let is_test = |name: &&str| {
        name.matches('_').count() >= 3
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    let exists = |name: &str| repository.texts(".rs").any(|(_, text)| text.contains(&format!("fn {name}(")));
    let missing = in_backticks(document).filter(is_test).filter(|name| !exists(name));
    missing
        .map(|name| Finding::new(SAFETY_DOCUMENT, format!("names the test `{name}`, which does not exist")))
        .collect()
}

/// Every library has a line saying what for and why this one, and no line outlives its library.
pub(super) fn dependencies(repository: &Repository) -> Vec<Finding> {
    let (Some(manifest), Some(document)) =
        (repository.text("Cargo.toml"), repository.text(DEPENDENCIES_DOCUMENT))
    else {
        return Vec::new();
    };
    let table = manifest.lines().skip_while(|line| *line != "[workspace.dependencies]").skip(1);
    let table = table.take_while(|line| !line.starts_with('['));
    let wanted: Vec<_> = table
        .filter(|line| !line.starts_with('#') && !line.contains("path = "))
        .filter_map(|line| Some(line.split_once('=')?.0.trim()))
        .collect();
    let explained: Vec<_> =
        document.lines().filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0)).collect();
    let missing = wanted.iter().filter(|name| !explained.contains(name));
    let outlived = explained.iter().filter(|name| !wanted.contains(name));
    missing
        .map(|name| format!("has no line for `{name}`"))
        .chain(outlived.map(|name| format!("has a line for `{name}`, which is no dependency")))
        .map(|message| Finding::new(DEPENDENCIES_DOCUMENT, message))
        .collect()
}

/// Every name in the index of the architecture is defined in the file beside it.
pub(super) fn index(repository: &Repository) -> Vec<Finding> {
    let Some(text) = repository.text(INDEX_DOCUMENT) else { return Vec::new() };
    let lines = text.lines().skip_while(|line| *line != "## Index").skip(1);
    let rows: Vec<_> = lines
        .take_while(|line| !line.starts_with("## "))
        .filter_map(|line| line.strip_prefix("| ")?.split_once(" | `")?.1.split_once("` | "))
        .collect();
    if rows.is_empty() {
        return vec![Finding::new(INDEX_DOCUMENT, "has no rows in its index: has it changed its form?")];
    }
    rows.iter().flat_map(|(file, names)| undefined(repository, file, names)).collect()
}

/// What one row of the index names and does not exist: names of `file`, or behind a semicolon of the file that is named
/// there.
fn undefined(repository: &Repository, file: &str, names: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for clause in names.split(';') {
        let (files, names): (Vec<_>, Vec<_>) = in_backticks(clause).partition(|word| word.contains('/'));
        let file = files.first().copied().unwrap_or(file);
        let text = repository.text(file).unwrap_or_default();
        let missing = names.into_iter().filter(|name| !defines(text, name));
        findings.extend(missing.map(|name| {
            Finding::new(
                INDEX_DOCUMENT,
                format!("says that `{name}` is in `{file}`, which does not define it"),
            )
        }));
    }
    findings
}

/// Whether a source file defines a function, a type or a constant of this name; an enum may be written by a macro.
fn defines(text: &str, name: &str) -> bool {
    let kinds = ["fn", "struct", "enum", "trait", "type", "const", "static"];
    kinds.iter().any(|kind| {
        text.match_indices(&format!("{kind} {name}")).any(|(at, found)| {
            let next = text[at + found.len()..].chars().next();
            next.is_none_or(|next| !next.is_alphanumeric() && next != '_')
        })
    })
}

/// Whether the rule reads this document: those at the root and the folder `docs`.
fn is_read(path: &str) -> bool {
    !path.contains('/') || path.starts_with("docs/")
}

/// The text without its fenced blocks.
fn prose(text: &str) -> String {
    let mut fenced = false;
    let kept = text.lines().filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        fenced ^= is_fence;
        !fenced && !is_fence
    });
    kept.collect::<Vec<_>>().join("\n")
}

/// The targets of links and pictures that stay inside the repository, without their anchor.
fn links(prose: &str) -> impl Iterator<Item = &str> {
    let written = prose.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0));
    let html = ["src=\"", "href=\""].into_iter().flat_map(move |start| prose.split(start).skip(1));
    let html = html.filter_map(|rest| Some(rest.split_once('"')?.0));
    written.chain(html).filter_map(|target| {
        let target = target.split(['#', ' ']).next().unwrap_or_default();
        (!target.is_empty() && !target.contains(':')).then_some(target)
    })
}

/// The path of a link target, seen from the root; one that leaves the repository does not resolve to a file.
fn resolved(document: &str, target: &str) -> String {
    let mut parts: Vec<&str> = document.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

fn in_backticks(prose: &str) -> impl Iterator<Item = &str> {
    prose.lines().flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// What a word in backticks turns out to be.
enum Named {
    /// Not a path of this repository.
    Nothing,
    Existing,
    Missing,
    /// A line in a file.
    Line,
}

fn named(repository: &Repository, word: &str) -> Named {
    let is_path_character = |b: u8| b.is_ascii_alphanumeric() || b"._-/:".contains(&b);
    if word.is_empty() || !word.bytes().all(is_path_character) {
        return Named::Nothing;
    }
    if word.split_once(".rs:").is_some_and(|(_, line)| line.starts_with(|c: char| c.is_ascii_digit())) {
        return Named::Line;
    }
    if word.contains(':') {
        return Named::Nothing;
    }
    let found = |exists: bool| if exists { Named::Existing } else { Named::Missing };
    let anywhere = || repository.files.keys().any(|file| file == word || file.ends_with(&format!("/{word}")));
    if let Some((first, _)) = word.split_once('/') {
        let is_ours = |package: &str| package == first;
        if FOLDERS.contains(&first) || (!first.is_empty() && repository.has(&format!("{first}/"))) {
            return found(repository.has(word));
        }
        if repository.members().any(|package| is_ours(&package.name)) {
            return found(repository.has(&format!("crates/{word}")));
        }
    }
    // A source file may be named by the end of its path, as a person would say it.
    if word.strip_suffix(".rs").is_some_and(|stem| !stem.is_empty()) {
        return found(anywhere());
    }
    let is_document = word.strip_suffix(".md").is_some_and(|stem| {
        !stem.is_empty() && stem.bytes().all(|b| b.is_ascii_uppercase() || b == b'-' || b == b'_')
    });
    if is_document || ROOT_FILES.contains(&word) { found(anywhere()) } else { Named::Nothing }
}

/// The word of one line of the code table: `NameTaken = "name_taken", Conflict;`.
fn code_word(line: &str) -> Option<&str> {
    let line = line.trim();
    let (variant, rest) = line.split_once(" = \"")?;
    let (word, kind) = rest.split_once("\", ")?;
    let is_name = |text: &str| text.starts_with(|c: char| c.is_ascii_uppercase()) && !text.contains(' ');
    (is_name(variant) && is_name(kind.strip_suffix(';')?)).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(findings: Vec<Finding>) -> String {
        findings.into_iter().map(|found| format!("{}: {}\n", found.place, found.message)).collect()
    }

    fn trouble_with(text: &str) -> String {
        let files = [
            ("README.md", "See [the design](docs/design.md#top), `docs/` and <https://example.org/x.md>."),
            ("docs/design.md", text),
            ("docs/decisions/0001-first.md", ""),
            ("crates/sample/src/deep/file.rs", ""),
            ("Cargo.toml", ""),
        ];
        messages(paths(&Repository::of_files(&files).with_member("sample", &[])))
    }

    #[test]
    fn documents_may_name_what_exists_and_what_is_no_path() {
        let text = "[up](../README.md) [beside](decisions/0001-first.md) [here](#part) [mail](mailto:a@example.org)\n\
                    `crates/sample/src/deep/file.rs` `deep/file.rs` `sample/src/deep` `Cargo.toml` `README.md`\n\
                    `docs/<name>.md` `GET /query` `data/db/atocore.db` `cargo xtask check` `notes.md` `a/b` `.rs`\n\
                    ```text\ndocs/missing.md `docs/missing.md` [x](missing.md)\n```\n";
        assert_eq!(trouble_with(text), "");
    }

    #[test]
    fn a_path_that_leads_nowhere_is_found() {
        for text in [
            "[x](missing.md)",
            "[x](../../README.md)",
            "![x](picture.svg)",
            "<img src=\"picture.svg\">",
            "`docs/missing.md`",
            "`crates/sample/src/gone.rs`",
            "`sample/src/gone`",
            "`deep/gone.rs`",
            "`gone.rs`",
            "`MISSING.md`",
            "`clippy.toml`",
            "`deep/file.rs:12`",
        ] {
            assert_eq!(trouble_with(text).lines().count(), 1, "{text}: {}", trouble_with(text));
        }
    }

    #[test]
    fn a_code_without_explanation_is_found() {
        let table = "codes! {\n    /// Doc.\n    Io = \"io\", Broken;\n    NameTaken = \"name_taken\", Conflict;\n}\n";
        let files = [(CODES, table), (CODES_DOCUMENT, "| `io` | the disk |\n| name_taken |\n")];
        let found = messages(error_codes(&Repository::of_files(&files)));
        assert_eq!(found, "docs/errors.md: does not explain `name_taken`\n");
        let found = error_codes(&Repository::of_files(&[(CODES, "enum ErrorCode {}"), (CODES_DOCUMENT, "")]));
        assert_eq!(found.len(), 1, "a table that is not understood must not pass");
    }

    #[test]
    fn a_guard_that_is_gone_is_found() {
        let document = "| hazard | `disk_full` | `it_is_still_there` | `it_was_taken_away` |";
        let files =
            [(SAFETY_DOCUMENT, document), ("crates/a/tests/it/x.rs", "#[test]\nfn it_is_still_there() {}")];
        let found = messages(guards(&Repository::of_files(&files)));
        assert_eq!(found, "docs/safety.md: names the test `it_was_taken_away`, which does not exist\n");
    }

    #[test]
    fn the_real_code_table_is_understood() {
        let repository = Repository::open().unwrap();
        let codes: Vec<_> = repository.text(CODES).unwrap().lines().filter_map(code_word).collect();
        assert!(
            codes.contains(&"invalid_request") && codes.contains(&"internal") && codes.len() > 20,
            "{codes:?}"
        );
    }

    #[test]
    fn a_name_in_the_index_that_its_file_does_not_define_is_found() {
        let document = "# A\n\n## Index\n\n| question | file | look for |\n|---|---|---|\n\
                        | Where is it? | `crates/a/src/one.rs` | `One`, `two`; `Three` in `crates/a/src/three.rs` |\n";
        let one = ("crates/a/src/one.rs", "pub struct One;\nfn two<T>() {}\n");
        let of = |three| {
            let files = [("ARCHITECTURE.md", document), one, ("crates/a/src/three.rs", three)];
            messages(index(&Repository::of_files(&files)))
        };
        assert_eq!(of("enum Three {}"), "");
        let found =
            "ARCHITECTURE.md: says that `Three` is in `crates/a/src/three.rs`, which does not define it\n";
        assert_eq!(of("enum ThreeOfThem {}\nstruct One;"), found);
        assert_eq!(index(&Repository::of_files(&[("ARCHITECTURE.md", "# A\n")])).len(), 1);
    }

    #[test]
    fn the_list_of_dependencies_follows_the_manifest() {
        let manifest = "[workspace]\nresolver = \"3\"\n[workspace.dependencies]\nours = { path = \"crates/ours\" }\n\
                        # Why.\nknown = \"1\"\nnew = { version = \"2\" }\n\n[profile.dev]\ndebug = 1\n";
        let document = "| crate | for |\n|---|---|\n| `known` | x |\n| `gone` | x |\n";
        let files = [("Cargo.toml", manifest), (DEPENDENCIES_DOCUMENT, document)];
        let found = messages(dependencies(&Repository::of_files(&files)));
        assert_eq!(found.lines().count(), 2, "{found}");
        assert!(found.contains("no line for `new`") && found.contains("a line for `gone`"), "{found}");
    }
}
