//! Exact terms: numbers, codes, names and quotations that a question spells out. What is merely near in meaning must not
//! drown the passages that have them, and what has only their parts is something else.

use std::collections::HashSet;

use atocore_model::{query::Factor, text};
use atocore_storage::{
    lexical::{LexicalIndex, Occurrence, WordMatches, Wording},
    sqlite::ReadTransaction,
};

use super::{
    exact_terms::ExactTerm,
    rank::{self, EXACT_TERM, Ranked, STEP},
};
use crate::error::Error;

/// A term that no more passages have is rare.
const MOST_PASSAGES: usize = 20;
/// So is one that no larger part of all passages has.
const LARGEST_PART: u64 = 50;
/// How much of what a question says a term is when passages that have it come first.
const FULL_SHARE: f64 = 0.25;
/// A term, and which passages have its words.
struct FoundTerm<'t> {
    term: &'t str,
    matches: WordMatches,
    /// Those of the passages that have it in order, but only as a part of a longer number.
    longer: Vec<u64>,
    /// How much of what the question says it is: 0 to 1.
    share: f64,
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

/// What is known of a term.
enum Lookup {
    Found {
        matches: WordMatches,
        /// Whether those are all that there are.
        is_counted: bool,
    },
    /// It is one word, and too many passages have it.
    TooMany,
    Unfound(UnfoundTerm),
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
/// lifts the passages that have a rare term, the further the more of the question it is. Where the question says nothing
/// else, everything that has the term comes before everything that has not.
///
/// Returns the terms that the index does not have whole, and no passage that was ranked either.
pub(super) fn rank(
    read: &ReadTransaction<'_>,
    index: &LexicalIndex,
    question: &str,
    terms: &[ExactTerm],
    ranked: &mut [Ranked],
) -> Result<Vec<UnfoundTerm>, Error> {
    let rare = usize::try_from(index.chunks() / LARGEST_PART).unwrap_or(usize::MAX).max(MOST_PASSAGES);
    let said = if terms.is_empty() { 0.0 } else { index.information(question)? };
    let mut found = Vec::with_capacity(terms.len());
    let mut unfound = Vec::new();
    for term in terms {
        let share = if said > 0.0 { (index.information(&term.text)? / said).min(1.0) } else { 1.0 };
        let limit = if share < 1.0 || term.is_acronym { rare } else { usize::MAX };
        match find(read, index, term, limit, ranked)? {
            Lookup::Found { matches, is_counted } => {
                let longer = within_longer(read, term, &matches, ranked)?;
                found.push(FoundTerm { term: &term.text, matches, longer, share, is_counted });
            }
            Lookup::TooMany => {}
            Lookup::Unfound(term) => unfound.push(term),
        }
    }
    put_behind(&found, ranked);
    rank::sort(ranked);
    for found in found.iter().filter(|found| found.is_counted) {
        let whole = found.whole();
        if found.share >= 1.0 {
            put_first(found.term, &found.matches.in_order, ranked);
            rank::sort(ranked);
            put_first(found.term, &whole, ranked);
            ranked.iter_mut().filter(|ranked| is_among(&whole, ranked)).for_each(Ranked::covers_question);
        } else if found.matches.in_order.len() <= rare {
            lift(found.term, found.share, &whole, ranked);
        }
        rank::sort(ranked);
    }
    Ok(unfound)
}

impl FoundTerm<'_> {
    /// The passages that have the term as a whole; where none has it so, those that have it.
    fn whole(&self) -> Vec<u64> {
        let has_more = |key: &u64| self.longer.binary_search(key).is_ok();
        let whole: Vec<u64> = self.matches.in_order.iter().copied().filter(|key| !has_more(key)).collect();
        if whole.is_empty() { self.matches.in_order.clone() } else { whole }
    }
}

/// Those of the ranked passages with a number of several parts that have it in a longer one only: `1.10.2` in `1.10.2.7`.
fn within_longer(
    read: &ReadTransaction<'_>,
    term: &ExactTerm,
    matches: &WordMatches,
    ranked: &[Ranked],
) -> Result<Vec<u64>, Error> {
    let mut longer = Vec::new();
    let number = text::folded(&term.text);
    let number = number.strip_prefix('v').unwrap_or(&number);
    if !number.contains('.') || !number.chars().all(|c| c.is_numeric() || c == '.') {
        return Ok(longer);
    }
    each_text(read, &matches.in_order, ranked, |key, texts| {
        let places = texts.map(|text| number_places(&text::folded(text), number));
        let (any, whole) = places.into_iter().fold((false, false), |a, b| (a.0 || b.0, a.1 || b.1));
        longer.extend((any && !whole).then_some(key));
    })?;
    longer.sort_unstable();
    Ok(longer)
}

