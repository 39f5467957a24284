//! `manifest.json`: which files the index consists of, and of which state of which store it is.
//!
//! The file is only accepted as exactly the bytes that would be written again for what it says, and it carries a
//! digest over itself: no change of it goes unnoticed.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use atocore_model::{
    digest::Digest,
    id::{Generation, StoreVersion},
};
use serde::{Deserialize, Serialize};

use crate::vector::{VectorSpace, source::MOST_DIMENSIONS};

/// Goes up with every change of any file of the index or of how vectors are encoded; an index of another version is
/// rebuilt.
pub(super) const FORMAT_VERSION: u32 = 1;

/// What stands in place of the digest while the digest is computed.
const NO_DIGEST: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Where the manifest lies.
pub(super) fn path(dir: &Path) -> PathBuf {
    dir.join("manifest.json")
}

/// The name of a file of vectors.
pub(super) fn vectors_file(number: u64) -> String {
    format!("{number}.codes")
}

/// The name of a file of bits.
pub(super) fn tombstones_file(number: u64) -> String {
    format!("{number}.dead")
}

/// The number in the name of either; `None` for the name of something else.
pub(super) fn number_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".codes").or_else(|| name.strip_suffix(".dead"))?;
    let number: u64 = digits.parse().ok()?;
    (number.to_string() == digits).then_some(number)
}

/// What the index consists of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScanManifest {
    format_version: u32,
    /// Null when the index has never been filled.
    state: Option<StateRecord>,
    /// Above the number of every file there ever was.
    pub(super) next_file: u64,
    /// By project, of each the oldest first.
    pub(super) segments: Vec<SegmentRecord>,
    /// BLAKE3 of the manifest with 64 zeros in this place.
    manifest_blake3: String,
}

/// What the vectors are, and the state of the store they are of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StateRecord {
    fingerprint: String,
    dimensions: usize,
    generation: u64,
    token: u64,
}

/// Some vectors of one project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SegmentRecord {
    pub(super) project: String,
    /// How many, gone or not.
    pub(super) entries: u64,
    #[serde(rename = "codes")]
    pub(super) vectors: SegmentFileRecord,
    /// Null when none are gone.
    #[serde(rename = "dead")]
    pub(super) tombstones: Option<TombstoneRecord>,
}

/// Those that are gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TombstoneRecord {
    pub(super) entries: u64,
    pub(super) file: SegmentFileRecord,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SegmentFileRecord {
    /// Its name without the ending.
    pub(super) number: u64,
    pub(super) bytes: u64,
    pub(super) blake3: String,
}

impl ScanManifest {
    pub(super) fn new(
        state: Option<(VectorSpace, StoreVersion)>,
        next_file: u64,
        segments: Vec<SegmentRecord>,
    ) -> Self {
        let state = state.map(|(space, version)| StateRecord {
            fingerprint: space.fingerprint.to_string(),
            dimensions: space.dimensions,
            generation: version.generation.0,
            token: version.token,
        });
        let mut manifest = Self {
            format_version: FORMAT_VERSION,
            state,
            next_file,
            segments,
            manifest_blake3: NO_DIGEST.to_owned(),
        };
        manifest.manifest_blake3 = blake3::hash(&manifest.to_bytes()).to_string();
        manifest
    }

