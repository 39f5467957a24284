//! Exact terms: numbers, codes, names and quotations that a question spells out. What is merely near in meaning must not
//! drown the one passage that has them, and what has only their parts is something else.

use std::collections::HashSet;

use atocore_model::{query::Factor, text};
use atocore_storage::{
    lexical::{LexicalIndex, Occurrence, WordMatches, Wording},
    sqlite::ReadTransaction,
};

use super::rank::{self, Ranked};
use crate::error::Error;

/// A term that more passages have is not rare.
const MOST_PASSAGES: usize = 20;
/// Nor is one that a larger part of all passages has.
const LARGEST_PART: u64 = 50;
/// How many terms of a question are looked at.
const MOST_TERMS: usize = 12;
/// A little more than nothing, so that an order does not hang on how a division is rounded.
const STEP: f64 = f64::EPSILON * 4.0;

/// A term, and which passages have its words.
struct FoundTerm<'t> {
    term: &'t str,
    matches: WordMatches,
    /// Why a passage that has its words apart is put behind.
    apart: &'static str,
    /// Whether every passage that may have the term is in `matches`.
    is_counted: bool,
}

/// A term that no passage has which was ranked.
pub(super) struct UnfoundTerm {
    pub(super) text: String,
    /// Whether the index leaves out all its words.
    pub(super) is_too_common: bool,
    /// Whether a passage that was not ranked may have it.
    pub(super) may_be_further: bool,
}

/// What the texts of the ranked passages say of a term.
enum ByText {
    Found(WordMatches),
    /// No passage has it.
    Nowhere,
    /// None that was ranked has it.
    NotRanked,
}

/// Puts what has the words of a term of the question, but in another order, behind everything that has the term; then
/// lifts the best passage that has a rare term to the score of the best one that has none.
///
/// Returns the terms that the index does not have whole, and no passage that was ranked either.
pub(super) fn rank(
    read: &ReadTransaction<'_>,
    index: &LexicalIndex,
    terms: &[String],
    ranked: &mut [Ranked],
) -> Result<Vec<UnfoundTerm>, Error> {
    let limit =
        usize::try_from(index.chunks() / LARGEST_PART).unwrap_or(MOST_PASSAGES).clamp(1, MOST_PASSAGES);
    let mut found = Vec::with_capacity(terms.len());
    let mut unfound = Vec::new();
    for term in terms {
        let Some(wording) = Wording::new(term) else {
            let matches = index.chunks_with(term, limit)?;
            let apart = "the words of `{term}`, but not in its order";
            found.extend(matches.map(|matches| FoundTerm { term, matches, apart, is_counted: true }));
            continue;
        };
        let indexed = index.chunks_with(term, usize::MAX)?;
        let is_counted = indexed.is_some();
        let may_be_further = match by_text(read, wording, indexed, ranked)? {
            ByText::Found(matches) => {
                let apart = "words of `{term}`, but not all of them in its order";
                found.push(FoundTerm { term, matches, apart, is_counted });
                continue;
            }
            ByText::Nowhere => false,
            ByText::NotRanked => true,
        };
        unfound.push(UnfoundTerm { text: term.clone(), is_too_common: !is_counted, may_be_further });
    }
    put_behind(&found, ranked);
    rank::sort(ranked);
    for found in found.iter().filter(|found| found.is_counted && found.matches.in_order.len() <= limit) {
        lift(found.term, &found.matches.in_order, ranked);
        rank::sort(ranked);
    }
    Ok(unfound)
}

