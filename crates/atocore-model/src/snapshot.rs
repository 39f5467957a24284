//! How thoroughly a snapshot was looked at.

use std::{fmt, str::FromStr};

/// The depths of validation; each includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Depth {
    /// What the contract's validation looks at.
    Structure,
    /// Every file has the size and digest that were recorded; nothing is missing, nothing is extra.
    Digests,
    /// The database is whole, its schema known, its counts and generation those that were recorded.
    Content,
    /// Restored into scratch, it is an installation that the engine opens, with what was recorded in it.
    Restore,
    /// The restored copy answers the questions that were stored with it as when it was taken.
    Answers,
}

impl Depth {
    /// Every depth, the shallowest first.
    pub const ALL: [Self; 5] = [Self::Structure, Self::Digests, Self::Content, Self::Restore, Self::Answers];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Structure => "structure",
            Self::Digests => "digests",
            Self::Content => "content",
            Self::Restore => "restore",
            Self::Answers => "answers",
        }
    }
}

impl fmt::Display for Depth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is not a depth.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a depth: `structure`, `digests`, `content`, `restore` or `answers` is expected")]
pub struct InvalidDepth(String);

impl FromStr for Depth {
    type Err = InvalidDepth;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|depth| depth.as_str() == text)
            .ok_or_else(|| InvalidDepth(text.chars().take(80).collect()))
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
