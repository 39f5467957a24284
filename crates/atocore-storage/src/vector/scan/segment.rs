//! Vectors of one project in an immutable file that is mapped into memory.
//!
//! The file: magic, version, dimensions and count; then the chunk keys, the document keys, the worth of a step and the
//! components of all entries, each of these together. All numbers are little-endian.

use std::{io, ops::ControlFlow, path::Path};

use atocore_model::digest::Digest;
use tantivy::directory::{
    Directory, MmapDirectory, OwnedBytes,
    error::{OpenDirectoryError, OpenReadError},
};

use super::{
    manifest::{self, FORMAT_VERSION, SegmentFileRecord},
    opening::ScanIndexFault,
    quantization,
    tombstones::Tombstones,
};
use crate::files::{self, FileError, stream::HashedFile};

/// What the file begins with.
const MAGIC: &[u8; 8] = b"atovecs\0";

/// Magic, version, dimensions, count.
const HEADER_BYTES: usize = 8 + 4 + 4 + 8;

/// Entries, wherever they are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entries<'a> {
    chunk_keys: &'a [[u8; 8]],
    document_keys: &'a [[u8; 8]],
    steps: &'a [[u8; 4]],
    codes: &'a [u8],
    dimensions: usize,
}

impl Entries<'_> {
    pub(super) const fn len(&self) -> usize {
        self.chunk_keys.len()
    }

    #[inline(always)]
    pub(super) fn chunk_key(&self, entry: usize) -> u64 {
        u64::from_le_bytes(self.chunk_keys[entry])
    }

    #[inline(always)]
    pub(super) fn document_key(&self, entry: usize) -> u64 {
        u64::from_le_bytes(self.document_keys[entry])
    }

    /// What a step of its components is worth.
    #[inline(always)]
    pub(super) fn step(&self, entry: usize) -> f32 {
        f32::from_le_bytes(self.steps[entry])
    }

    /// Its components.
    #[inline(always)]
    pub(super) fn codes(&self, entry: usize) -> &[u8] {
        &self.codes[entry * self.dimensions..][..self.dimensions]
    }
}

/// Entries that are in memory only.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    chunk_keys: Vec<[u8; 8]>,
    document_keys: Vec<[u8; 8]>,
    steps: Vec<[u8; 4]>,
    codes: Vec<u8>,
}

impl Buffer {
    /// Appends a vector, whose components must be finite, and returns the bytes it takes.
    pub(super) fn push(&mut self, document_key: u64, chunk_key: u64, vector: &[f32]) -> usize {
        self.chunk_keys.push(chunk_key.to_le_bytes());
        self.document_keys.push(document_key.to_le_bytes());
        self.steps.push(quantization::encode(vector, &mut self.codes).to_le_bytes());
        8 + 8 + 4 + vector.len()
    }

    pub(super) fn entries(&self, dimensions: usize) -> Entries<'_> {
        Entries {
            chunk_keys: &self.chunk_keys,
            document_keys: &self.document_keys,
            steps: &self.steps,
            codes: &self.codes,
            dimensions,
        }
    }
}

/// The file of a segment.
pub(super) struct QuantizedVectors {
    pub(super) record: SegmentFileRecord,
    map: OwnedBytes,
    entries: usize,
    dimensions: usize,
}

impl QuantizedVectors {
    /// How many entries, gone or not.
    pub(super) const fn len(&self) -> usize {
        self.entries
    }

