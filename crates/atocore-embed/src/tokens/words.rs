//! How many tokens the words of a text have, remembered, because texts repeat their words.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

/// The longest word that is remembered, in bytes, with the whitespace before it.
const LONGEST: usize = 64;

/// How many words are remembered; some five megabytes. Then all are forgotten, which takes less than to find out
/// which of them were asked for least.
const MOST: usize = 64 << 10;

/// Where a text may be cut without changing its tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gaps {
    /// At every whitespace that no tokenizer drops as a control character; it is no part of any token.
    Whitespace,
    /// Before a whitespace that begins with a blank. There every tokenizer in use splits; a few keep a line break inside
    /// a word, and to some the blank belongs to the word behind it.
    Blanks,
}

/// Token counts by word. It grows with what is asked and never beyond its bound.
#[derive(Debug)]
pub(super) struct WordCounts {
    gaps: Gaps,
    known: RwLock<HashMap<Box<str>, usize>>,
}

impl WordCounts {
    pub(super) fn new(gaps: Gaps) -> Self {
        Self { gaps, known: RwLock::default() }
    }

    /// The sum over the words of a text; `count` says how many tokens a word has that is not known yet.
    ///
    /// # Errors
    /// As `count`; what it had counted until then is not remembered.
    pub(super) fn sum<E>(&self, text: &str, count: impl Fn(&str) -> Result<usize, E>) -> Result<usize, E> {
        match self.gaps {
            Gaps::Whitespace => self.sum_of(text.split([' ', '\n', '\t', '\r']), count),
            Gaps::Blanks => self.sum_of(before_blanks(text), count),
        }
    }

    fn sum_of<'t, E>(
        &self,
        words: impl Iterator<Item = &'t str>,
        count: impl Fn(&str) -> Result<usize, E>,
    ) -> Result<usize, E> {
        let (mut sum, mut new) = (0, HashMap::<&str, usize>::new());
        {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            for word in words.filter(|word| !word.is_empty()) {
                match known.get(word) {
                    Some(tokens) => sum += tokens,
                    None => *new.entry(word).or_default() += 1,
                }
            }
        }
        for (word, tokens) in &mut new {
            let times = std::mem::replace(tokens, count(word)?);
            sum += times * *tokens;
        }
        new.retain(|word, _| word.len() <= LONGEST);
        if !new.is_empty() {
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            if known.len() + new.len() > MOST {
                known.clear();
            }
            known.extend(new.into_iter().take(MOST).map(|(word, tokens)| (word.into(), tokens)));
        }
        Ok(sum)
    }
}

fn before_blanks(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let whitespace_at = |at: usize| rest[at..].len() - rest[at..].trim_start().len();
        let mut from = whitespace_at(0);
        let end = loop {
            let Some(blank) = rest[from..].find(' ') else { break rest.len() };
            let at = from + blank;
            // A blank behind other whitespace belongs to that one.
            if !rest[..at].ends_with(char::is_whitespace) {
                break at;
            }
            from = at + whitespace_at(at);
        };
        let (word, after) = rest.split_at(end);
        rest = after;
        Some(word).filter(|word| !word.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_counted_once_and_the_bound_is_kept() {
        let counts = WordCounts::new(Gaps::Blanks);
        let asked = std::cell::Cell::new(0);
        let count = |word: &str| {
            asked.set(asked.get() + 1);
            Ok::<_, ()>(word.trim().len())
        };
        assert_eq!(counts.sum("ab c ab", count), Ok(5));
        assert_eq!(counts.sum(" c ab", count), Ok(3));
        assert_eq!(asked.get(), 3, "`ab` at the beginning is another word than ` ab`");
        let apart = WordCounts::new(Gaps::Whitespace);
        assert_eq!(apart.sum("ab\n\tc  ab", count), Ok(5));
        assert_eq!(asked.get(), 5);
        let long = "x".repeat(LONGEST + 1);
        for _ in 0..2 {
            assert_eq!(counts.sum(&long, count), Ok(LONGEST + 1));
        }
        assert_eq!(asked.get(), 7, "a long one is not remembered");
        for batch in 0..3 {
            let many: String = (0..MOST - 10).map(|n| format!(" {batch}-{n}")).collect();
            assert!(counts.sum(&many, count).is_ok());
            assert!(counts.known.read().is_ok_and(|known| known.len() <= MOST));
        }
        let too_many: String = (0..MOST + 10).map(|n| format!(" {n}")).collect();
        assert!(counts.sum(&too_many, count).is_ok());
        assert!(counts.known.read().is_ok_and(|known| known.len() == MOST));
    }

    #[test]
    fn a_text_is_cut_before_blanks_only() {
        let cut = |text| before_blanks(text).collect::<Vec<_>>();
        assert_eq!(cut("a b"), ["a", " b"]);
        assert_eq!(cut("  a  b\n c \n d "), ["  a", "  b\n c", " \n d", " "]);
        assert_eq!(cut(""), [""; 0]);
        assert_eq!(cut(" \n"), [" \n"]);
    }
}
