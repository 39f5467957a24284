//! The parts of a question that have to be found as they are, told by their shape.

use std::collections::HashSet;

use atocore_model::text;
use atocore_storage::lexical;

/// How many terms of a question are looked at.
const MOST_TERMS: usize = 12;

/// A part of a question that has to be found as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ExactTerm {
    /// As the question has it.
    pub(super) text: String,
    /// A version with its `v`, or without.
    version: Option<String>,
    /// A name in one word, as the index has it in every case style.
    pub(super) name: Option<String>,
    /// Whether nothing but its capitals tells it from a word, so that it has to be rare.
    pub(super) is_acronym: bool,
}

impl ExactTerm {
    fn new(text: &str) -> Self {
        let name = lexical::identifier_parts(text).map(|parts| parts.concat());
        let name = name.filter(|name| name != text);
        Self { text: text.to_owned(), version: other_version(text), name, is_acronym: false }
    }

    /// In every form that is the same.
    pub(super) fn spellings(&self) -> impl Iterator<Item = &String> {
        [&self.text].into_iter().chain(&self.version).chain(&self.name)
    }
}

/// The parts of a question that have to be found as they are: words that look like a code, a number, a path or a name of
/// a program, and what stands in quotation marks. Capitals or hyphens alone make a term only where the word is the whole
/// question.
pub(super) fn terms(question: &str) -> Vec<ExactTerm> {
    let question = text::plain(question);
    let words = question.split_whitespace().flat_map(|word| word.split(text::is_dense));
    let mut terms = Vec::new();
    for word in words {
        let is_option = word.starts_with("--");
        let word = trimmed(word);
        if is_option && word.contains('-') || is_code(word) {
            terms.push(ExactTerm::new(word));
            // An address may be told with its port, a setting with its value.
            let joins = |c: char| !text::is_of_a_word(c) && !matches!(c, '_' | '.' | '-');
            let parts = word.split(joins).map(trimmed).filter(|part| *part != word);
            terms.extend(parts.filter(|part| is_code(part)).map(ExactTerm::new));
        }
    }
    let quotation_marks = ['"', '`', '“', '”', '„', '«', '»', '「', '」', '『', '』'];
    let parts: Vec<&str> = question.split(quotation_marks).collect();
    // The last mark is not closed when there is nothing behind it.
    let quoted = parts.iter().take(parts.len() - 1).skip(1).step_by(2);
    terms.extend(quoted.map(|part| part.trim()).filter(|part| !part.is_empty()).map(ExactTerm::new));
    let whole = trimmed(&question);
    if terms.is_empty() && !whole.contains(char::is_whitespace) {
        if lexical::identifier_parts(whole).is_some() {
            terms.push(ExactTerm::new(whole));
        } else if is_all_capitals(whole) {
            terms.push(ExactTerm { is_acronym: true, ..ExactTerm::new(whole) });
        }
    }
    let mut seen = HashSet::new();
    terms.retain(|term| seen.insert(term.text.clone()));
    terms.truncate(MOST_TERMS);
    terms
}

fn trimmed(word: &str) -> &str {
    word.trim_matches(|c: char| !text::is_of_a_word(c))
}

/// A version with its `v`, or without.
fn other_version(word: &str) -> Option<String> {
    let is_version = |number: &str| number.starts_with(|c: char| c.is_ascii_digit()) && number.contains('.');
    match word.strip_prefix(['v', 'V']) {
        Some(number) if is_version(number) => Some(number.to_owned()),
        None if is_version(word) => Some(format!("v{word}")),
        _ => None,
    }
}

fn is_all_capitals(word: &str) -> bool {
    word.chars().nth(1).is_some() && word.chars().all(char::is_uppercase)
}

fn is_code(word: &str) -> bool {
    let letters = || word.chars();
    let has_digit = letters().any(char::is_numeric);
    let inner_capital = letters().skip(1).any(char::is_uppercase) && letters().any(char::is_lowercase);
    let is_joined = word.contains(['_', '@', '\\']) || word.contains("::") || word.matches('/').count() > 1;
    // `example.com`, but neither `e.g` nor a sentence that begins without a space.
    let is_dotted = word.contains('.')
        && word.split('.').all(|part| part.chars().nth(1).is_some() && !part.starts_with(char::is_uppercase));
    letters().count() >= 3 && (has_digit || inner_capital || is_joined || is_dotted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_told_from_words() {
        for (question, expected) in [
            ("what does ERR_4711 in fooBar mean?", &["ERR_4711", "fooBar"][..]),
            ("the WAL of v3.51.3, please", &["v3.51.3"]),
            ("release 2.3.1?", &["2.3.1"]),
            ("How is a Store restored in 30 days", &[]),
            ("e.g. a well-known one, i.e. this. Then that", &[]),
            (
                "http://192.168.1.10:8100/ on 2024-05-03",
                &["http://192.168.1.10:8100", "192.168.1.10", "8100", "2024-05-03"],
            ),
            (
                "max_file_bytes=5 or --max-file-bytes",
                &["max_file_bytes=5", "max_file_bytes", "max-file-bytes"],
            ),
            (
                "mail ops@example.com about std::fs and src/lib/main.rs",
                &["ops@example.com", "example.com", "std::fs", "src/lib/main.rs", "main.rs"],
            ),
            ("バージョン３.２.１を検索", &["3.2.1"]),
        ] {
            assert_eq!(texts(question), expected, "{question}");
        }
    }

    fn texts(question: &str) -> Vec<String> {
        terms(question).into_iter().map(|term| term.text).collect()
    }

    #[test]
    fn a_term_is_the_same_in_every_spelling() {
        for (term, expected) in [
            ("v3.51.3", &["v3.51.3", "3.51.3"][..]),
            ("3.51.3", &["3.51.3", "v3.51.3"]),
            ("max_file_bytes", &["max_file_bytes", "maxfilebytes"]),
            ("MAX-FILE_BYTES", &["MAX-FILE_BYTES", "MAXFILEBYTES"]),
            ("maxFileBytes", &["maxFileBytes"]),
            ("E0499", &["E0499"]),
        ] {
            let terms = terms(term);
            assert_eq!(terms.len(), 1, "{term}");
            assert!(terms[0].spellings().eq(expected), "{term}: {terms:?}");
        }
    }

    #[test]
    fn quotations_are_terms_when_they_are_closed() {
        assert_eq!(texts("where is \"hot copy\" explained"), ["hot copy"]);
        assert_eq!(
            texts("“one two” and „drei vier“ and «cinq six» and 「全文検索」"),
            ["one two", "drei vier", "cinq six", "全文検索"]
        );
        assert_eq!(texts("a disk of 5\" is small"), [""; 0]);
    }

    #[test]
    fn capitals_and_hyphens_make_a_term_only_where_they_are_the_whole_question() {
        assert_eq!(texts("HOW IS THE WAL OF A STORE RESTORED"), [""; 0]);
        assert_eq!(texts("HOW IS ERR_4711 RESTORED"), ["ERR_4711"]);
        assert_eq!(texts("WAL"), ["WAL"]);
        assert_eq!(texts("max-file-bytes"), ["max-file-bytes"]);
        assert_eq!(texts("how does the WAL of ÖBB work"), [""; 0]);
    }
}
