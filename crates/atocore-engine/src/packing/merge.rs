//! Passages of one document that stand one after another, as one text.
//!
//! What a passage repeats of the one before it is said once. Where it cannot be told for certain what is repeated, the
//! passages stay apart: a repetition is better than a text that stands in no file.

use atocore_model::{
    document::{LineSpan, Location},
    query::Hit,
};

/// A shorter repetition may be chance.
const SHORTEST_OVERLAP: usize = 24;

/// Passages that stand one after another; at least one.
#[derive(Debug, Clone)]
pub(super) struct Run<'h> {
    /// In the order of the document.
    pub(super) hits: Vec<&'h Hit>,
    pub(super) text: String,
    pub(super) lines: LineSpan,
    /// Where it is found, when these are not lines of the file.
    pub(super) location: Option<Location>,
    /// The rank of the best of them, from 0.
    pub(super) best: usize,
}

impl<'h> Run<'h> {
    pub(super) fn of(hit: &'h Hit, rank: usize) -> Self {
        let (lines, location) = (hit.lines, hit.location.clone());
        Self { hits: vec![hit], text: hit.content.clone(), lines, location, best: rank }
    }

    pub(super) fn first(&self) -> &'h Hit {
        self.hits[0]
    }

    fn last(&self) -> &'h Hit {
        self.hits[self.hits.len() - 1]
    }

    /// Both as one, when one follows the other; `None` when they stay apart.
    pub(super) fn with(&self, other: &Self, longest_overlap: usize) -> Option<Self> {
        let (before, after) = if follows(self, other) {
            (self, other)
        } else if follows(other, self) {
            (other, self)
        } else {
            return None;
        };
        let text = joined((&before.text, before.lines), (&after.text, after.lines), longest_overlap)?;
        let lines = LineSpan { first: before.lines.first, last: before.lines.last.max(after.lines.last) };
        let hits = before.hits.iter().chain(&after.hits).copied().collect();
        let both = before.location.as_ref().zip(after.location.as_ref());
        let location = both.map(|(first, last)| first.to(last));
        Some(Self { hits, text, lines, location, best: before.best.min(after.best) })
    }
}

/// Whether `after` is what comes next below the same headings.
fn follows(before: &Run<'_>, after: &Run<'_>) -> bool {
    let (last, first) = (before.last(), after.first());
    last.document_id == first.document_id
        && last.document_digest == first.document_digest
        && last.heading_path == first.heading_path
        && last.index.and_then(|index| index.checked_add(1)) == first.index
}

/// The text of two passages that follow one another; `None` when it is not certain what the second one repeats.
fn joined(before: (&str, LineSpan), after: (&str, LineSpan), longest_overlap: usize) -> Option<String> {
    let ((text, lines), (next, next_lines)) = (before, after);
    if next_lines.first > lines.last {
        // Between them stand only lines that are in no passage: blank ones, rules.
        let gap = if next_lines.first == lines.last + 1 { "\n" } else { "\n\n" };
        return Some([text, gap, next].concat());
    }
    let shared_ends = (lines.last - next_lines.first) as usize;
    let mut overlaps = overlaps(text, next, longest_overlap, shared_ends);
    match (overlaps.next(), overlaps.next()) {
        (Some(overlap), None) if next[..overlap].chars().count() >= SHORTEST_OVERLAP => {
            Some([text, &next[overlap..]].concat())
        }
        // It repeats nothing and goes on in the same line.
        (None, _) if shared_ends == 0 => Some([text, "\n", next].concat()),
        _ => None,
    }
}

/// The lengths, in bytes, of what ends `text` and begins `next`, with that many line ends in it.
fn overlaps(text: &str, next: &str, longest: usize, line_ends: usize) -> impl Iterator<Item = usize> {
    let starts = text.char_indices().rev().take(longest).map(|(at, _)| &text[at..]);
    starts
        .filter(move |end| {
            next.starts_with(end) && end.bytes().filter(|byte| *byte == b'\n').count() == line_ends
        })
        .map(str::len)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(first: u32, last: u32) -> LineSpan {
        LineSpan { first, last }
    }

    #[test]
    fn a_repetition_appears_once() {
        let (before, after) = (
            "One thing first.\nThen what is said twice, word for word.",
            "what is said twice, word for word. And the end.",
        );
        assert_eq!(
            joined((before, lines(3, 4)), (after, lines(4, 4)), 100).unwrap(),
            "One thing first.\nThen what is said twice, word for word. And the end."
        );
        // Its lines say that it begins elsewhere.
        assert_eq!(joined((before, lines(3, 4)), (after, lines(3, 4)), 100), None);
    }

    #[test]
    fn what_may_be_chance_stays_apart() {
        assert_eq!(joined(("x ha ha", lines(1, 1)), ("ha ha y", lines(1, 1)), 100), None);
        let song = "all work and no play. ".repeat(4);
        assert_eq!(joined((song.trim(), lines(1, 1)), (song.trim(), lines(1, 1)), 100), None);
        // Longer than any repetition that is made.
        let twice = "what is said twice, word for word";
        assert_eq!(
            joined((twice, lines(1, 1)), (twice, lines(1, 1)), 0).unwrap(),
            format!("{twice}\n{twice}")
        );
    }

    #[test]
    fn passages_on_lines_of_their_own_are_set_one_below_the_other() {
        assert_eq!(joined(("a", lines(1, 1)), ("b", lines(2, 2)), 9).unwrap(), "a\nb");
        assert_eq!(joined(("a", lines(1, 1)), ("b", lines(4, 4)), 9).unwrap(), "a\n\nb");
        assert_eq!(joined(("a", lines(1, 1)), ("b", lines(1, 1)), 9).unwrap(), "a\nb");
    }
}
