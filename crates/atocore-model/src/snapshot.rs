//! How thoroughly a snapshot was looked at.

use crate::json::words;

words! {
    /// The depths of validation; each includes the ones before it.
    Depth, "a depth", {
        /// What the contract's validation looks at.
        Structure = "structure",
        /// Every file has the size and digest that were recorded; nothing is missing, nothing is extra.
        Digests = "digests",
        /// The database is whole, its schema known, its counts and generation those that were recorded.
        Content = "content",
        /// Restored into scratch, it is an installation that the engine opens, with what was recorded in it.
        Restore = "restore",
        /// The restored copy answers the questions that were stored with it as when it was taken.
        Answers = "answers",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depths_read_back_and_are_ordered() {
        for depth in Depth::ALL {
            assert_eq!(depth.as_str().parse(), Ok(depth));
        }
        assert!(Depth::ALL.is_sorted_by(|shallower, deeper| shallower < deeper));
        assert!("deep".parse::<Depth>().is_err());
    }
}
