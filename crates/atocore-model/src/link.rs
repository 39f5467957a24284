//! Links that documents have to one another, as they are written.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{json::words, text};

words! {
    /// How a link is written, which says how its target is looked up.
    LinkKind, "a kind of link", {
        /// `[[Note]]`: a name, or the end of a path.
        Wikilink = "wikilink",
        /// `![[Note]]`, or what other markup has for including a document.
        Embed = "embed",
        /// `[text](notes/note.md)`: a path from the folder of the document.
        Link = "link",
        /// `:doc:`, `xref:` and the like: such a path, perhaps without its ending.
        Reference = "reference",
    }
}

/// A link that stands in a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Link {
    /// How it is written.
    pub kind: LinkKind,
    /// What it names, without the place within; never empty.
    pub target: String,
    /// The heading or block within the target; empty when it names none.
    pub anchor: String,
    /// What a reader sees of it, on one line; may be empty.
    pub label: String,
    /// The line of the text that it begins in.
    pub line: u32,
}

impl Link {
    /// Its target without the slash at its end, and without the ending of a page: what a link to `guide.html` names is in
    /// most folders of documents what that page is made from, `guide.md`.
    #[must_use]
    pub fn page(&self) -> &str {
        let target = self.target.trim_end_matches('/');
        PAGES.iter().find_map(|ending| target.strip_suffix(ending)).unwrap_or(target)
    }

    /// The last part of its page in the form of [`target_name`].
    #[must_use]
    pub fn name(&self) -> String {
        target_name(self.page().rsplit('/').next().unwrap_or_default())
    }
}

/// The endings of pages.
const PAGES: [&str; 2] = [".html", ".htm"];

/// The form in which the name of a document and the target of a link are compared: without case, accents as they are.
#[must_use]
pub fn target_name(name: &str) -> String {
    text::caseless(name.trim())
}
