//! What a lexical index is made of, held in memory, so that indexing can be measured without reading or storing.

use std::path::Path;

use atocore_model::{
    id::{Generation, StoreVersion},
    monitor::Silent,
};
use atocore_storage::lexical::{
    ChangedDocument, ChunkSource, IndexAccess, IndexedChunk, LexicalError, LexicalIndex, SourceError,
};

use super::cannot;
use crate::failure::Failure;

/// The documents of a store.
#[derive(Debug)]
pub(super) struct Memory(pub(super) Vec<Document>);

/// A document with all its passages.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) key: u64,
    pub(super) project: String,
    pub(super) tags: Vec<String>,
    pub(super) title: String,
    pub(super) passages: Vec<IndexedChunk>,
}

/// The one state it has.
const VERSION: StoreVersion = StoreVersion { generation: Generation(1), token: 1 };

impl Memory {
    /// Takes in everything that `source` has.
    pub(super) fn of(source: &dyn ChunkSource) -> Result<Self, Failure> {
        let mut documents = Vec::new();
        let mut take = |document: ChangedDocument<'_>| {
            documents.push(Document {
                key: document.document_key,
                project: document.project.to_owned(),
                tags: document.tags.to_vec(),
                title: document.title.to_owned(),
                passages: document.chunks.to_vec(),
            });
            Ok(())
        };
        let _mark = source.changes(None, &mut take).map_err(cannot("read a store"))?;
        Ok(Self(documents))
    }

    /// Number of passages.
    pub(super) fn passages(&self) -> u64 {
        self.0.iter().map(|document| document.passages.len() as u64).sum()
    }

    /// Makes the product's own lexical index of it in the empty folder `dir`.
    pub(super) fn index(&self, dir: &Path) -> Result<(), Failure> {
        let index = LexicalIndex::open(dir, IndexAccess::Write).map_err(cannot("make a lexical index"))?;
        let _mark = index.catch_up(self, &Silent).map_err(cannot("fill a lexical index"))?;
        index.close().map_err(cannot("close a lexical index"))
    }
}

impl ChunkSource for Memory {
    fn version(&self) -> Result<StoreVersion, SourceError> {
        Ok(VERSION)
    }

    fn has(&self, version: StoreVersion) -> Result<bool, SourceError> {
        Ok(version == VERSION)
    }

    fn changes(
        &self,
        _since: Option<StoreVersion>,
        each: &mut dyn FnMut(ChangedDocument<'_>) -> Result<(), LexicalError>,
    ) -> Result<StoreVersion, LexicalError> {
        for document in &self.0 {
            each(ChangedDocument {
                document_key: document.key,
                project: &document.project,
                tags: &document.tags,
                title: &document.title,
                beside: "",
                chunks: &document.passages,
            })?;
        }
        Ok(VERSION)
    }
}
