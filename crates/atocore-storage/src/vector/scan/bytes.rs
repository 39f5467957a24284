//! Reads the files of the index: little-endian numbers and pieces, one after another.

use atocore_model::id::{Generation, StoreVersion};

/// What is left to be read. Where there is less than is asked for, there is nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// `count` pieces of `N` bytes.
    pub(super) fn pieces<const N: usize>(&mut self, count: usize) -> Option<&'a [[u8; N]]> {
        self.take(count.checked_mul(N)?).map(|bytes| bytes.as_chunks().0)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.pieces(1)?.first().copied()
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// A number that counts what is in memory.
    pub(super) fn size(&mut self) -> Option<usize> {
        usize::try_from(self.u64()?).ok()
    }

    pub(super) fn version(&mut self) -> Option<StoreVersion> {
        let (generation, token) = (Generation(self.u64()?), self.u64()?);
        Some(StoreVersion { generation, token })
    }
}

/// The bytes of a version.
pub(super) fn of_version(version: StoreVersion) -> Vec<u8> {
    [version.generation.0.to_le_bytes(), version.token.to_le_bytes()].concat()
}
