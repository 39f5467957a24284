//! The known name that somebody who mistyped probably meant.

/// The one of `candidates` that takes the fewest single-character edits to reach from `name`, when that is at most a
/// third of its length; the first of equals.
pub(super) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let scored = candidates.into_iter().map(|candidate| (distance(name, candidate), candidate));
    scored
        .filter(|(edits, candidate)| *edits <= (candidate.chars().count() / 3).max(1))
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions and replacements between two texts.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(left != *right);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_understood() {
        let names = ["PORT", "HOST", "CHUNK_OVERLAP"];
        assert_eq!(nearest("CHUNK_OVERLAPP", names), Some("CHUNK_OVERLAP"));
        assert_eq!(nearest("PROT", ["HOST", "PORTS"]), None);
        assert_eq!(nearest("POST", names), Some("PORT"));
        assert_eq!(nearest("COLOUR_OF_THE_SKY", names), None);
    }

    #[test]
    fn the_distance_counts_single_edits() {
        for (a, b, edits) in [("", "", 0), ("", "ab", 2), ("kitten", "sitting", 3), ("äb", "ab", 1)] {
            assert_eq!((distance(a, b), distance(b, a)), (edits, edits), "{a} {b}");
        }
    }
}
