//! Which passages a search may find, by their keys.

/// Passages that may be found. Both indexes apply it inside the search, so that it makes no answer shorter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChunkFilter {
    /// Ascending; `None` for all.
    only: Option<Vec<u64>>,
    /// Ascending.
    except: Vec<u64>,
}

impl ChunkFilter {
    /// Of these passages, or of all when it is `None`, those that are not excepted. The keys come in any order.
    #[must_use]
    pub fn new(only: Option<Vec<u64>>, mut except: Vec<u64>) -> Self {
        except.sort_unstable();
        except.dedup();
        let is_left = |key: &u64| except.binary_search(key).is_err();
        let only = only.map(|mut only| {
            only.sort_unstable();
            only.retain(is_left);
            only
        });
        Self { only, except }
    }

    /// The passages that may be found, in ascending order; `None` when they are not counted up.
    #[must_use]
    pub fn only(&self) -> Option<&[u64]> {
        self.only.as_deref()
    }

    /// The passages that may not, in ascending order.
    #[must_use]
    pub fn except(&self) -> &[u64] {
        &self.except
    }

    /// Whether a passage may be found.
    #[must_use]
    pub fn accepts(&self, chunk_key: u64) -> bool {
        match &self.only {
            Some(only) => only.binary_search(&chunk_key).is_ok(),
            None => self.except.binary_search(&chunk_key).is_err(),
        }
    }
}
