//! Whether two texts say nearly the same.
//!
//! They do when they share most of their three-word sequences (Broder, "On the resemblance and containment of documents",
//! 1997).

use std::collections::{HashMap, HashSet};

/// The part of all their sequences that two texts must share.
const RESEMBLANCE: f64 = 0.85;
/// The words of a sequence.
const SEQUENCE: usize = 3;

/// The sequences of words of a text, each as a number; a shorter text is one sequence.
#[derive(Debug, Default)]
pub(crate) struct Sequences(HashSet<u64>);

impl Sequences {
    pub(crate) fn of(text: &str) -> Self {
        let words: Vec<String> = words(text).collect();
        let number = |words: &[String]| {
            let digest = blake3::hash(words.join(" ").as_bytes());
            u64::from_le_bytes(digest.as_bytes()[..8].try_into().unwrap_or_default())
        };
        if words.len() <= SEQUENCE {
            // Punctuation alone has no words and is the same as nothing else.
            let own = if words.is_empty() { vec![text.to_owned()] } else { words };
            return Self(HashSet::from([number(&own)]));
        }
        Self(words.windows(SEQUENCE).map(number).collect())
    }

    /// Whether the texts say nearly the same.
    pub(crate) fn resemble(&self, other: &Self) -> bool {
        let (few, many) = if self.0.len() <= other.0.len() { (self, other) } else { (other, self) };
        #[expect(clippy::cast_precision_loss, reason = "a passage has few words")]
        let [few_count, many_count] = [few.0.len() as f64, many.0.len() as f64];
        if few_count < RESEMBLANCE * many_count {
            return false;
        }
        #[expect(clippy::cast_precision_loss, reason = "a passage has few words")]
        let shared = few.0.intersection(&many.0).count() as f64;
        shared >= RESEMBLANCE * (few_count + many_count - shared)
    }
}

/// The words of a text in lower case.
pub(crate) fn words(text: &str) -> impl Iterator<Item = String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase)
}

/// For every text the first one before it that says nearly the same and that `also` holds of; of many texts in the time
/// that it takes to read them.
pub(crate) fn firsts(texts: &[Sequences], also: impl Fn(usize, usize) -> bool) -> Vec<Option<usize>> {
    let mut times: HashMap<u64, usize> = HashMap::new();
    for number in texts.iter().flat_map(|text| &text.0) {
        *times.entry(*number).or_default() += 1;
    }
    let mut known: HashMap<u64, Vec<usize>> = HashMap::new();
    let mut found = Vec::with_capacity(texts.len());
    for (at, text) in texts.iter().enumerate() {
        // Who shares that many of all shares one of the rarest: enough of them that the rest would be too few.
        let mut rarest: Vec<u64> = text.0.iter().copied().collect();
        rarest.sort_unstable_by_key(|number| (times[number], *number));
        rarest.truncate(1 + too_few(rarest.len()));
        let candidates = rarest.iter().filter_map(|number| known.get(number)).flatten().copied();
        let first = candidates.filter(|first| texts[*first].resemble(text) && also(*first, at)).min();
        if first.is_none() {
            for number in rarest {
                known.entry(number).or_default().push(at);
            }
        }
        found.push(first);
    }
    found
}

/// How many of so many sequences can be missing in a text that says nearly the same.
fn too_few(count: usize) -> usize {
    (0..count)
        .rev()
        .find(|missing| {
            #[expect(clippy::cast_precision_loss, reason = "a text has few words")]
            let [shared, count] = [(count - missing) as f64, count as f64];
            shared >= RESEMBLANCE * count
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn alike(a: &str, b: &str) -> bool {
        Sequences::of(a).resemble(&Sequences::of(b))
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

    proptest! {
        /// Looking at the rarest sequences alone misses none.
        #[test]
        fn the_first_of_many_is_the_one_that_comparing_all_finds(
            texts in prop::collection::vec(prop::collection::vec(0_u8..9, 1..60), 0..24),
            slips in prop::collection::vec((0_usize..24, 0_usize..60, 0_u8..9), 0..12),
        ) {
            let mut texts = texts;
            for (of, at, word) in slips {
                let Some(mut text) = texts.get(of).cloned() else { continue };
                let at = at % text.len();
                text[at] = word;
                texts.push(text);
            }
            let said = |text: &Vec<u8>| text.iter().map(|word| format!("w{word}")).collect::<Vec<_>>().join(" ");
            let texts: Vec<Sequences> = texts.iter().map(|text| Sequences::of(&said(text))).collect();
            let mut expected: Vec<Option<usize>> = Vec::new();
            for (at, text) in texts.iter().enumerate() {
                let firsts = (0..at).filter(|first| expected[*first].is_none());
                expected.push(firsts.into_iter().find(|first| texts[*first].resemble(text)));
            }
            prop_assert_eq!(firsts(&texts, |_, _| true), expected);
        }
    }
}