/// Whether a text has a number, and whether it has it anywhere as a whole.
fn number_places(text: &str, number: &str) -> (bool, bool) {
    let goes_on = |mut rest: std::str::Chars<'_>, back: bool| {
        let mut next = || if back { rest.next_back() } else { rest.next() };
        match next() {
            Some('.') => next().is_some_and(char::is_numeric),
            other => other.is_some_and(char::is_numeric),
        }
    };
    text.match_indices(number).fold((false, false), |(_, whole), (at, found)| {
        let is_part = goes_on(text[..at].chars(), true) || goes_on(text[at + found.len()..].chars(), false);
        (true, whole || !is_part)
    })
}

/// What has a term in any spelling, where it is not one word that more than `limit` passages have.
fn find(
    read: &ReadTransaction<'_>,
    index: &LexicalIndex,
    term: &ExactTerm,
    limit: usize,
    ranked: &[Ranked],
) -> Result<Lookup, Error> {
    let mut all: Option<WordMatches> = None;
    let mut is_all_counted = true;
    let mut unfound = None;
    for spelling in term.spellings() {
        let found = match Wording::of_left_out(spelling) {
            None => index.chunks_with(spelling, limit)?,
            Some(wording) => {
                let indexed = index.chunks_with(spelling, usize::MAX)?;
                let is_counted = indexed.is_some();
                is_all_counted &= is_counted;
                let may_be_further = match by_text(read, wording, indexed, ranked)? {
                    ByText::Found(matches) => {
                        all = Some(joined(all, matches));
                        continue;
                    }
                    ByText::Nowhere => false,
                    ByText::NotRanked => true,
                };
                let text = term.text.clone();
                unfound = Some(UnfoundTerm { text, is_too_common: !is_counted, may_be_further });
                None
            }
        };
        if let Some(found) = found {
            all = Some(joined(all, found));
        }
    }
    Ok(match (all, unfound) {
        (Some(matches), _) => Lookup::Found { matches, is_counted: is_all_counted },
        (None, Some(unfound)) => Lookup::Unfound(unfound),
        (None, None) => Lookup::TooMany,
    })
}

/// What either of two spellings finds.
fn joined(before: Option<WordMatches>, mut found: WordMatches) -> WordMatches {
    if let Some(before) = before {
        found.in_order.extend(before.in_order);
        found.in_order.sort_unstable();
        found.in_order.dedup();
        found.apart.extend(before.apart);
        found.apart.sort_unstable();
        found.apart.dedup();
        let has = |key: &u64| found.in_order.binary_search(key).is_ok();
        found.apart.retain(|key| !has(key));
    }
    found
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
    each_text(read, &matches.in_order, ranked, |key, texts| {
        let occurrence = texts.into_iter().map(|text| wording.occurrence(text)).max();
        occurrences.extend(occurrence.map(|occurrence| (key, occurrence)));
    })?;
    let best = occurrences.iter().map(|(_, occurrence)| *occurrence).max().unwrap_or(Occurrence::Apart);
    if best == Occurrence::Apart {
        let was_all_ranked = is_counted && occurrences.len() == matches.in_order.len();
        return Ok(if was_all_ranked { ByText::Nowhere } else { ByText::NotRanked });
    }
    let lacks_it = |(key, occurrence)| (occurrence < best).then_some(key);
    let apart: HashSet<u64> = occurrences.into_iter().filter_map(lacks_it).collect();
    matches.in_order.retain(|key| !apart.contains(key));
    matches.apart.extend(apart);
    matches.apart.sort_unstable();
    Ok(ByText::Found(matches))
}

