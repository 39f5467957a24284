//! Versions of one page: what a newer one says as well comes before what an older one says.
//!
//! Whether two passages are versions of each other is told from what they share: project, headings, a title that differs in
//! digits at most, and half of all runs of three words. The newer one has to have every word of the question that
//! the older one has, or it is no better answer; so a page of a host is not hidden behind the page of another host.

use std::collections::{BTreeMap, BTreeSet};

use atocore_model::{
    query::{Factor, Hit},
    text,
};
use atocore_storage::lexical;

use super::rank;

/// The part of all their runs of words that two versions share at least.
const LEAST_SHARED: f64 = 0.5;
/// How many words a run has.
const RUN: usize = 3;
/// How many days lie between two versions at least: what was written on one day is of one time.
const LEAST_DAYS: u32 = 1;

/// What is compared of a hit.
struct ComparedPassage {
    at: usize,
    runs: BTreeSet<Vec<String>>,
    /// The words of the question that it has.
    asked: BTreeSet<String>,
}

/// Puts the hits that are older versions behind the newest that says the same, and says so in their explanations. Hits come
/// and go in the order of their scores.
pub(super) fn newest_first(hits: &mut [Hit], question: &str) {
    let mut pages: BTreeMap<(String, String, String), Vec<usize>> = BTreeMap::new();
    for (at, hit) in hits.iter().enumerate() {
        let key = (hit.project.to_string(), hit.heading_path.as_str().to_owned(), without_digits(&hit.title));
        pages.entry(key).or_default().push(at);
    }
    let question: BTreeSet<String> =
        words(question).into_iter().filter(|word| !lexical::is_too_common(word)).collect();
    for page in pages.into_values().filter(|page| page.len() > 1) {
        let compared = |at: usize| ComparedPassage {
            at,
            runs: runs(&words(&hits[at].content)),
            asked: asked(&question, &hits[at]),
        };
        let mut page: Vec<ComparedPassage> = page.into_iter().map(compared).collect();
        page.sort_by(|a, b| hits[b.at].date.cmp(&hits[a.at].date));
        for older in 1..page.len() {
            let newer = page[..older].iter().filter(|newer| is_version(newer, &page[older], hits));
            let lowest = newer.min_by(|a, b| hits[a.at].score.total_cmp(&hits[b.at].score));
            if let Some(newer) = lowest.map(|newer| newer.at) {
                put_behind(hits, page[older].at, newer);
            }
        }
    }
    hits.sort_by(|a, b| b.score.total_cmp(&a.score));
}

/// Whether one passage is a newer version of another.
fn is_version(newer: &ComparedPassage, older: &ComparedPassage, hits: &[Hit]) -> bool {
    let (new, old) = (&hits[newer.at], &hits[older.at]);
    let shared = newer.runs.intersection(&older.runs).count() as f64;
    let all = newer.runs.union(&older.runs).count() as f64;
    new.document_id != old.document_id
        && old.date.days_until(new.date) >= LEAST_DAYS
        && all > 0.0
        && shared / all >= LEAST_SHARED
        && newer.asked.is_superset(&older.asked)
        && has_exact_term(new) == has_exact_term(old)
}

fn has_exact_term(hit: &Hit) -> bool {
    let mut factors = hit.explanation.iter().flat_map(|explanation| &explanation.factors);
    factors.any(|factor| factor.name == rank::EXACT_TERM)
}

fn put_behind(hits: &mut [Hit], older: usize, newer: usize) {
    let (score, newest) = (hits[newer].score, hits[newer].cited());
    let date = hits[newer].date.to_string();
    let hit = &mut hits[older];
    let Some(explanation) = hit.explanation.as_mut().filter(|_| hit.score >= score && score > 0.0) else {
        return;
    };
    let value = score / hit.score * (1.0 - rank::STEP);
    let reason = format!("{newest}, dated {date:.10}, is a newer version");
    explanation.factors.push(Factor { name: "older_version".into(), value, reason });
    hit.score = explanation.score();
}

/// The words of a text; a character of a script without spaces is one.
fn words(text: &str) -> Vec<String> {
    let folded = text::folded(text);
    let mut words = Vec::new();
    for word in text::words(&folded) {
        if word.chars().any(text::is_dense) {
            words.extend(word.chars().map(String::from));
        } else {
            words.push(word.to_owned());
        }
    }
    words
}

/// Every run of words; of a shorter text it is the text.
fn runs(words: &[String]) -> BTreeSet<Vec<String>> {
    let length = RUN.min(words.len()).max(1);
    words.windows(length).map(<[String]>::to_vec).collect()
}

fn asked(question: &BTreeSet<String>, hit: &Hit) -> BTreeSet<String> {
    let texts = [&*hit.content, &*hit.title, hit.heading_path.as_str()];
    texts.into_iter().flat_map(words).filter(|word| question.contains(word)).collect()
}

fn without_digits(title: &str) -> String {
    let folded = text::folded(title);
    folded.chars().filter(|c| !c.is_numeric() && text::is_of_a_word(*c)).collect()
}
