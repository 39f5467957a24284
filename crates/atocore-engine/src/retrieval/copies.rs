//! Passages that say nearly the same, shown as one: the same text in two places, versions of one page.
//!
//! Two texts are nearly the same when they share most of their three-word sequences (Broder, "On the resemblance and
//! containment of documents", 1997).

use std::collections::HashSet;

use atocore_model::{
    document::Passage,
    query::{Explanation, Hit, Place},
};

/// The part of all their sequences that two texts must share.
const RESEMBLANCE: f64 = 0.85;
/// The words of a sequence.
const SEQUENCE: usize = 3;

/// Hits as they are gathered, best first.
#[derive(Debug)]
pub(super) struct Hits {
    limit: usize,
    collapse: bool,
    hits: Vec<(Hit, HashSet<u64>)>,
    /// Passages looked at since the last new hit.
    looked: usize,
}

impl Hits {
    /// For at most `limit` hits.
    pub(super) fn new(limit: usize, collapse: bool) -> Self {
        Self { limit, collapse, hits: Vec::new(), looked: 0 }
    }

    /// Whether no further passage is needed. Some more than the limit are looked at, so that copies of the last hits
    /// are named too.
    pub(super) fn is_complete(&self) -> bool {
        let ahead = if self.collapse { self.limit } else { 0 };
        self.hits.len() >= self.limit && self.looked >= ahead
    }

    /// Adds the next passage: as a copy of a hit, or as a hit while there is room.
    pub(super) fn add(&mut self, passage: Passage, explanation: Explanation) {
        let sequences = if self.collapse { sequences(&passage.content) } else { HashSet::new() };
        let same = self.hits.iter_mut().find(|(_, known)| self.collapse && resemble(known, &sequences));
        if let Some((hit, _)) = same {
            hit.copies.push(place(passage));
        } else if self.hits.len() < self.limit {
            self.hits.push((hit(passage, explanation), sequences));
        }
        if self.hits.len() >= self.limit {
            self.looked += 1;
        }
    }

    /// The hits.
    pub(super) fn into_hits(self) -> Vec<Hit> {
        self.hits.into_iter().map(|(hit, _)| hit).collect()
    }
}

fn hit(passage: Passage, explanation: Explanation) -> Hit {
    Hit {
        chunk_id: passage.id,
        document_id: passage.document.id,
        document_digest: passage.document.digest,
        index: passage.index,
        project: passage.document.project,
        title: passage.document.title,
        tags: passage.document.tags,
        source_path: passage.document.source_path,
        file_path: passage.document.file_path,
        heading_path: passage.heading_path,
        lines: passage.lines,
        date: passage.document.date,
        content: passage.content,
        explanation,
        copies: Vec::new(),
    }
}

fn place(passage: Passage) -> Place {
    Place {
        chunk_id: passage.id,
        document_id: passage.document.id,
        project: passage.document.project,
        source_path: passage.document.source_path,
        heading_path: passage.heading_path,
        lines: passage.lines,
    }
}

/// The sequences of words of a text, each as a number; a shorter text is one sequence.
fn sequences(text: &str) -> HashSet<u64> {
    let words: Vec<String> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let number = |words: &[String]| {
        let digest = blake3::hash(words.join(" ").as_bytes());
        u64::from_le_bytes(digest.as_bytes()[..8].try_into().unwrap_or_default())
    };
    if words.len() <= SEQUENCE {
        // Punctuation alone has no words and is the same as nothing else.
        let own = if words.is_empty() { vec![text.to_owned()] } else { words };
        return HashSet::from([number(&own)]);
    }
    words.windows(SEQUENCE).map(number).collect()
}

fn resemble(a: &HashSet<u64>, b: &HashSet<u64>) -> bool {
    let (few, many) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    #[expect(clippy::cast_precision_loss, reason = "a passage has few words")]
    let [few_count, many_count] = [few.len() as f64, many.len() as f64];
    if few_count < RESEMBLANCE * many_count {
        return false;
    }
    #[expect(clippy::cast_precision_loss, reason = "a passage has few words")]
    let shared = few.intersection(many).count() as f64;
    shared >= RESEMBLANCE * (few_count + many_count - shared)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alike(a: &str, b: &str) -> bool {
        resemble(&sequences(a), &sequences(b))
    }

    #[test]
    fn the_same_words_with_other_spaces_and_capitals_are_the_same() {
        assert!(alike("The store is restored.", "the  store\nis RESTORED"));
        assert!(alike("one", "One!"));
        assert!(!alike("---", "***"));
    }

    #[test]
    fn a_changed_word_in_a_long_text_is_no_other_text_and_half_a_text_is() {
        let text: Vec<String> = (0..120).map(|n| format!("word{n}")).collect();
        let mut changed = text.clone();
        changed[60] = "other".to_owned();
        assert!(alike(&text.join(" "), &changed.join(" ")));
        assert!(!alike(&text.join(" "), &text[..60].join(" ")));
    }
}