/// Calls `each` with title, headings and text of those of the ranked passages that are among `keys`.
fn each_text(
    read: &ReadTransaction<'_>,
    keys: &[u64],
    ranked: &[Ranked],
    mut each: impl FnMut(u64, [&str; 3]),
) -> Result<(), Error> {
    for ranked in ranked.iter().filter(|ranked| is_among(keys, ranked)) {
        if let Some(passage) = read.chunk(ranked.passage.key)? {
            let texts = [&*passage.document.title, passage.heading_path.as_str(), &*passage.content];
            each(ranked.passage.key.cast_unsigned(), texts);
        }
    }
    Ok(())
}

fn put_behind(found: &[FoundTerm<'_>], ranked: &mut [Ranked]) {
    for FoundTerm { term, matches, .. } in found.iter().filter(|found| !found.matches.apart.is_empty()) {
        let having = ranked.iter().filter(|ranked| is_among(&matches.in_order, ranked));
        let Some(lowest) = having.map(|ranked| ranked.score).min_by(f64::total_cmp) else { continue };
        for ranked in ranked.iter_mut().filter(|ranked| is_among(&matches.apart, ranked)) {
            // What has another term in order is there for that one.
            let has_another = found.iter().any(|other| is_among(&other.matches.in_order, ranked));
            if !has_another && lowest > 0.0 && ranked.score >= lowest {
                let reason = match Wording::of_left_out(term) {
                    Some(_) => format!("words of `{term}`, but not all of them in its order"),
                    None => format!("the words of `{term}`, but not in its order"),
                };
                multiply(ranked, lowest / ranked.score * (1.0 - STEP), reason);
            }
        }
    }
}

/// Brings the best passage that has the term nearer to the best that has not, or before it, and the others that have it
/// as far.
fn lift(term: &str, share: f64, having: &[u64], ranked: &mut [Ranked]) {
    let best = |has: bool| {
        let mut scores = ranked.iter().filter(|ranked| is_among(having, ranked) == has);
        scores.next().map(|ranked| ranked.score)
    };
    let (Some(with), Some(without)) = (best(true), best(false)) else { return };
    if with <= 0.0 || with > without {
        return;
    }
    let part = (share / FULL_SHARE).min(1.0);
    let value = part.mul_add(without / with * (1.0 + STEP) - 1.0, 1.0);
    let reason = match having.len() {
        1 => format!("the exact term `{term}`, which no other passage has"),
        count => format!("the exact term `{term}`, which only {count} passages have"),
    };
    for ranked in ranked.iter_mut().filter(|ranked| is_among(having, ranked)) {
        multiply(ranked, value, reason.clone());
    }
}

/// Puts everything that has not the term behind everything that has it.
fn put_first(term: &str, having: &[u64], ranked: &mut [Ranked]) {
    let lowest = ranked.iter().rfind(|ranked| is_among(having, ranked)).map(|ranked| ranked.score);
    let highest = ranked.iter().find(|ranked| !is_among(having, ranked)).map(|ranked| ranked.score);
    let (Some(lowest), Some(highest)) = (lowest, highest) else { return };
    if lowest <= 0.0 || lowest > highest {
        return;
    }
    let reason = format!("has not `{term}`, which is all that the question says");
    for ranked in ranked.iter_mut().filter(|ranked| !is_among(having, ranked)) {
        multiply(ranked, lowest / highest * (1.0 - STEP), reason.clone());
    }
}

/// A passage that several terms concern has one factor for all of them.
fn multiply(ranked: &mut Ranked, value: f64, reason: String) {
    let value = ranked.lift.take().map_or(value, |before| before.value * value);
    ranked.score = ranked.unlifted * value;
    ranked.lift = Some(Factor { name: EXACT_TERM.into(), value, reason });
}

fn is_among(keys: &[u64], ranked: &Ranked) -> bool {
    u64::try_from(ranked.passage.key).is_ok_and(|key| keys.binary_search(&key).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_number_is_told_from_the_number() {
        for (text, expected) in [
            ("since 1.10.2, and later", (true, true)),
            ("since 1.10.2.", (true, true)),
            ("since 1.10.2.7", (true, false)),
            ("since 3.1.10.2", (true, false)),
            ("11.10.2 and 1.10.20", (true, false)),
            ("1.10.2.7 and 1.10.2", (true, true)),
            ("1.10", (false, false)),
        ] {
            assert_eq!(number_places(text, "1.10.2"), expected, "{text}");
        }
    }
}
