//! How an index differs from the store that it follows.

/// What comparing every vector of an index with the store came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Comparison {
    /// Vectors that should be there.
    pub expected: u64,
    /// Those of them that are not.
    pub missing: u64,
    /// Those that are there and are not what they should be.
    pub wrong: u64,
    /// Vectors that should not be there.
    pub extra: u64,
}

impl Comparison {
    /// Whether the index holds what it should and nothing else.
    #[must_use]
    pub const fn is_same(&self) -> bool {
        self.missing == 0 && self.wrong == 0 && self.extra == 0
    }
}
