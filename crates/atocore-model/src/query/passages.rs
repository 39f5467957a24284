//! What a passage has to say to be found.

use crate::{name::QueryText, text};

/// What a passage has to contain, and must not, in its text, its headings or the title of its document.
///
/// Each is a word, or several that follow one another. They are compared as the lexical index has them: capitals, accents,
/// the endings of English words and the signs between words make no difference.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PassageConditions {
    /// It contains every one of these.
    pub contains: Vec<QueryText>,
    /// It contains none of these.
    pub excludes: Vec<QueryText>,
}

impl PassageConditions {
    /// No condition.
    pub const NONE: Self = Self { contains: Vec::new(), excludes: Vec::new() };
    /// The most texts that a passage has to contain, and the most that it must not.
    pub const MOST: usize = 16;

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.contains.is_empty() && self.excludes.is_empty()
    }

    /// The conditions as the end of a sentence about a passage.
    #[must_use]
    pub fn said(&self) -> String {
        let (contains, excludes) = (listed(&self.contains, " and "), self.excluded());
        match (contains.is_empty(), excludes.is_empty()) {
            (false, true) => format!("contains {contains}"),
            (false, false) => format!("contains {contains} and does not contain {excludes}"),
            (true, _) => format!("does not contain {excludes}"),
        }
    }

    /// What they must not contain: `` `this` or `that` ``.
    #[must_use]
    pub fn excluded(&self) -> String {
        listed(&self.excludes, " or ")
    }
}

fn listed(texts: &[QueryText], between: &str) -> String {
    let texts: Vec<String> = texts.iter().map(|text| format!("`{}`", text::excerpt(text.as_str()))).collect();
    texts.join(between)
}
