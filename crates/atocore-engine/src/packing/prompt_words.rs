//! The words of a text that say what it is about.

use std::collections::HashSet;

use atocore_model::text;

/// Words of questions that are about anything.
const COMMON: [&str; 74] = [
    "about", "after", "again", "all", "also", "and", "any", "are", "because", "been", "before", "being",
    "but", "can", "could", "current", "did", "does", "each", "for", "from", "get", "had", "has", "have",
    "her", "his", "how", "into", "its", "just", "let", "like", "make", "may", "more", "most", "must", "not",
    "now", "our", "out", "over", "please", "project", "shall", "shared", "should", "some", "such", "system",
    "than", "that", "the", "their", "them", "then", "there", "these", "they", "this", "use", "want", "was",
    "were", "what", "when", "where", "which", "will", "with", "would", "you", "your",
];
/// Shorter words say little.
const SHORTEST: usize = 3;
/// Words with the same beginning are forms of one.
const BEGINNING: usize = 6;

/// The words of a text that say what it is about, each by its beginning.
#[derive(Debug)]
pub(super) struct PromptWords(HashSet<String>);

impl PromptWords {
    pub(super) fn of(text: &str) -> Self {
        Self(significant(text).collect())
    }

    /// How many of these words a text has.
    pub(super) fn shared_with(&self, text: &str) -> usize {
        let own: HashSet<String> = significant(text).filter(|word| self.0.contains(word)).collect();
        own.len()
    }
}

fn significant(text: &str) -> impl Iterator<Item = String> {
    let folded = text::folded(text);
    let words = text::words(&folded);
    let words = words.filter(|word| word.chars().count() >= SHORTEST && !COMMON.contains(word));
    let beginnings = words.map(|word| {
        let single = word.strip_suffix('s').filter(|single| single.chars().count() >= SHORTEST);
        single.unwrap_or(word).chars().take(BEGINNING).collect()
    });
    beginnings.collect::<Vec<String>>().into_iter()
}

/// A prompt without what a terminal makes colours of, which would stick to its words.
pub(super) fn without_controls(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if !c.is_control() || c.is_whitespace() {
            plain.push(c);
            continue;
        }
        plain.push(' ');
        if c == '\u{1b}' && rest.next_if_eq(&'[').is_some() {
            while rest.next_if(|c| matches!(c, ' '..='?')).is_some() {}
            let _end = rest.next_if(|c| matches!(c, '@'..='~'));
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_do_not_stick_to_words() {
        assert_eq!(without_controls("\u{1b}[1;31mwhy\u{1b}[0m\u{7}?\n").trim(), "why  ?");
        assert_eq!(without_controls("a\u{1b}[31"), "a ");
        assert_eq!(without_controls("[31m é\tx"), "[31m é\tx");
    }

    #[test]
    fn forms_of_a_word_are_one_and_common_words_are_none() {
        let asked = PromptWords::of("How are the backups restored in this project?");
        assert_eq!(asked.shared_with("Restoring a backup needs the stamp; a backup has one."), 2);
        assert_eq!(asked.shared_with("This is how the project should be"), 0);
        assert_eq!(PromptWords::of("is it so").shared_with("is it so"), 0);
        assert_eq!(PromptWords::of("CAFÉ Ökologie").shared_with("the cafe\u{301} of o\u{308}kologie"), 2);
    }

    #[test]
    fn the_list_is_in_order_and_has_nothing_twice() {
        assert!(COMMON.is_sorted_by(|a, b| a < b));
    }
}
