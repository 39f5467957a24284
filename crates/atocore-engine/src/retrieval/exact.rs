//! Exact terms: a number, a code or a name that a question spells out and that next to no passage has. What is merely
//! near in meaning must not drown the passages that have it.

use std::collections::HashSet;

use atocore_model::query::Factor;
use atocore_storage::lexical::LexicalIndex;

use super::rank::{self, Ranked};
use crate::error::Error;

/// A term that more passages have is not rare.
const MOST_PASSAGES: usize = 20;
/// Nor is one that a larger part of all passages has.
const LARGEST_PART: u64 = 50;

/// Lifts the best passage that has a rare exact term of the question to the score of the best one that has none.
pub(super) fn lift(index: &LexicalIndex, question: &str, ranked: &mut [Ranked]) -> Result<(), Error> {
    let limit =
        usize::try_from(index.passages() / LARGEST_PART).unwrap_or(MOST_PASSAGES).clamp(1, MOST_PASSAGES);
    for term in terms(question) {
        let Some(keys) = index.passages_with_all(term, limit)? else { continue };
        let having: HashSet<u64> = keys.into_iter().collect();
        let has = |ranked: &Ranked| u64::try_from(ranked.passage.key).is_ok_and(|key| having.contains(&key));
        let (Some(at), Some(first)) = (ranked.iter().position(has), ranked.first()) else { continue };
        let (score, top) = (ranked[at].score, first.score);
        if at == 0 || score <= 0.0 {
            continue;
        }
        let lifted = &mut ranked[at];
        // One step above, so that the order does not hang on how a division is rounded.
        let value = (top / score) * (1.0 + f64::EPSILON * 4.0);
        let count = having.len();
        let passages = if count == 1 { "passage has".to_owned() } else { format!("{count} passages have") };
        let because = format!("the exact term `{term}`, which only {passages}");
        let because = because.replace("only passage has", "no other passage has");
        // A passage that has two such terms is lifted by both, in one factor.
        let before = lifted.lift.take().map_or(1.0, |lift| lift.value);
        lifted.score = lifted.unlifted * (value * before);
        lifted.lift = Some(Factor { name: "exact_term", value: value * before, because });
        rank::sort(ranked);
    }
    Ok(())
}

/// The words of a question that look like a code, a number or a name of a program: with a digit, an underscore, a
/// capital letter inside, or in quotation marks.
fn terms(question: &str) -> impl Iterator<Item = &str> {
    let quoted = question.split(['"', '`', '“', '”']).skip(1).step_by(2);
    let bare = question.split_whitespace().map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()));
    let bare = bare.filter(|word| is_code(word));
    let mut seen = HashSet::new();
    bare.chain(quoted.filter(|text| !text.trim().is_empty())).filter(move |term| seen.insert(*term)).take(8)
}

fn is_code(word: &str) -> bool {
    let letters = || word.chars();
    let count = letters().count();
    let has_digit = letters().any(|c| c.is_ascii_digit());
    let inner_capital = letters().skip(1).any(char::is_uppercase) && letters().any(char::is_lowercase);
    let all_capitals = count >= 2 && letters().all(|c| c.is_uppercase());
    count >= 3 && (has_digit || word.contains('_') || inner_capital || all_capitals)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_told_from_words() {
        let found = |question| terms(question).collect::<Vec<_>>();
        assert_eq!(found("what does ERR_4711 in fooBar mean?"), ["ERR_4711", "fooBar"]);
        assert_eq!(found("the WAL of v3.51.3, please"), ["WAL", "v3.51.3"]);
        assert_eq!(found("How is a Store restored in 30 days"), Vec::<&str>::new());
        assert_eq!(found("where is \"hot copy\" explained"), ["hot copy"]);
    }
}
