//! Words of a question that no passage has: most often a slip of the finger.

use tantivy::{Term, query::FuzzyTermQuery};

use super::snapshot::LexicalSnapshot;

/// A shorter word has too many neighbours.
const SHORTEST: usize = 5;

/// The word that was probably meant by one that no passage has, and in how many passages it stands: one letter is wrong,
/// missing or too many, or two are exchanged, and not the first, which people hardly ever get wrong. Of several it is the one
/// that most passages have, then the first by the alphabet. `None` for short words, and for all that is not of letters: a code is
/// another one when a digit is.
pub(super) fn meant(snapshot: &LexicalSnapshot, word: &Term) -> tantivy::Result<Option<(Term, u64)>> {
    let Some(text) = word.value().as_str().map(str::to_owned) else { return Ok(None) };
    if text.chars().count() < SHORTEST || !text.chars().all(char::is_alphabetic) {
        return Ok(None);
    }
    let one_off = FuzzyTermQuery::new(word.clone(), 1, true).automaton()?;
    let mut best: Option<(Term, u64)> = None;
    for segment in &snapshot.segments {
        let mut terms = segment.words.terms().search(&one_off).into_stream()?;
        while terms.advance() {
            let Ok(near) = std::str::from_utf8(terms.key()) else { continue };
            if near.chars().next() != text.chars().next() || !near.chars().all(char::is_alphabetic) {
                continue;
            }
            let near = Term::from_field_text(word.field(), near);
            // Not of this segment alone, and without what is deleted.
            let frequency = snapshot.document_frequency(&near)?;
            let is_better = best
                .as_ref()
                .is_none_or(|(known, most)| frequency > *most || (frequency == *most && near < *known));
            if frequency > 0 && is_better {
                best = Some((near, frequency));
            }
        }
    }
    Ok(best)
}
