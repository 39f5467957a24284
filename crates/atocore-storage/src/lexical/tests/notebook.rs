//! A store in memory that the index follows in tests.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
};

use atocore_model::id::{Generation, StoreVersion};

use crate::lexical::{ChangedDocument, ChunkSource, IndexedChunk, LexicalError, SourceError};

/// What is written about a document.
#[derive(Debug, Clone)]
pub(super) struct Page {
    pub(super) project: String,
    pub(super) tags: Vec<String>,
    pub(super) title: String,
    pub(super) chunks: Vec<IndexedChunk>,
}

/// Documents and the history of their changes.
#[derive(Debug, Clone)]
pub(super) struct Notebook {
    pub(super) pages: BTreeMap<u64, Page>,
    history: Vec<(StoreVersion, u64)>,
    token: u64,
    next_key: u64,
    /// How many documents were handed over by the last reading.
    pub(super) handed_over: Cell<usize>,
    /// Fail after this many documents.
    pub(super) fail_after: Option<usize>,
}

impl Notebook {
    /// An empty one; two with different tokens have nothing in common.
    pub(super) fn new(token: u64) -> Self {
        let start = StoreVersion { generation: Generation(0), token };
        Self {
            pages: BTreeMap::new(),
            history: vec![(start, 0)],
            token,
            next_key: 1,
            handed_over: Cell::new(0),
            fail_after: None,
        }
    }

    /// A fresh key.
    pub(super) fn key(&mut self) -> u64 {
        self.next_key += 1;
        self.next_key
    }

    fn record(&mut self, document: u64) {
        let generation = Generation(self.history.len() as u64);
        let token = self.token.wrapping_add(generation.0.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        self.history.push((StoreVersion { generation, token }, document));
    }

    /// Writes a document, with a passage for each text; returns the chunk keys.
    pub(super) fn write(&mut self, document: u64, title: &str, texts: &[&str]) -> Vec<u64> {
        let chunks: Vec<_> = texts
            .iter()
            .map(|text| IndexedChunk {
                chunk_key: self.key(),
                heading_path: String::new(),
                text: (*text).to_owned(),
            })
            .collect();
        let keys = chunks.iter().map(|chunk| chunk.chunk_key).collect();
        self.put(
            document,
            Page { project: "p".to_owned(), tags: Vec::new(), title: title.to_owned(), chunks },
        );
        keys
    }

    /// Writes a document as it is.
    pub(super) fn put(&mut self, document: u64, page: Page) {
        self.pages.insert(document, page);
        self.record(document);
    }

    /// Changes a document in place.
    pub(super) fn edit(&mut self, document: u64, change: impl FnOnce(&mut Page)) {
        change(self.pages.get_mut(&document).unwrap());
        self.record(document);
    }

    pub(super) fn delete(&mut self, document: u64) {
        self.pages.remove(&document);
        self.record(document);
    }

    pub(super) fn newest(&self) -> StoreVersion {
        self.history.last().unwrap().0
    }
}

impl ChunkSource for Notebook {
    fn version(&self) -> Result<StoreVersion, SourceError> {
        Ok(self.newest())
    }

    fn has(&self, version: StoreVersion) -> Result<bool, SourceError> {
        Ok(self.history.iter().any(|(known, _)| *known == version))
    }

    fn changes(
        &self,
        since: Option<StoreVersion>,
        each: &mut dyn FnMut(ChangedDocument<'_>) -> Result<(), LexicalError>,
    ) -> Result<StoreVersion, LexicalError> {
        let changed: BTreeSet<u64> = match since {
            None => self.pages.keys().copied().collect(),
            Some(since) => {
                let later = self.history.iter().filter(|(version, _)| version.generation > since.generation);
                later.map(|(_, document)| *document).collect()
            }
        };
        self.handed_over.set(0);
        for document_key in changed {
            if self.fail_after.is_some_and(|limit| self.handed_over.get() >= limit) {
                return Err(SourceError::new("the disk is gone").into());
            }
            let page = self.pages.get(&document_key);
            each(ChangedDocument {
                document_key,
                project: page.map_or("", |page| &page.project),
                tags: page.map_or(&[], |page| &page.tags),
                title: page.map_or("", |page| &page.title),
                beside: "",
                chunks: page.map_or(&[], |page| &page.chunks),
            })?;
            self.handed_over.set(self.handed_over.get() + 1);
        }
        Ok(self.newest())
    }
}

/// Numbers that are the same in every run.
pub(super) struct Random(pub(super) u64);

impl Random {
    /// A number below `limit`.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }

    /// Words as they are in a language: a few are everywhere, most are rare.
    pub(super) fn words(&mut self, vocabulary: u64, count: u64) -> String {
        let mut text = String::new();
        for _ in 0..count {
            let spread = self.below(vocabulary) + 1;
            let word = self.below(spread);
            text.push_str(&format!("w{word} "));
        }
        text
    }
}