    /// The bytes of the file.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        // Cannot fail: there are no maps with odd keys in it.
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// Reads the bytes of the file; `Err` says in half a sentence why the index cannot be used.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct ManifestFormat {
            format_version: u32,
        }
        let damaged = || "its manifest is damaged".to_owned();
        let ManifestFormat { format_version } = serde_json::from_slice(bytes).map_err(|_| damaged())?;
        if format_version != FORMAT_VERSION {
            return Err(format!(
                "it has format {format_version}, this version of AtoCore has {FORMAT_VERSION}"
            ));
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(|_| damaged())?;
        let unsealed = Self { manifest_blake3: NO_DIGEST.to_owned(), ..manifest.clone() };
        let sealed = blake3::hash(&unsealed.to_bytes()).to_string() == manifest.manifest_blake3;
        if sealed && manifest.to_bytes() == bytes && manifest.is_consistent() {
            Ok(manifest)
        } else {
            Err(damaged())
        }
    }

    /// What the vectors are, and the state of the store they are of.
    pub(super) fn state(&self) -> Option<(VectorSpace, StoreVersion)> {
        let state = self.state.as_ref()?;
        let fingerprint: Digest = state.fingerprint.parse().ok()?;
        let version = StoreVersion { generation: Generation(state.generation), token: state.token };
        Some((VectorSpace { fingerprint, dimensions: state.dimensions }, version))
    }

    fn is_consistent(&self) -> bool {
        let state_is_good = match self.state() {
            Some((space, _)) => (1..=MOST_DIMENSIONS).contains(&space.dimensions),
            None => self.state.is_none() && self.segments.is_empty(),
        };
        let mut numbers = HashSet::new();
        let files = self.segments.iter().flat_map(|segment| {
            [Some(&segment.vectors), segment.tombstones.as_ref().map(|tombstones| &tombstones.file)]
                .into_iter()
                .flatten()
        });
        let mut files_are_good = true;
        for file in files {
            files_are_good &= file.number < self.next_file && numbers.insert(file.number);
        }
        state_is_good && files_are_good
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> ScanManifest {
        let space = VectorSpace { fingerprint: Digest::from_bytes([7; 32]), dimensions: 384 };
        let version = StoreVersion { generation: Generation(u64::MAX), token: u64::MAX - 1 };
        let file = |number| SegmentFileRecord { number, bytes: 17, blake3: "ab".repeat(32) };
        let segment = SegmentRecord {
            project: "p".to_owned(),
            entries: 5,
            vectors: file(1),
            tombstones: Some(TombstoneRecord { entries: 2, file: file(2) }),
        };
        ScanManifest::new(Some((space, version)), 3, vec![segment])
    }

    #[test]
    fn it_reads_back() {
        for manifest in [manifest(), ScanManifest::new(None, 0, Vec::new())] {
            let read = ScanManifest::read(&manifest.to_bytes()).unwrap();
            assert_eq!(read, manifest);
            assert_eq!(read.state(), manifest.state());
        }
    }

    #[test]
    fn every_changed_bit_of_the_manifest_is_detected() {
        let bytes = manifest().to_bytes();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                assert!(ScanManifest::read(&changed).is_err(), "byte {at}, bit {bit}");
            }
            assert!(ScanManifest::read(&bytes[..at]).is_err(), "cut at {at}");
        }
        assert!(ScanManifest::read(&[bytes.as_slice(), b" "].concat()).is_err());
    }

    #[test]
    fn an_inconsistent_manifest_is_refused_despite_a_valid_digest() {
        let good = manifest();
        let resealed = |change: &dyn Fn(&mut ScanManifest)| {
            let mut manifest = good.clone();
            change(&mut manifest);
            manifest.manifest_blake3 = NO_DIGEST.to_owned();
            manifest.manifest_blake3 = blake3::hash(&manifest.to_bytes()).to_string();
            ScanManifest::read(&manifest.to_bytes())
        };
        assert!(resealed(&|_| {}).is_ok());
        assert!(resealed(&|manifest| manifest.next_file = 2).is_err());
        assert!(resealed(&|manifest| manifest.segments[0].vectors.number = 2).is_err());
        assert!(resealed(&|manifest| manifest.state = None).is_err());
        assert!(resealed(&|manifest| manifest.state.as_mut().unwrap().dimensions = 0).is_err());
        let newer = resealed(&|manifest| manifest.format_version = 2).unwrap_err();
        assert!(newer.contains("format 2"), "{newer}");
    }

    #[test]
    fn only_names_that_are_ours_have_a_number() {
        assert_eq!(number_of(&vectors_file(0)), Some(0));
        assert_eq!(number_of(&tombstones_file(u64::MAX)), Some(u64::MAX));
        for other in ["1.code", "01.codes", "+1.dead", ".codes", "x.codes", "1", "manifest.json"] {
            assert_eq!(number_of(other), None, "{other}");
        }
    }
}
