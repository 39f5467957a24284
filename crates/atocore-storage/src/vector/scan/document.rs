//! A document with its quantised vectors, in a file or in memory.
//!
//! A file has the components of all documents together, so that a scan reads little else, and what goes with them in the
//! same order behind: of each document its key, how many vectors it has, the length of the name of its project, the
//! name, the worth of a step of each vector, the chunk keys. All numbers are little-endian.

use super::{bytes::Bytes, quantization};
use crate::vector::{ChangedVectors, VectorError, VectorSpace};

/// Bytes of a vector beside its components.
pub(super) const KEY_BYTES: usize = 4 + 8;

/// Vectors, each with its chunk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entries<'a> {
    /// The components of all of them.
    pub(super) codes: &'a [u8],
    /// What a step of the components is worth.
    pub(super) steps: &'a [[u8; 4]],
    pub(super) chunk_keys: &'a [[u8; 8]],
    pub(super) dimensions: usize,
}

impl<'a> Entries<'a> {
    pub(super) const fn len(&self) -> usize {
        self.chunk_keys.len()
    }

    /// Bytes in a file, about.
    pub(super) const fn bytes(&self) -> usize {
        self.len() * (self.dimensions + KEY_BYTES)
    }

    #[inline(always)]
    pub(super) fn chunk_key(&self, entry: usize) -> u64 {
        u64::from_le_bytes(self.chunk_keys[entry])
    }

    #[inline(always)]
    pub(super) fn step(&self, entry: usize) -> f32 {
        f32::from_le_bytes(self.steps[entry])
    }

    #[inline(always)]
    pub(super) fn codes(&self, entry: usize) -> &'a [u8] {
        &self.codes[entry * self.dimensions..][..self.dimensions]
    }
}

/// A document; without vectors when it is gone.
#[derive(Debug, Clone, Copy)]
pub(super) struct QuantizedDocument<'a> {
    pub(super) document_key: u64,
    pub(super) project: &'a str,
    pub(super) entries: Entries<'a>,
}

impl<'a> QuantizedDocument<'a> {
    /// Reads the next document; `None` when there is something else.
    pub(super) fn read(codes: &mut Bytes<'a>, rest: &mut Bytes<'a>, dimensions: usize) -> Option<Self> {
        let (document_key, count, length) = (rest.u64()?, rest.size()?, rest.size()?);
        let project = str::from_utf8(rest.take(length)?).ok()?;
        let (steps, chunk_keys) = (rest.pieces(count)?, rest.pieces(count)?);
        let codes = codes.take(count.checked_mul(dimensions)?)?;
        Some(Self { document_key, project, entries: Entries { codes, steps, chunk_keys, dimensions } })
    }

    /// Appends everything but the components.
    pub(super) fn write_rest(&self, to: &mut Vec<u8>) {
        let Entries { steps, chunk_keys, .. } = self.entries;
        let head = [self.document_key, chunk_keys.len() as u64, self.project.len() as u64];
        to.extend(head.map(u64::to_le_bytes).as_flattened());
        to.extend(self.project.as_bytes());
        to.extend(steps.as_flattened());
        to.extend(chunk_keys.as_flattened());
    }
}

/// A document in memory.
#[derive(Debug)]
pub(super) struct OwnedDocument {
    document_key: u64,
    project: String,
    codes: Vec<u8>,
    steps: Vec<[u8; 4]>,
    chunk_keys: Vec<[u8; 8]>,
    dimensions: usize,
}

impl OwnedDocument {
    /// Quantises the vectors of a document, and refuses those that are not of the space.
    pub(super) fn quantised(document: &ChangedVectors<'_>, space: VectorSpace) -> Result<Self, VectorError> {
        let mut own = Self {
            document_key: document.document_key,
            project: document.project.to_owned(),
            codes: Vec::with_capacity(document.vectors.len() * space.dimensions),
            steps: Vec::with_capacity(document.vectors.len()),
            chunk_keys: Vec::with_capacity(document.vectors.len()),
            dimensions: space.dimensions,
        };
        for chunk in document.vectors {
            let (chunk_key, found) = (chunk.chunk_key, chunk.vector.len());
            if found != space.dimensions {
                return Err(VectorError::Length { chunk_key, expected: space.dimensions, found });
            }
            if !chunk.vector.iter().all(|component| component.is_finite()) {
                return Err(VectorError::NotFinite { chunk_key });
            }
            own.steps.push(quantization::encode(chunk.vector, &mut own.codes).to_le_bytes());
            own.chunk_keys.push(chunk_key.to_le_bytes());
        }
        Ok(own)
    }

    pub(super) fn stored(&self) -> QuantizedDocument<'_> {
        let Self { document_key, ref project, ref codes, ref steps, ref chunk_keys, dimensions } = *self;
        QuantizedDocument { document_key, project, entries: Entries { codes, steps, chunk_keys, dimensions } }
    }
}

impl From<QuantizedDocument<'_>> for OwnedDocument {
    fn from(stored: QuantizedDocument<'_>) -> Self {
        let Entries { codes, steps, chunk_keys, dimensions } = stored.entries;
        Self {
            document_key: stored.document_key,
            project: stored.project.to_owned(),
            codes: codes.to_vec(),
            steps: steps.to_vec(),
            chunk_keys: chunk_keys.to_vec(),
            dimensions,
        }
    }
}
