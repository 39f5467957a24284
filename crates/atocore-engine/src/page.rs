//! Pages of lists.

use atocore_model::{fact::PageSize, id::Generation};

/// A page of a list, and the generation that it shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// Its rows.
    pub rows: Vec<T>,
    /// The generation.
    pub generation: Generation,
}

impl<T> Page<T> {
    /// The last row when there may be more behind it: the page is as long as was asked for.
    #[must_use]
    pub fn last_before_more(&self, limit: PageSize) -> Option<&T> {
        self.rows.last().filter(|_| self.rows.len() == limit.get())
    }

    /// What there is before there is a store.
    pub(crate) const fn empty() -> Self {
        Self { rows: Vec::new(), generation: Generation(0) }
    }
}
