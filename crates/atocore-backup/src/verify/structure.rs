//! The first depth: what the contract's validation looks at, in its words.

use std::path::{Path, PathBuf};

use atocore_model::{error::with_causes, snapshot::Depth};
use atocore_storage::{
    files::{self, Kind, stream},
    sqlite::inspect,
};
use serde::de::IgnoredAny;

use super::examination::Examination;
use crate::{
    BackupError, ledger,
    manifest::{self, FILE_NAME, Manifest, ManifestError, RecordedPath},
    snapshot_directory::{MetadataFile, metadata_file},
    tree,
};

/// The contract's word for a registry that is no JSON.
pub(super) const REGISTRY_INVALID: &str = "registry_invalid_json";

/// A larger registry is not read: nobody writes one by hand.
const REGISTRY_LIMIT_BYTES: u64 = 64 << 20;

/// Metadata that could be read.
pub(super) struct ReadMetadata {
    pub(super) manifest: Manifest,
    /// Whether the digest over the metadata is right; `None` when there is none.
    pub(super) intact: Option<bool>,
}

/// Reads the metadata; `None`, with a finding, when there is none to go by.
pub(super) fn read_metadata(examination: &mut Examination<'_>) -> Option<ReadMetadata> {
    // A link leads out of the backup directory: whatever lies there is not one of its snapshots.
    examination.exists = matches!(files::kind(&examination.dir), Ok(Some(Kind::Folder)));
    if !examination.exists {
        examination.find(Depth::Structure, "", "snapshot_directory_missing".to_owned());
        return None;
    }
    let file = metadata_file(&examination.dir);
    if let MetadataFile::Bytes(bytes) = &file {
        examination.metadata_blake3 = Some(ledger::digest(bytes));
    }
    let problem = match file {
        MetadataFile::Missing => "metadata_missing".to_owned(),
        MetadataFile::Unreadable(why) => format!("metadata_unreadable: {why}"),
        MetadataFile::TooLarge(bytes) => {
            format!("metadata_too_large: {bytes} bytes, the limit is {}", manifest::LIMIT_BYTES)
        }
        MetadataFile::Bytes(bytes) => match manifest::read(&bytes) {
            Err(why) => format!("metadata_invalid_json: {why}"),
            Ok(reading) => {
                examination.metadata = reading.value.is_object().then_some(reading.value);
                match reading.manifest {
                    Ok(manifest) => return Some(ReadMetadata { manifest, intact: reading.intact }),
                    Err(why) => {
                        if let ManifestError::Newer { found } = why {
                            examination.newer_format = Some(found);
                        }
                        why.to_string()
                    }
                }
            }
        },
    };
    examination.find(Depth::Structure, FILE_NAME, problem);
    None
}

/// Looks at the three parts of a snapshot.
pub(super) fn check(examination: &mut Examination<'_>, manifest: &Manifest) -> Result<(), BackupError> {
    database(examination, manifest);
    examination.proceed()?;
    registry(examination, manifest);
    examination.proceed()?;
    vector_store(examination, manifest);
    Ok(())
}

/// A file of the snapshot, when one is recorded and a file is there.
pub(super) fn part(examination: &Examination<'_>, place: &RecordedPath) -> PartFile {
    let RecordedPath::At(relative) = place else { return PartFile::Missing };
    let path = examination.dir.join(relative.as_str());
    // The folder is looked at too: a link there would lead out of the snapshot as well.
    for path in path.ancestors().take(2).collect::<Vec<_>>().into_iter().rev() {
        match files::kind(path) {
            Ok(Some(Kind::File(_) | Kind::Folder)) => {}
            Ok(None) => return PartFile::Missing,
            Ok(Some(kind)) => {
                return PartFile::Unusable(format!("`{}` is {}", shown(path), tree::in_words(kind)));
            }
            Err(error) => return PartFile::Unusable(with_causes(&error)),
        }
    }
    match files::kind(&path) {
        Ok(Some(Kind::File(_))) => PartFile::File(path),
        _ => PartFile::Unusable(format!("`{}` is a folder", shown(&path))),
    }
}

/// What stands where a part of the snapshot should be.
pub(super) enum PartFile {
    Missing,
    Unusable(String),
    File(PathBuf),
}

