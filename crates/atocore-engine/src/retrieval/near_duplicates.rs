//! Passages that say the same, shown as one: the same text in two places.
//!
//! What differs in a word, a number or a sign is another fact, however much of the rest is shared: which word is a name
//! and which changes the sense nobody can tell for all languages. Only what is never part of the sense is passed over:
//! capitals, white space, emphasis, the punctuation at the end of a word.

use std::collections::HashMap;

use atocore_model::{
    document::{Chunk, DocumentState},
    query::{CopyPlace, Explanation, Hit},
    text::caseless,
};

/// How many places of a copy are named.
const PLACES: usize = 1000;

/// Hits as they are gathered, best first.
#[derive(Debug)]
pub(super) struct Hits {
    limit: usize,
    collapse: bool,
    hits: Vec<Hit>,
    /// Which hit says what.
    said: HashMap<blake3::Hash, usize>,
    /// Passages looked at since the last new hit.
    looked: usize,
}

impl Hits {
    /// For at most `limit` hits.
    pub(super) fn new(limit: usize, collapse: bool) -> Self {
        Self { limit, collapse, hits: Vec::new(), said: HashMap::new(), looked: 0 }
    }

    /// Whether no further passage is needed. Some more than the limit are looked at, so that copies of the last hits
    /// are named too.
    pub(super) fn is_complete(&self) -> bool {
        let ahead = if self.collapse { self.limit } else { 0 };
        self.hits.len() >= self.limit && self.looked >= ahead
    }

    /// Adds the next passage: as a copy of a hit, or as a hit while there is room.
    pub(super) fn add(&mut self, passage: Chunk, state: DocumentState, explanation: Explanation) {
        let said = self.collapse.then(|| said(passage.heading_path.as_str(), &passage.content));
        let same = said.as_ref().and_then(|said| self.said.get(said));
        if let Some(hit) = same.and_then(|at| self.hits.get_mut(*at)) {
            if hit.copies.len() < PLACES {
                hit.copies.push(place(passage));
            }
            hit.copy_count += 1;
        } else if self.hits.len() < self.limit {
            let _none = said.and_then(|said| self.said.insert(said, self.hits.len()));
            self.hits.push(hit(passage, state, explanation));
        }
        if self.hits.len() >= self.limit {
            self.looked += 1;
        }
    }

    /// The hits.
    pub(super) fn into_hits(self) -> Vec<Hit> {
        self.hits
    }
}

fn hit(passage: Chunk, state: DocumentState, explanation: Explanation) -> Hit {
    Hit {
        chunk_id: passage.id,
        document_id: passage.document.id,
        document_digest: Some(passage.document.digest),
        index: Some(passage.index),
        linked_from: None,
        project: passage.document.project,
        score: explanation.score(),
        fit: explanation.fit(),
        title: passage.document.title,
        tags: passage.document.tags,
        source_path: passage.document.source_path,
        file_path: passage.document.file_path,
        heading_path: passage.heading_path,
        state,
        lines: passage.lines,
        location: passage.location,
        date: passage.document.date,
        content: passage.content,
        copy_count: 0,
        copies: Vec::new(),
        explanation: Some(explanation),
    }
}

fn place(passage: Chunk) -> CopyPlace {
    CopyPlace {
        chunk_id: passage.id,
        document_id: passage.document.id,
        project: passage.document.project,
        source_path: passage.document.source_path,
        heading_path: passage.heading_path,
        lines: passage.lines,
        location: passage.location,
    }
}

/// What a passage says, and below which headings: equal for two that say the same.
fn said(headings: &str, text: &str) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    let mut any = false;
    for part in [headings, text] {
        for word in part.split_whitespace().map(bare).filter(|word| !word.is_empty()) {
            any = true;
            let _hasher = hasher.update(caseless(word).as_bytes());
            for number in word.chars().filter(|c| is_set_number(*c)) {
                let _hasher = hasher.update(&u32::from(number).to_le_bytes());
            }
            let _hasher = hasher.update(b" ");
        }
        let _hasher = hasher.update(b"\n");
    }
    if !any {
        // Punctuation alone is the same as nothing else.
        let _hasher = hasher.update(text.as_bytes());
    }
    hasher.finalize()
}

/// Whether a character is a number by how it is set, such as `²`, `⑤` or `½`: set otherwise it would be another number.
fn is_set_number(c: char) -> bool {
    // Digits of full width and of other typefaces are the same digits.
    let is_digit = c.is_ascii() || matches!(c, '\u{ff10}'..='\u{ff19}' | '\u{1d7ce}'..='\u{1d7ff}');
    let has_digit = |text: String| text.bytes().any(|byte| byte.is_ascii_digit());
    !is_digit && c.is_numeric() && has_digit(caseless(c.encode_utf8(&mut [0; 4])))
}

/// A word without what only sets it: emphasis and quotation marks around it, punctuation behind it.
fn bare(word: &str) -> &str {
    const AROUND: [char; 10] = ['*', '_', '`', '"', '\'', '“', '”', '„', '‘', '’'];
    const BEHIND: [char; 5] = ['.', ',', ';', ':', '!'];
    let word = word.trim_start_matches(AROUND);
    word.trim_end_matches(|c| AROUND.contains(&c) || BEHIND.contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alike(a: &str, b: &str) -> bool {
        said("", a) == said("", b)
    }

    #[test]
    fn the_same_words_with_other_spaces_and_capitals_are_the_same() {
        assert!(alike("The store is restored.", "the  store\nis RESTORED"));
        assert!(alike("one", "One!"));
        assert!(alike("Café ΟΔΟΣ, Daten\u{ad}bank", "CAFE\u{301} οδος datenbank") && !alike("Café", "Cafe"));
        assert!(alike("the **store** is `restored`", "The store, is \"restored\"."));
        assert!(alike("５ litres", "5 litres") && alike("𝟓 litres", "5 litres"));
        assert!(!alike("---", "***"));
    }

    #[test]
    fn a_word_a_number_or_a_sign_makes_another_text_however_long_it_is() {
        let rest = "and so on, as it stands in every one of these notes about the machines in the cellar. "
            .repeat(9);
        for (one, other) in [
            ("alder has 10.0.0.7", "birch has 10.0.0.7"),
            ("alder has 10.0.0.7", "alder has 10.0.0.8"),
            ("the key is rotated", "the key is not rotated"),
            ("the key is rotated", "the key was rotated"),
            ("at +5 °C", "at -5 °C"),
            ("less < more", "less > more"),
            ("written in C", "written in C++"),
            ("Anna asks Bert", "Bert asks Anna"),
            ("ask 田中", "ask 中田"),
            ("10² litres", "102 litres"),
            ("②5 litres", "25 litres"),
            ("H₂O", "H2O"),
            ("1½ litres", "11⁄2 litres"),
        ] {
            for text in [format!("{one} {rest}"), format!("{rest} {one}"), format!("{rest} {one} {rest}")] {
                assert!(!alike(&text, &text.replace(one, other)), "{one} / {other}");
                assert!(alike(&text, &text.to_uppercase().replace(' ', "\n")), "{one}");
            }
        }
        assert_ne!(said("Hosts > alder", "It runs Debian."), said("Hosts > birch", "It runs Debian."));
    }
}
