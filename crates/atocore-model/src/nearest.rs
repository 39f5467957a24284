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
    // Insertions, deletions, replacements, and swaps of neighbours.
    let edits = strsim::osa_distance(name, candidate);
    (edits <= (candidate.chars().count() / 3).max(1)).then_some(edits)
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
}