    pub(super) fn entries(&self) -> Entries<'_> {
        // The size was compared when the file was mapped.
        let (chunk_keys, rest) = self.map[HEADER_BYTES..].split_at(8 * self.entries);
        let (document_keys, rest) = rest.split_at(8 * self.entries);
        let (steps, codes) = rest.split_at(4 * self.entries);
        Entries {
            chunk_keys: chunk_keys.as_chunks().0,
            document_keys: document_keys.as_chunks().0,
            steps: steps.as_chunks().0,
            codes,
            dimensions: self.dimensions,
        }
    }

    /// Writes the entries that are not gone to a new file, in their order.
    pub(super) fn write(
        dir: &Path,
        number: u64,
        dimensions: usize,
        parts: &[(Entries<'_>, Option<&Tombstones>)],
    ) -> Result<Self, FileError> {
        let mut file = HashedFile::create(&dir.join(manifest::vectors_file(number)))?;
        let entries = parts
            .iter()
            .map(|(entries, tombstones)| entries.len() - tombstones.map_or(0, Tombstones::count))
            .sum();
        file.write(&header(entries, dimensions))?;
        for part in parts {
            live(part).try_for_each(|entry| file.write(&part.0.chunk_keys[entry]))?;
        }
        for part in parts {
            live(part).try_for_each(|entry| file.write(&part.0.document_keys[entry]))?;
        }
        for part in parts {
            live(part).try_for_each(|entry| file.write(&part.0.steps[entry]))?;
        }
        for part in parts {
            live(part).try_for_each(|entry| file.write(part.0.codes(entry)))?;
        }
        let (bytes, digest) = file.finish()?;
        let record = SegmentFileRecord { number, bytes, blake3: digest.to_string() };
        match Self::map(dir, record, entries, dimensions)? {
            Some(codes) => Ok(codes),
            None => {
                let path = dir.join(manifest::vectors_file(number));
                let source = io::Error::new(io::ErrorKind::UnexpectedEof, "it is not what was written");
                Err(FileError { action: "map", path, source })
            }
        }
    }

    /// Compares a file with its record and maps it.
    pub(super) fn open(
        dir: &Path,
        record: &SegmentFileRecord,
        entries: u64,
        dimensions: usize,
    ) -> Result<Self, ScanIndexFault> {
        let name = manifest::vectors_file(record.number);
        // Read, not mapped: a disk that cannot read it is then an error and not the end of the process.
        let found = files::stream::digest(&dir.join(&name), &mut |_| ControlFlow::Continue(()));
        let found = match found {
            Err(error) if error.is_missing() => return Err(ScanIndexFault::missing_file(&name)),
            found => found?,
        };
        let recorded = record.blake3.parse::<Digest>().ok().map(|digest| (record.bytes, digest));
        let mapped = match usize::try_from(entries) {
            Ok(entries) if found.is_some() && found == recorded => {
                Self::map(dir, record.clone(), entries, dimensions)
            }
            _ => return Err(ScanIndexFault::damaged_file(&name)),
        };
        match mapped {
            Err(error) if error.is_missing() => Err(ScanIndexFault::missing_file(&name)),
            mapped => mapped?.ok_or_else(|| ScanIndexFault::damaged_file(&name)),
        }
    }

    /// Maps a file whose content is known; `None` when it cannot be that of so many entries.
    fn map(
        dir: &Path,
        record: SegmentFileRecord,
        entries: usize,
        dimensions: usize,
    ) -> Result<Option<Self>, FileError> {
        let name = manifest::vectors_file(record.number);
        let map = map(dir, Path::new(&name)).map_err(|source| FileError {
            action: "map",
            path: dir.join(&name),
            source,
        })?;
        let size = dimensions.checked_add(8 + 8 + 4).and_then(|bytes| bytes.checked_mul(entries));
        let size = size.and_then(|bytes| bytes.checked_add(HEADER_BYTES));
        let is_right = size == Some(map.len())
            && map.len() as u64 == record.bytes
            && map.starts_with(&header(entries, dimensions));
        Ok(is_right.then_some(Self { record, map, entries, dimensions }))
    }
}

/// The entries that are not gone.
fn live<'a>(
    &(entries, tombstones): &(Entries<'a>, Option<&'a Tombstones>),
) -> impl Iterator<Item = usize> + use<'a> {
    (0..entries.len()).filter(move |entry| tombstones.is_none_or(|tombstones| !tombstones.contains(*entry)))
}

fn header(entries: usize, dimensions: usize) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    let fields = MAGIC.iter().copied().chain(FORMAT_VERSION.to_le_bytes());
    // Dimensions are limited far below what fits.
    let fields = fields.chain((dimensions as u32).to_le_bytes()).chain((entries as u64).to_le_bytes());
    header.iter_mut().zip(fields).for_each(|(byte, field)| *byte = field);
    header
}

/// Maps a file into memory.
fn map(dir: &Path, name: &Path) -> io::Result<OwnedBytes> {
    // A new one each time: it remembers maps by name, and outlives the files.
    let directory = MmapDirectory::open(dir).map_err(|error| match error {
        OpenDirectoryError::IoError { io_error, .. } => as_io(&io_error),
        OpenDirectoryError::DoesNotExist(_) => io::Error::new(io::ErrorKind::NotFound, error),
        other => io::Error::other(other),
    })?;
    let file = directory.open_read(name).map_err(|error| match error {
        OpenReadError::IoError { io_error, .. } => as_io(&io_error),
        OpenReadError::FileDoesNotExist(_) => io::Error::new(io::ErrorKind::NotFound, error),
        other => io::Error::other(other),
    })?;
    file.read_bytes()
}

/// The same error, for a caller who must own it.
fn as_io(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}