/// Which passages have a term of which the index leaves out some words, given those that have the others. Only what was
/// ranked is looked at.
fn by_text(
    read: &ReadTransaction<'_>,
    mut wording: Wording,
    indexed: Option<WordMatches>,
    ranked: &[Ranked],
) -> Result<ByText, Error> {
    let is_counted = indexed.is_some();
    let all = || ranked.iter().filter_map(|ranked| u64::try_from(ranked.passage.key).ok());
    let mut matches = indexed.unwrap_or_else(|| WordMatches { in_order: all().collect(), apart: Vec::new() });
    matches.in_order.sort_unstable();
    let mut occurrences = Vec::new();
    for ranked in ranked.iter().filter(|ranked| is_among(&matches.in_order, ranked)) {
        let Some(passage) = read.chunk(ranked.passage.key)? else { continue };
        let texts = [&*passage.document.title, passage.heading_path.as_str(), &*passage.content];
        let occurrence = texts.into_iter().map(|text| wording.occurrence(text)).max();
        occurrences.extend(occurrence.map(|occurrence| (ranked.passage.key, occurrence)));
    }
    let best = occurrences.iter().map(|(_, occurrence)| *occurrence).max().unwrap_or(Occurrence::Apart);
    if best == Occurrence::Apart {
        let was_all_ranked = is_counted && occurrences.len() == matches.in_order.len();
        return Ok(if was_all_ranked { ByText::Nowhere } else { ByText::NotRanked });
    }
    let lacks_it = |(key, occurrence)| (occurrence < best).then(|| u64::try_from(key).ok()).flatten();
    let apart: HashSet<u64> = occurrences.into_iter().filter_map(lacks_it).collect();
    matches.in_order.retain(|key| !apart.contains(key));
    matches.apart.extend(apart);
    matches.apart.sort_unstable();
    Ok(ByText::Found(matches))
}

fn put_behind(found: &[FoundTerm<'_>], ranked: &mut [Ranked]) {
    for FoundTerm { term, matches, apart, .. } in found.iter().filter(|found| !found.matches.apart.is_empty())
    {
        let having = ranked.iter().filter(|ranked| is_among(&matches.in_order, ranked));
        let Some(lowest) = having.map(|ranked| ranked.score).min_by(f64::total_cmp) else { continue };
        for ranked in ranked.iter_mut().filter(|ranked| is_among(&matches.apart, ranked)) {
            // What has another term in order is there for that one.
            let has_another = found.iter().any(|other| is_among(&other.matches.in_order, ranked));
            if !has_another && lowest > 0.0 && ranked.score >= lowest {
                let reason = apart.replace("{term}", term);
                multiply(ranked, lowest / ranked.score * (1.0 - STEP), reason);
            }
        }
    }
}

fn lift(term: &str, having: &[u64], ranked: &mut [Ranked]) {
    let has = |ranked: &Ranked| is_among(having, ranked);
    let (Some(at), Some(first)) = (ranked.iter().position(has), ranked.first()) else { return };
    let (score, top) = (ranked[at].score, first.score);
    if at == 0 || score <= 0.0 {
        return;
    }
    let reason = match having.len() {
        1 => format!("the exact term `{term}`, which no other passage has"),
        count => format!("the exact term `{term}`, which only {count} passages have"),
    };
    multiply(&mut ranked[at], top / score * (1.0 + STEP), reason);
}

/// A passage that several terms concern has one factor for all of them.
fn multiply(ranked: &mut Ranked, value: f64, reason: String) {
    let value = ranked.lift.take().map_or(value, |before| before.value * value);
    ranked.score = ranked.unlifted * value;
    ranked.lift = Some(Factor { name: "exact_term".into(), value, reason });
}

fn is_among(keys: &[u64], ranked: &Ranked) -> bool {
    u64::try_from(ranked.passage.key).is_ok_and(|key| keys.binary_search(&key).is_ok())
}

/// The parts of a question that have to be found as they are: words that look like a code, a number, a path or a name of
/// a program, and what stands in quotation marks.
pub(super) fn terms(question: &str) -> Vec<String> {
    let question = text::plain(question);
    let capitals_tell = !is_shouted(&question);
    let words = question.split_whitespace().flat_map(|word| word.split(text::is_dense));
    let mut terms = Vec::new();
    for word in words {
        let is_option = word.starts_with("--");
        let word = trimmed(word);
        if is_option && word.contains('-') || is_code(word, capitals_tell) {
            terms.push(word.to_owned());
            // An address may be told with its port, a setting with its value.
            let joins = |c: char| !text::is_of_a_word(c) && !matches!(c, '_' | '.' | '-');
            let parts = word.split(joins).map(trimmed).filter(|part| *part != word);
            terms.extend(parts.filter(|part| is_code(part, capitals_tell)).map(str::to_owned));
            terms.extend(other_spelling(word));
        }
    }
    let quotation_marks = ['"', '`', '“', '”', '„', '«', '»', '「', '」', '『', '』'];
    let parts: Vec<&str> = question.split(quotation_marks).collect();
    // The last mark is not closed when there is nothing behind it.
    let quoted = parts.iter().take(parts.len() - 1).skip(1).step_by(2);
    terms.extend(quoted.map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()));
    let mut seen = HashSet::new();
    terms.retain(|term| seen.insert(term.clone()));
    terms.truncate(MOST_TERMS);
    terms
}

