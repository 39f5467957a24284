//! A store in memory that an index follows in tests.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
};

use atocore_model::{
    digest::Digest,
    id::{Generation, StoreVersion},
};

use crate::vector::{
    ChangedVectors, ChunkVector, SourceError, VectorError, VectorFilter, VectorSource, VectorSpace,
};

/// The vectors of a document.
#[derive(Debug, Clone)]
pub struct Page {
    /// The project it belongs to.
    pub project: String,
    /// Each with the key of its passage.
    pub vectors: Vec<(u64, Vec<f32>)>,
}

/// Documents and the history of their changes.
#[derive(Debug, Clone)]
pub struct Notebook {
    /// The space of its vectors.
    pub space: VectorSpace,
    /// The documents there are now, by their key.
    pub pages: BTreeMap<u64, Page>,
    history: Vec<(StoreVersion, u64)>,
    token: u64,
    next_key: u64,
    /// How many documents were handed over by the last reading.
    pub handed_over: Cell<usize>,
    /// Fail after this many documents.
    pub fail_after: Option<usize>,
}

/// A passage and how near it is, exactly.
#[derive(Debug, Clone, Copy)]
pub struct Near {
    /// Its key.
    pub chunk_key: u64,
    /// That of its document.
    pub document_key: u64,
    /// The exact cosine.
    pub cosine: f64,
}

impl Notebook {
    /// An empty one; two with different tokens have nothing in common.
    pub fn new(token: u64, dimensions: usize) -> Self {
        let start = StoreVersion { generation: Generation(0), token };
        Self {
            space: VectorSpace { fingerprint: Digest::from_bytes([1; 32]), dimensions },
            pages: BTreeMap::new(),
            history: vec![(start, 0)],
            token,
            next_key: 1,
            handed_over: Cell::new(0),
            fail_after: None,
        }
    }

    /// Goes on with other tokens, as a restored store does.
    pub const fn fork(&mut self, token: u64) {
        self.token = token;
    }

    /// A fresh key.
    pub const fn key(&mut self) -> u64 {
        self.next_key += 1;
        self.next_key
    }

    fn record(&mut self, document: u64) {
        let generation = Generation(self.history.len() as u64);
        let token = self.token.wrapping_add(generation.0.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        self.history.push((StoreVersion { generation, token }, document));
    }

    /// Writes a document with new passages; returns their keys.
    pub fn write(&mut self, document: u64, vectors: &[Vec<f32>]) -> Vec<u64> {
        let vectors: Vec<_> = vectors.iter().map(|vector| (self.key(), vector.clone())).collect();
        let keys = vectors.iter().map(|(key, _)| *key).collect();
        self.put(document, Page { project: "p".to_owned(), vectors });
        keys
    }

    /// Writes a document as it is.
    pub fn put(&mut self, document: u64, page: Page) {
        self.pages.insert(document, page);
        self.record(document);
    }

    /// Changes a document in place.
    pub fn edit(&mut self, document: u64, change: impl FnOnce(&mut Page)) {
        change(self.pages.get_mut(&document).unwrap());
        self.record(document);
    }

    /// Deletes a document.
    pub fn delete(&mut self, document: u64) {
        self.pages.remove(&document);
        self.record(document);
    }

    /// The version after the last change.
    pub fn newest(&self) -> StoreVersion {
        self.history.last().unwrap().0
    }

    /// How many vectors there are.
    pub fn vectors(&self) -> u64 {
        self.pages.values().map(|page| page.vectors.len() as u64).sum()
    }

    /// All passages that the filter lets through, the nearest first.
    pub fn nearest(&self, vector: &[f32], filter: &VectorFilter<'_>) -> Vec<Near> {
        let mut nearest = Vec::new();
        for (document_key, page) in &self.pages {
            let is_asked = filter.project.is_none_or(|project| page.project == project.as_str())
                && filter.documents.is_none_or(|documents| documents.contains(document_key));
            let is_chosen = |key: u64| filter.chunks.is_none_or(|chunks| chunks.accepts(key));
            for (chunk_key, own) in page.vectors.iter().filter(|(key, _)| is_asked && is_chosen(*key)) {
                let (chunk_key, document_key) = (*chunk_key, *document_key);
                nearest.push(Near { chunk_key, document_key, cosine: cosine(vector, own) });
            }
        }
        nearest.sort_by(|one, other| {
            other.cosine.total_cmp(&one.cosine).then(one.chunk_key.cmp(&other.chunk_key))
        });
        nearest
    }
}

fn cosine(one: &[f32], other: &[f32]) -> f64 {
    let product = |one: &[f32], other: &[f32]| -> f64 {
        one.iter().zip(other).map(|(one, other)| f64::from(*one) * f64::from(*other)).sum()
    };
    product(one, other) / (product(one, one) * product(other, other)).sqrt()
}

impl VectorSource for Notebook {
    fn space(&self) -> VectorSpace {
        self.space
    }

    fn version(&self) -> Result<StoreVersion, SourceError> {
        Ok(self.newest())
    }

    fn has(&self, version: StoreVersion) -> Result<bool, SourceError> {
        Ok(self.history.iter().any(|(known, _)| *known == version))
    }

    fn changes(
        &self,
        since: Option<StoreVersion>,
        each: &mut dyn FnMut(ChangedVectors<'_>) -> Result<(), VectorError>,
    ) -> Result<StoreVersion, VectorError> {
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
            let vectors: Vec<_> = page
                .iter()
                .flat_map(|page| &page.vectors)
                .map(|(chunk_key, vector)| ChunkVector { chunk_key: *chunk_key, vector })
                .collect();
            let project = page.map_or("", |page| &page.project);
            each(ChangedVectors { document_key, project, vectors: &vectors })?;
            self.handed_over.set(self.handed_over.get() + 1);
        }
        Ok(self.newest())
    }
}

/// Numbers that are the same in every run.
#[derive(Debug)]
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// A vector in any direction.
    pub fn vector(&mut self, dimensions: usize) -> Vec<f32> {
        (0..dimensions)
            .map(|_| {
                // The sum of some even numbers is nearly normal.
                let sum: f64 = (0..4).map(|_| self.next() as f64 / u64::MAX as f64 - 0.5).sum();
                sum as f32
            })
            .collect()
    }
}
