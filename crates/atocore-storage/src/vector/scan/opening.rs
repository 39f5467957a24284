//! Opening the folder of an index, and replacing what is there when it cannot be trusted.
//!
//! Every file of the index is read and compared with the manifest before it is used, because damage in it would
//! otherwise be a wrong answer.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
    sync::Arc,
};

use atocore_model::digest::Digest;

use super::{
    index_snapshot::{IndexSnapshot, TombstoneFile, VectorSegment},
    manifest::{self, ScanManifest, SegmentRecord},
    segment::QuantizedVectors,
    tombstones::Tombstones,
};
use crate::{
    files::{self, FileError},
    lexical::is_refusal,
    vector::VectorError,
};

/// An index that was found good, or was made new.
pub(super) struct OpenedScanIndex {
    pub(super) snapshot: IndexSnapshot,
    /// The number of the next file; of no use to a reader.
    pub(super) next_file: u64,
    /// Why what was there before was thrown away.
    pub(super) replaced: Option<String>,
}

/// Why an index was not opened.
#[derive(Debug)]
pub(super) enum ScanIndexFault {
    /// Nothing is there.
    Missing,
    /// It is no index of this version, or not whole.
    Damaged(String),
    /// The operating system refuses; says nothing about the index.
    Refused(FileError),
}

impl ScanIndexFault {
    pub(super) fn damaged_file(name: &str) -> Self {
        Self::Damaged(format!("its file `{name}` is damaged"))
    }

    pub(super) fn missing_file(name: &str) -> Self {
        Self::Damaged(format!("its file `{name}` is missing"))
    }

    /// The error for a caller who only reads.
    pub(super) fn into_error(self, dir: &Path) -> VectorError {
        let place = dir.to_owned();
        match self {
            Self::Missing => VectorError::Missing { dir: place },
            Self::Damaged(why) => VectorError::Damaged { dir: place, why },
            Self::Refused(source) => VectorError::from_file(dir, "opened", source),
        }
    }
}

impl From<FileError> for ScanIndexFault {
    fn from(error: FileError) -> Self {
        if is_refusal(&error.source) {
            Self::Refused(error)
        } else {
            Self::Damaged(format!("{error}: {}", error.source))
        }
    }
}

/// Opens an index to read it beside the process that writes it.
pub(super) fn open_existing(dir: &Path) -> Result<OpenedScanIndex, VectorError> {
    let snapshot = load(dir, None).map_err(|unusable| unusable.into_error(dir))?;
    Ok(OpenedScanIndex { snapshot, next_file: 0, replaced: None })
}

/// Opens an index to write it; makes an empty one when there is none, or none that can be used.
pub(super) fn open_or_replace(dir: &Path) -> Result<OpenedScanIndex, VectorError> {
    let failed = |source| VectorError::from_file(dir, "opened", source);
    files::create_dirs(dir).map_err(failed)?;
    let (snapshot, replaced) = match load(dir, None) {
        Ok(snapshot) => (snapshot, None),
        Err(ScanIndexFault::Missing) => (empty(dir).map_err(failed)?, None),
        Err(ScanIndexFault::Damaged(why)) => (empty(dir).map_err(failed)?, Some(why)),
        Err(ScanIndexFault::Refused(source)) => return Err(failed(source)),
    };
    files::remove_staged(&manifest::path(dir)).map_err(failed)?;
    let named: HashSet<String> = snapshot.file_names().collect();
    for name in our_files(dir).map_err(failed)? {
        if !named.contains(&name) {
            // What cannot be removed takes room and does no harm.
            drop(files::remove_file(&dir.join(&name)));
        }
    }
    let manifest = read_manifest(dir).map_err(failed)?.and_then(|bytes| ScanManifest::read(&bytes).ok());
    let recorded = manifest.map_or(0, |manifest| manifest.next_file);
    let next_file = next_file(dir).map_err(failed)?.max(recorded);
    Ok(OpenedScanIndex { snapshot, next_file, replaced })
}

/// Writes the manifest of an index that has never been filled.
///
/// Numbers go on after those of the files that are there: a reader may still have one of them open.
fn empty(dir: &Path) -> Result<IndexSnapshot, FileError> {
    let bytes = ScanManifest::new(None, next_file(dir)?, Vec::new()).to_bytes();
    files::write_atomic_unsynced(&manifest::path(dir), &bytes)?;
    Ok(IndexSnapshot { state: None, segments: Vec::new(), manifest: digest(&bytes) })
}

/// A number above that of every file that is there.
pub(super) fn next_file(dir: &Path) -> Result<u64, FileError> {
    let numbers = our_files(dir)?.into_iter().filter_map(|name| manifest::number_of(&name));
    Ok(numbers.max().map_or(0, |number| number.saturating_add(1)))
}

