//! Words that hold a question together and say nothing of what it is about: `how do I`, `wie kann man`.
//!
//! BM25 needs no list of them, where a text is long enough for them to be common. In ten notes the word "which" is as rare as
//! a name, and what a question is measured by must not hang on it.

use std::sync::LazyLock;

use atocore_model::text::caseless;
use tantivy::tokenizer::{Language, RawTokenizer, StopWordFilter, TextAnalyzer, TokenStream};

/// Of English, those that questions have; the library leaves out articles and prepositions only.
const ENGLISH: &str = "a about am an and any are as at be been being but by can could did do does doing done each ever for from \
    give got had has have he her here him his how i if in into is it its let many may me might much must my no not of on one \
    or our out please shall she should show so some such tell than that the their them then there these they this those to us \
    was we were what when where which while who whom whose why will with would you your";

/// The other languages of which the library has a list.
const OTHERS: [Language; 12] = [
    Language::Danish,
    Language::Dutch,
    Language::Finnish,
    Language::French,
    Language::German,
    Language::Hungarian,
    Language::Italian,
    Language::Norwegian,
    Language::Portuguese,
    Language::Russian,
    Language::Spanish,
    Language::Swedish,
];

static FILTERS: LazyLock<Vec<TextAnalyzer>> = LazyLock::new(|| {
    let english = StopWordFilter::remove(ENGLISH.split_whitespace().map(str::to_owned));
    let others = OTHERS.into_iter().filter_map(StopWordFilter::new);
    let filters = [english].into_iter().chain(others);
    filters.map(|filter| TextAnalyzer::builder(RawTokenizer::default()).filter(filter).build()).collect()
});

/// The first `most` words of a question without the function words of the language that it has most of, English where that
/// is no difference; as it is when it has nothing else.
pub(super) fn without(question: &str, most: usize) -> String {
    let words: Vec<&str> = question.split_whitespace().take(most).collect();
    let plain: Vec<String> =
        words.iter().map(|word| caseless(word.trim_matches(|c: char| !c.is_alphanumeric()))).collect();
    let mut fewest: Option<Vec<bool>> = None;
    for filter in FILTERS.iter() {
        let mut filter = filter.clone();
        let kept: Vec<bool> = plain.iter().map(|word| filter.token_stream(word).advance()).collect();
        let count = |kept: &[bool]| kept.iter().filter(|kept| **kept).count();
        if fewest.as_ref().is_none_or(|fewest| count(&kept) < count(fewest)) {
            fewest = Some(kept);
        }
    }
    let kept = words.iter().zip(fewest.unwrap_or_default()).filter_map(|(word, kept)| kept.then_some(*word));
    let kept: Vec<&str> = kept.collect();
    if kept.is_empty() { question.to_owned() } else { kept.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_question_is_about_is_left_of_it_in_its_language() {
        for (question, left) in [
            ("Which IP addresses do the servers have?", "IP addresses servers"),
            ("how do I restore it", "restore"),
            ("Wie wird der Speicher wiederhergestellt?", "Speicher wiederhergestellt?"),
            ("comment est-ce que je restaure la base", "comment est-ce restaure base"),
            ("где лежит резервная копия", "лежит резервная копия"),
            ("war crimes of the war", "war crimes war"),
            ("what is it", "what is it"),
            ("", ""),
        ] {
            assert_eq!(without(question, 10), left, "{question}");
        }
    }
}
