//! Which entries of a segment are deleted: one bit for each, in an immutable file.

use std::path::Path;

use super::{
    manifest::{self, SegmentFileRecord, TombstoneRecord},
    opening::ScanIndexFault,
};
use crate::files::{self, FileError, stream::HashedFile};

/// What the file begins with.
const MAGIC: &[u8; 8] = b"atodead\0";

/// The entries that are deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tombstones {
    words: Vec<u64>,
    count: usize,
}

impl Tombstones {
    /// None of that many entries.
    pub(super) fn none_of(entries: usize) -> Self {
        Self { words: vec![0; entries.div_ceil(64)], count: 0 }
    }

    /// How many.
    pub(super) const fn count(&self) -> usize {
        self.count
    }

    #[inline(always)]
    pub(super) fn contains(&self, entry: usize) -> bool {
        self.words.get(entry / 64).is_some_and(|word| word >> (entry % 64) & 1 == 1)
    }

    pub(super) fn insert(&mut self, entry: usize) {
        if let Some(word) = self.words.get_mut(entry / 64) {
            let bit = 1 << (entry % 64);
            self.count += usize::from(*word & bit == 0);
            *word |= bit;
        }
    }

    /// Writes them to a new file.
    pub(super) fn write(&self, dir: &Path, number: u64) -> Result<TombstoneRecord, FileError> {
        let mut file = HashedFile::create(&dir.join(manifest::tombstones_file(number)))?;
        file.write(MAGIC)?;
        self.words.iter().try_for_each(|word| file.write(&word.to_le_bytes()))?;
        let (bytes, digest) = file.finish()?;
        Ok(TombstoneRecord {
            file: SegmentFileRecord { number, bytes, blake3: digest.to_string() },
            entries: self.count as u64,
        })
    }

    /// Reads the file of a segment with that many entries.
    pub(super) fn read(dir: &Path, record: &TombstoneRecord, entries: usize) -> Result<Self, ScanIndexFault> {
        let name = manifest::tombstones_file(record.file.number);
        let damaged = || ScanIndexFault::damaged_file(&name);
        let bytes =
            files::read_if_present(&dir.join(&name))?.ok_or_else(|| ScanIndexFault::missing_file(&name))?;
        if bytes.len() as u64 != record.file.bytes || blake3::hash(&bytes).to_string() != record.file.blake3 {
            return Err(damaged());
        }
        let words = bytes.strip_prefix(MAGIC).ok_or_else(damaged)?;
        let words: Vec<u64> = words.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)).collect();
        let count = words.iter().map(|word| word.count_ones() as usize).sum();
        if words.len() != entries.div_ceil(64) || count as u64 != record.entries || count > entries {
            return Err(damaged());
        }
        Ok(Self { words, count })
    }
}
