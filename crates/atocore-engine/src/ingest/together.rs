//! Definitions of source code that fit into one passage stay together.

use atocore_extract::TextSection;

use super::chunk::ChunkLimits;

/// Joins what is in a definition when all of it fits into one passage; what is on the top level of a file stays apart.
///
/// The split-then-merge of syntax trees of [cAST](https://arxiv.org/abs/2506.15655), along names: a passage never has a part of a
/// definition that could be in it as a whole.
pub(super) fn joined(text: &str, sections: &[TextSection], limits: ChunkLimits) -> Vec<TextSection> {
    let ends: Vec<usize> = sections.iter().skip(1).map(|section| section.from).chain([text.len()]).collect();
    let mut joined = Vec::new();
    let mut at = 0;
    while let Some(section) = sections.get(at) {
        let inside = |inner: &&TextSection| {
            inner.path.starts_with(&section.path) && (inner.path.len() > section.path.len() || !inner.begins)
        };
        let all = 1 + sections[at + 1..].iter().take_while(inside).count();
        let chars = text[section.from..ends[at + all - 1]].trim_end().chars().take(limits.max_chars() + 1);
        joined.push(section.clone());
        at += if section.begins && chars.count() <= limits.max_chars() { all } else { 1 };
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sections that begin what they name; one whose names end with `…` goes on with it.
    fn sections(parts: &[(usize, &str)]) -> Vec<TextSection> {
        let names = |path: &str| path.split(' ').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        let section = |(from, path): &(usize, &str)| TextSection {
            from: *from,
            path: names(path.trim_end_matches('…')),
            begins: !path.is_empty() && !path.ends_with('…'),
        };
        parts.iter().map(section).collect()
    }

    #[test]
    fn what_is_in_a_definition_stays_together_when_it_fits() {
        let text = "x".repeat(500);
        let limits = ChunkLimits::new(100, 0).unwrap();
        for (parts, together) in [
            (vec![(0, "a"), (40, "a b"), (90, "a c")], vec![(0, "a"), (40, "a b"), (90, "a c")]),
            (vec![(0, ""), (420, "a"), (440, "a b"), (450, "a…")], vec![(0, ""), (420, "a")]),
            (
                vec![(0, "a"), (390, "a b"), (410, "a b c"), (480, "a…")],
                vec![(0, "a"), (390, "a b"), (480, "a…")],
            ),
            (vec![(0, "a"), (300, "a…"), (450, "a")], vec![(0, "a"), (300, "a…"), (450, "a")]),
            (
                vec![(0, ""), (400, "a"), (450, "b"), (480, "")],
                vec![(0, ""), (400, "a"), (450, "b"), (480, "")],
            ),
        ] {
            assert_eq!(joined(&text, &sections(&parts), limits), sections(&together), "{parts:?}");
        }
    }
}