fn trimmed(word: &str) -> &str {
    word.trim_matches(|c: char| !text::is_of_a_word(c))
}

/// A version with its `v`, or without.
fn other_spelling(word: &str) -> Option<String> {
    let is_version = |number: &str| number.starts_with(|c: char| c.is_ascii_digit()) && number.contains('.');
    match word.strip_prefix(['v', 'V']) {
        Some(number) if is_version(number) => Some(number.to_owned()),
        None if is_version(word) => Some(format!("v{word}")),
        _ => None,
    }
}

/// Whether a question is written in capital letters, so that they say nothing of its words.
fn is_shouted(question: &str) -> bool {
    let words = || text::words(question).filter(|word| word.chars().any(char::is_alphabetic));
    let capitals = words().filter(|word| is_all_capitals(word)).count();
    words().count() > 2 && capitals * 2 > words().count()
}

fn is_all_capitals(word: &str) -> bool {
    word.chars().nth(1).is_some() && word.chars().all(char::is_uppercase)
}

fn is_code(word: &str, capitals_tell: bool) -> bool {
    let letters = || word.chars();
    let has_digit = letters().any(char::is_numeric);
    let inner_capital = letters().skip(1).any(char::is_uppercase) && letters().any(char::is_lowercase);
    let is_joined = word.contains(['_', '@', '\\']) || word.contains("::") || word.matches('/').count() > 1;
    // `example.com`, but neither `e.g` nor a sentence that begins without a space.
    let is_dotted = word.contains('.')
        && word.split('.').all(|part| part.chars().nth(1).is_some() && !part.starts_with(char::is_uppercase));
    let is_acronym = capitals_tell && is_all_capitals(word);
    letters().count() >= 3 && (has_digit || inner_capital || is_joined || is_dotted || is_acronym)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_told_from_words() {
        for (question, expected) in [
            ("what does ERR_4711 in fooBar mean?", &["ERR_4711", "fooBar"][..]),
            ("the WAL of v3.51.3, please", &["WAL", "v3.51.3", "3.51.3"]),
            ("release 2.3.1?", &["2.3.1", "v2.3.1"]),
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
            ("バージョン３.２.１を検索", &["3.2.1", "v3.2.1"]),
        ] {
            assert_eq!(terms(question), expected, "{question}");
        }
    }

    #[test]
    fn quotations_are_terms_when_they_are_closed() {
        assert_eq!(terms("where is \"hot copy\" explained"), ["hot copy"]);
        assert_eq!(
            terms("“one two” and „drei vier“ and «cinq six» and 「全文検索」"),
            ["one two", "drei vier", "cinq six", "全文検索"]
        );
        assert_eq!(terms("a disk of 5\" is small"), [""; 0]);
    }

    #[test]
    fn capitals_tell_nothing_in_a_question_that_is_written_in_them() {
        assert_eq!(terms("HOW IS THE WAL OF A STORE RESTORED"), [""; 0]);
        assert_eq!(terms("HOW IS ERR_4711 RESTORED"), ["ERR_4711"]);
        assert_eq!(terms("WAL"), ["WAL"]);
        assert_eq!(terms("how does the WAL of ÖBB work"), ["WAL", "ÖBB"]);
    }
}
