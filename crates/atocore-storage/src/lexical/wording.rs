//! The words of a term in their order, with those among them that are so common that the index leaves them out: who has
//! such a term only its text tells.

use std::fmt;

use super::tokenizer::{TermTokenizer, TextWord};

/// Whether a text has words, and all of them are left out of the index.
#[must_use]
pub fn is_too_common(text: &str) -> bool {
    let words = TermTokenizer::new().all_words(text);
    !words.is_empty() && words.iter().all(|word| word.is_stop_word)
}

/// How a text has the words of a term; what is more exact is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Occurrence {
    /// Not all of them in their order.
    Apart,
    /// In their order, with spaces where the term has none.
    Spaced,
    /// As the term has them.
    AsWritten,
}

/// Every word of a term.
pub struct Wording {
    tokenizer: TermTokenizer,
    words: Vec<TextWord>,
}

impl Wording {
    /// `None` for a text without a word.
    #[must_use]
    pub fn new(term: &str) -> Option<Self> {
        let mut tokenizer = TermTokenizer::new();
        let words = tokenizer.all_words(term);
        (!words.is_empty()).then_some(Self { tokenizer, words })
    }

    /// `None` for a term that the index has whole, and for one word.
    #[must_use]
    pub fn of_left_out(term: &str) -> Option<Self> {
        Self::new(term).filter(|wording| wording.words.len() > 1 && wording.leaves_out())
    }

    /// Whether the index tells who has it: it is one word, which the index does not leave out. Of several it tells who has them
    /// close to each other, where a short word may stand in between.
    #[must_use]
    pub fn is_told_by_index(&self) -> bool {
        self.words.len() == 1 && !self.leaves_out()
    }

    /// Whether the index leaves out some of the words.
    fn leaves_out(&self) -> bool {
        self.words.iter().any(|word| word.is_stop_word)
    }

    /// How a text has the words, at the place where it has them best.
    pub fn occurrence(&mut self, text: &str) -> Occurrence {
        let text = self.tokenizer.all_words(text);
        let at = |run: &[TextWord]| {
            let pairs = || run.iter().zip(&self.words);
            if pairs().any(|(has, wanted)| has.term != wanted.term) {
                Occurrence::Apart
            } else if pairs().skip(1).any(|(has, wanted)| has.after_space && !wanted.after_space) {
                Occurrence::Spaced
            } else {
                Occurrence::AsWritten
            }
        };
        text.windows(self.words.len()).map(at).max().unwrap_or(Occurrence::Apart)
    }
}

impl fmt::Debug for Wording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wording").field("words", &self.words).finish_non_exhaustive()
    }
}