/// Whether the manifest in the folder is the one that a view was made from.
pub(super) fn is_current(dir: &Path, snapshot: &IndexSnapshot) -> bool {
    matches!(read_manifest(dir), Ok(Some(bytes)) if digest(&bytes) == snapshot.manifest)
}

/// Removes the files that `old` has and `new` does not name any more.
pub(super) fn remove_unnamed(dir: &Path, old: &IndexSnapshot, new: &IndexSnapshot) {
    let named: HashSet<String> = new.file_names().collect();
    for name in old.file_names().filter(|name| !named.contains(name)) {
        // What cannot be removed now is removed by the next writer that opens the index.
        drop(files::remove_file(&dir.join(name)));
    }
}

/// Loads what the manifest names, after comparing with it every file that `known` does not have.
pub(super) fn load(dir: &Path, known: Option<&IndexSnapshot>) -> Result<IndexSnapshot, ScanIndexFault> {
    let mut checked = Checked::default();
    known.into_iter().flat_map(|snapshot| &snapshot.segments).for_each(|segment| checked.insert(segment));
    loop {
        let bytes = match read_manifest(dir)? {
            Some(bytes) => bytes,
            None if our_files(dir)?.is_empty() => return Err(ScanIndexFault::Missing),
            None => return Err(ScanIndexFault::Damaged("its manifest is missing".to_owned())),
        };
        let unusable = match checked.load(dir, &bytes) {
            Ok(snapshot) => return Ok(snapshot),
            Err(unusable) => unusable,
        };
        // A writer may have replaced the manifest, and removed files, between the two readings.
        if read_manifest(dir)?.is_none_or(|now| now == bytes) {
            return Err(unusable);
        }
    }
}

/// Files that passed the comparison with the manifest.
#[derive(Default)]
struct Checked {
    vectors: HashMap<u64, Arc<QuantizedVectors>>,
    tombstones: HashMap<u64, Arc<TombstoneFile>>,
}

impl Checked {
    fn insert(&mut self, segment: &VectorSegment) {
        let _before = self.vectors.insert(segment.vectors.record.number, Arc::clone(&segment.vectors));
        if let Some(tombstones) = &segment.tombstones {
            let _before = self.tombstones.insert(tombstones.record.file.number, Arc::clone(tombstones));
        }
    }

    fn load(&mut self, dir: &Path, bytes: &[u8]) -> Result<IndexSnapshot, ScanIndexFault> {
        let manifest = ScanManifest::read(bytes).map_err(ScanIndexFault::Damaged)?;
        let state = manifest.state();
        let dimensions = state.map_or(0, |(space, _)| space.dimensions);
        let mut segments = Vec::with_capacity(manifest.segments.len());
        for record in &manifest.segments {
            let segment = self.segment(dir, record, dimensions)?;
            self.insert(&segment);
            segments.push(segment);
        }
        Ok(IndexSnapshot { state, segments, manifest: digest(bytes) })
    }

    fn segment(
        &self,
        dir: &Path,
        record: &SegmentRecord,
        dimensions: usize,
    ) -> Result<VectorSegment, ScanIndexFault> {
        let vectors = match self.vectors.get(&record.vectors.number) {
            // The digest covers the header, and with it the dimensions and the count.
            Some(known) if known.record == record.vectors => Arc::clone(known),
            _ => Arc::new(QuantizedVectors::open(dir, &record.vectors, record.entries, dimensions)?),
        };
        let tombstones = match &record.tombstones {
            None => None,
            Some(record) => Some(match self.tombstones.get(&record.file.number) {
                Some(known) if known.record == *record => Arc::clone(known),
                _ => {
                    let tombstones = Tombstones::read(dir, record, vectors.len())?;
                    Arc::new(TombstoneFile { record: record.clone(), tombstones })
                }
            }),
        };
        Ok(VectorSegment { project: record.project.clone(), vectors, tombstones })
    }
}

fn read_manifest(dir: &Path) -> Result<Option<Vec<u8>>, FileError> {
    files::read_if_present(&manifest::path(dir))
}

/// The names in the folder that only this index uses, except the manifest.
fn our_files(dir: &Path) -> Result<Vec<String>, FileError> {
    if files::is_absent_or_empty(dir)? {
        return Ok(Vec::new());
    }
    let names =
        files::list(dir)?.into_iter().filter_map(|path| path.file_name()?.to_str().map(str::to_owned));
    Ok(names.filter(|name| manifest::number_of(name).is_some()).collect())
}

pub(super) fn digest(bytes: &[u8]) -> Digest {
    Digest::from_bytes(*blake3::hash(bytes).as_bytes())
}
