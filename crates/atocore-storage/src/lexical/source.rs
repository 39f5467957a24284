//! What the lexical index is built from.

use atocore_model::id::StoreVersion;

use super::error::{LexicalError, SourceError};

/// A passage that can be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexedChunk {
    /// Names the passage in matches. Never used again for another one.
    pub chunk_key: u64,
    /// The headings above it.
    pub heading_path: String,
    /// Its text.
    pub text: String,
}

/// A document that changed, as it is now.
#[derive(Debug, Clone, Copy)]
pub struct ChangedDocument<'a> {
    /// Names the document. Never used again for another one.
    pub document_key: u64,
    /// The id of the project that owns it.
    pub project: &'a str,
    /// Its tags, in any case.
    pub tags: &'a [String],
    /// Its title.
    pub title: &'a str,
    /// What else its first passage is found by.
    pub beside: &'a str,
    /// All its passages; none when the document is gone.
    pub chunks: &'a [IndexedChunk],
}

/// The store that the lexical index follows.
pub trait ChunkSource {
    /// Returns the newest version.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn version(&self) -> Result<StoreVersion, SourceError>;

    /// Whether `version` is part of the history of this store.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn has(&self, version: StoreVersion) -> Result<bool, SourceError>;

    /// Hands over every document that changed after `since`, or all documents, and returns the version they show.
    ///
    /// All of it is one consistent read. A document that changed several times is best handed over once. When
    /// `each` fails, the reading stops and its error is passed on.
    ///
    /// # Errors
    /// When the store cannot be read, or with the error of `each`.
    fn changes(
        &self,
        since: Option<StoreVersion>,
        each: &mut dyn FnMut(ChangedDocument<'_>) -> Result<(), LexicalError>,
    ) -> Result<StoreVersion, LexicalError>;
}
