//! The known name that somebody who mistyped probably meant.

/// The one of `candidates` that takes the fewest single-character edits to reach from `name`, when that is at most a
/// third of its length; the first of equals.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let scored = candidates.into_iter().filter_map(|candidate| Some((slips(name, candidate)?, candidate)));
    scored.min_by_key(|(edits, _)| *edits).map(|(_, candidate)| candidate)
}

/// How many single-character edits lead from `name` to `candidate`, when they are few enough to be slips: at most a
/// third of its length.
#[must_use]
pub fn slips(name: &str, candidate: &str) -> Option<usize> {
    let edits = distance(name, candidate);
    (edits <= (candidate.chars().count() / 3).max(1)).then_some(edits)
}

/// Insertions, deletions, replacements and swaps of neighbours between two texts.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(row[j - 1] + 1).min(rows[i - 1][j] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_understood() {
        let names = ["PORT", "HOST", "CHUNK_OVERLAP"];
        assert_eq!(nearest("CHUNK_OVERLAPP", names), Some("CHUNK_OVERLAP"));
        assert_eq!(nearest("PROT", names), Some("PORT"));
        assert_eq!(nearest("PRTO", ["HOST", "PORTS"]), None);
        assert_eq!(nearest("COLOUR_OF_THE_SKY", names), None);
    }

    #[test]
    fn the_distance_counts_single_edits() {
        for (a, b, edits) in
            [("", "", 0), ("", "ab", 2), ("kitten", "sitting", 3), ("äb", "ab", 1), ("prot", "port", 1)]
        {
            assert_eq!((distance(a, b), distance(b, a)), (edits, edits), "{a} {b}");
        }
    }
}
