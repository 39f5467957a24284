//! The field's words in names: a thing has the name that engineers of search, databases and backup use for it.

use super::Finding;
use crate::repository::Repository;

/// Where the rule holds, by the beginning of a path.
const SCOPE: &[&str] = &["crates/atocore", "crates/xtask/"];

/// Names that no type has, and what to use instead.
const TYPES: &[(&str, &str)] = &[
    ("Asked", "the noun of what it is"),
    ("Bell", "ChangeNotifier"),
    ("Codes", "QuantizedVectors"),
    ("Dead", "Tombstones"),
    ("Draft", "SegmentWriter"),
    ("Found", "the noun of what it is"),
    ("Freshness", "LexicalIndexer"),
    ("Held", "CollectionState"),
    ("Hold", "Lease"),
    ("Holding", "CollectionState"),
    ("Intake", "Import"),
    ("Manner", "PackOptions"),
    ("Mark", "StoreVersion"),
    ("Material", "PackInput"),
    ("Nearly", "NearMiss"),
    ("Part", "the noun of what it is"),
    ("Patience", "MissLimit"),
    ("Pin", "ReadSnapshot"),
    ("Place", "Location"),
    ("Points", "FixedPointScore"),
    ("Said", "the noun of what it is"),
    ("Set", "the noun of what it is"),
    ("Shown", "the noun of what it is"),
    ("Told", "the noun of what it is"),
    ("Vault", "SnapshotDirectory"),
    ("View", "IndexSnapshot"),
    ("Words", "LexicalIndexHandle"),
    ("Work", "the noun of what it is"),
    ("Workplace", "EmbedContext"),
];

/// Names that nothing has, and what to use instead.
const NAMES: &[(&str, &str)] =
    &[("because", "reason"), ("cure", "hint"), ("door", "interface"), ("GivenUp", "RolledBack")];

/// Words that are no part of a name, written as in `snake_case`, and what to use instead.
const WORDS: &[(&str, &str)] = &[
    ("called_off", "cancelled"),
    ("canaries", "golden queries"),
    ("canary", "golden query"),
    ("closeness", "similarity"),
    ("cut_anew", "rechunked"),
    ("proven_whole", "verified"),
    ("recut", "rechunk"),
    ("rehearsal", "restore test"),
    ("taken_in", "imported"),
    ("word_index", "lexical index"),
];

/// Names in the code of [`SCOPE`] use the field's words. Comments and texts are free, and so are stored words.
pub(super) fn names(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in repository.texts(".rs") {
        if !SCOPE.iter().any(|scope| path.starts_with(scope)) {
            continue;
        }
        let mut before = "";
        for name in identifiers(text) {
            let is_type = ["struct", "enum", "trait", "type"].contains(&before);
            before = name;
            let as_type = TYPES.iter().filter(|(word, _)| is_type && *word == name);
            let as_name = NAMES.iter().filter(|(word, _)| *word == name);
            let in_name = WORDS.iter().filter(|(word, _)| has_word(name, word));
            for (word, instead) in as_type.chain(as_name).chain(in_name) {
                findings.push(Finding::new(path, format!("`{name}`: say {instead} instead of `{word}`")));
            }
        }
    }
    findings
}

/// Whether a name in either case has `word` in it as a whole.
fn has_word(name: &str, word: &str) -> bool {
    let mut snake = String::from("_");
    let mut was_lower = false;
    for character in name.chars() {
        if was_lower && character.is_uppercase() {
            snake.push('_');
        }
        was_lower = character.is_lowercase();
        snake.extend(character.to_lowercase());
    }
    snake.push('_');
    snake.contains(&format!("_{word}_")) || snake.contains(&format!("_{word}s_"))
}

/// The identifiers and keywords of Rust code in their order, without those of comments and literals.
fn identifiers(text: &str) -> Vec<&str> {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if first == '"' {
            1 + end_of_literal(&rest[1..])
        } else if let Some(hashes) = raw_literal(rest) {
            let (start, end) = (rest.find('"').unwrap_or_default() + 1, format!("\"{}", "#".repeat(hashes)));
            rest[start..].find(&end).map_or(rest.len(), |at| start + at + end.len())
        } else if first == '\'' {
            character_literal(rest).unwrap_or(1)
        } else if is_part(first) {
            let length = rest.find(|character| !is_part(character)).unwrap_or(rest.len());
            found.push(&rest[..length]);
            length
        } else {
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    found
}

/// Where a literal ends that has begun, behind its closing quotation mark.
fn end_of_literal(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, character) in text.char_indices() {
        match character {
            '"' if !is_escaped => return at + 1,
            '\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
    }
    text.len()
}

/// How many `#` a raw string literal has that begins here; `None` when none does.
fn raw_literal(text: &str) -> Option<usize> {
    let text = text.strip_prefix("br").or_else(|| text.strip_prefix('r'))?;
    let hashes = text.len() - text.trim_start_matches('#').len();
    text[hashes..].starts_with('"').then_some(hashes)
}

/// The length of a character literal that begins here; `None` for a lifetime.
fn character_literal(text: &str) -> Option<usize> {
    let inner = text.strip_prefix('\'')?;
    if let Some(escape) = inner.strip_prefix('\\') {
        return escape.char_indices().skip(1).find(|(_, end)| *end == '\'').map(|(at, _)| at + 3);
    }
    let character = inner.chars().next()?;
    inner[character.len_utf8()..].starts_with('\'').then_some(character.len_utf8() + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let repository = Repository::of_files(&[("crates/atocore-storage/src/a.rs", text)]);
        names(&repository).into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn every_word_of_the_lists_is_found_in_a_name() {
        for (word, instead) in TYPES {
            let expected = format!("`{word}`: say {instead} instead of `{word}`");
            assert_eq!(found(&format!("pub struct {word}<'a>;")), [expected]);
            assert!(found(&format!("use std::sample::{word};")).is_empty(), "{word} of another crate");
        }
        for (word, _) in NAMES {
            assert_eq!(found(&format!("fn sample() {{ let {word} = 1; }}")).len(), 1, "{word}");
        }
        for (word, _) in WORDS {
            assert_eq!(found(&format!("fn is_{word}_now() {{}}")).len(), 1, "{word}");
        }
        assert_eq!(found("enum Reason { CutAnew }").len(), 1);
    }

    #[test]
    fn comments_literals_other_words_and_other_crates_are_free() {
        let free = r####"
            // struct Vault, because of a cure
            /* struct Pin */ const A: &str = "struct Mark \" door"; const B: &str = r#"a "door" recut"#;
            fn secure<'a>(quote: &'a str) -> char { let outdoors = '"'; if quote == "canaries" { '\'' } else { 'd' } }
            struct RootLocation { vault: u8 } struct Recuts2; fn procured() {}
        "####;
        assert_eq!(found(free), Vec::<String>::new());
        let elsewhere = Repository::of_files(&[("crates/sample/src/a.rs", "struct Vault;")]);
        assert_eq!(names(&elsewhere), []);
    }
}