fn shown(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The name under which problems of a part are listed.
pub(super) fn name<'p>(place: &'p RecordedPath, folder: &'p str) -> &'p str {
    match place {
        RecordedPath::At(path) => path.as_str(),
        RecordedPath::NotRecorded | RecordedPath::Unusable => folder,
    }
}

fn database(examination: &mut Examination<'_>, manifest: &Manifest) {
    let place = manifest.database();
    let problem = match part(examination, &place) {
        PartFile::Missing => "db_snapshot_missing".to_owned(),
        PartFile::Unusable(why) => format!("db_open_failed: {why}"),
        PartFile::File(path) => match inspect::integrity(&path) {
            Err(error) => format!("db_open_failed: {}", with_causes(&error)),
            Ok(complaints) => match complaints.first() {
                None => {
                    examination.db_whole = true;
                    return;
                }
                Some(first) => format!("db_integrity_check_failed: {first}"),
            },
        },
    };
    examination.find(Depth::Structure, name(&place, "db"), problem);
}

fn registry(examination: &mut Examination<'_>, manifest: &Manifest) {
    let place = manifest.registry();
    examination.has_registry = place != RecordedPath::NotRecorded;
    if !examination.has_registry {
        return;
    }
    let problem = match part(examination, &place) {
        PartFile::Missing => "registry_snapshot_missing".to_owned(),
        PartFile::Unusable(why) => format!("registry_unreadable: {why}"),
        PartFile::File(path) => match stream::head(&path, REGISTRY_LIMIT_BYTES + 1) {
            Err(error) => format!("registry_unreadable: {}", with_causes(&error)),
            Ok(bytes) if bytes.len() as u64 > REGISTRY_LIMIT_BYTES => {
                format!("registry_unreadable: larger than {REGISTRY_LIMIT_BYTES} bytes")
            }
            Ok(bytes) => match json_fault(&bytes) {
                None => return,
                Some(why) => format!("{REGISTRY_INVALID}: {why}"),
            },
        },
    };
    examination.find(Depth::Structure, name(&place, "config"), problem);
}

/// Why bytes are not JSON in UTF-8.
fn json_fault(bytes: &[u8]) -> Option<String> {
    match std::str::from_utf8(bytes) {
        Err(error) => Some(error.to_string()),
        Ok(text) => serde_json::from_str::<IgnoredAny>(text).err().map(|error| error.to_string()),
    }
}

fn vector_store(examination: &mut Examination<'_>, manifest: &Manifest) {
    examination.has_vectors = manifest.has_vector_store();
    if !examination.has_vectors {
        return;
    }
    match files::kind(&examination.dir.join("chroma")) {
        Ok(Some(Kind::Folder)) => {}
        _ => {
            examination.find(Depth::Structure, "chroma", "chroma_snapshot_missing".to_owned());
            return;
        }
    }
    // What the original counted is compared where it asks for more than that the directory exists: deeper.
    if manifest.atocore.is_some() {
        count_vectors(examination, manifest, Depth::Structure);
    }
}

/// Compares number and size of the files in the copy of the vector store with what is recorded.
pub(super) fn count_vectors(examination: &mut Examination<'_>, manifest: &Manifest, depth: Depth) {
    let (mut count, mut bytes) = (0_u64, 0_u64);
    // What an operating system left there later; the original copied, and counted, what was there before.
    let (mut left, mut left_bytes) = (0_u64, 0_u64);
    let Ok(()) =
        tree::walk(&examination.dir.join("chroma"), &mut |entry| -> Result<(), std::convert::Infallible> {
            if let Ok(tree::TreeEntry { kind: Kind::File(size), shown, .. }) = entry {
                count += 1;
                bytes += size;
                if tree::is_leaving(&shown, Kind::File(size)) {
                    left += 1;
                    left_bytes += size;
                }
            }
            Ok(())
        });
    let recorded = (manifest.chroma_snapshot_files, manifest.chroma_snapshot_bytes);
    if (count, bytes) != recorded && (count - left, bytes - left_bytes) != recorded {
        let (recorded_count, recorded_bytes) = recorded;
        let problem = format!(
            "count_mismatch: chroma has {count} files of {bytes} bytes, {recorded_count} of {recorded_bytes} are recorded"
        );
        examination.find(depth, "chroma", problem);
    }
}
