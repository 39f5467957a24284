//! The second depth: every byte is the one that was recorded, nothing is missing, nothing is extra.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    ops::ControlFlow,
};

use atocore_model::{error::with_causes, snapshot::Depth};
use atocore_storage::files::{self, Kind, stream};

use super::{
    examination::Examination,
    structure::{self, PartFile, ReadMetadata},
};
use crate::{
    BackupError,
    manifest::{FILE_NAME, FileRecord, Manifest},
    tree,
};

/// The folders that may be there without a file in them.
const FOLDERS: [&str; 3] = ["db", "config", "chroma"];

/// Compares the snapshot with its record, or says that there is none.
pub(super) fn check(examination: &mut Examination<'_>, found: &ReadMetadata) -> Result<(), BackupError> {
    let manifest = &found.manifest;
    let Some(record) = &manifest.atocore else {
        let problem = "digests_not_recorded".to_owned();
        examination.find(Depth::Digests, FILE_NAME, problem);
        sizes_of_the_original(examination, manifest);
        return Ok(());
    };
    if found.intact != Some(true) {
        examination.find(Depth::Digests, FILE_NAME, format!("digest_mismatch: {FILE_NAME}"));
    }
    let mut expected: BTreeMap<&str, &FileRecord> =
        record.files.iter().map(|file| (file.path.as_str(), file)).collect();
    let present = compare_names(examination, &mut expected);
    for path in expected.into_keys() {
        examination.find(Depth::Digests, path, format!("file_missing: {path}"));
    }
    for file in record.files.iter().filter(|file| !manifest.has_part(file.path.as_str())) {
        let problem = format!("file_unexpected: {} is not part of a snapshot", file.path);
        examination.find(Depth::Digests, file.path.as_str(), problem);
    }
    let total = record.files.iter().map(|file| file.size_bytes).fold(0, u64::saturating_add);
    let mut done = 0;
    for file in record.files.iter().filter(|file| present.contains(file.path.as_str())) {
        compare_bytes(examination, file, &mut done, total)?;
    }
    Ok(())
}

/// Walks the snapshot, takes what is there out of `expected`, and returns the paths of recorded files whose size is
/// right.
fn compare_names(
    examination: &mut Examination<'_>,
    expected: &mut BTreeMap<&str, &FileRecord>,
) -> BTreeSet<String> {
    let parents: BTreeSet<String> = expected
        .keys()
        .flat_map(|path| path.match_indices('/').map(|(end, _)| path[..end].to_owned()))
        .collect();
    let mut present = BTreeSet::new();
    let dir = examination.dir.clone();
    let Ok(()) = tree::walk(&dir, &mut |entry| -> Result<(), Infallible> {
        let entry = match entry {
            Ok(entry) => entry,
            Err((shown, _)) if tree::is_leaving(&shown, Kind::Folder) => return Ok(()),
            Err((shown, error)) => {
                let problem = format!("file_unreadable: {shown}: {}", with_causes(&error));
                examination.find(Depth::Digests, &shown, problem);
                return Ok(());
            }
        };
        let shown = entry.shown.as_str();
        let recorded = entry.relative.as_ref().and_then(|path| expected.remove(path.as_str()));
        let problem = match (entry.kind, recorded) {
            (Kind::File(_), None) if shown == FILE_NAME => return Ok(()),
            (kind, None) if tree::is_leaving(shown, kind) => {
                if kind != Kind::Folder {
                    examination.leave(shown);
                }
                return Ok(());
            }
            (Kind::Folder, None) if is_expected_folder(shown, &parents) => return Ok(()),
            (Kind::File(size), Some(file)) if size == file.size_bytes => {
                let _new = present.insert(file.path.to_string());
                return Ok(());
            }
            (Kind::File(size), Some(file)) => {
                format!("size_mismatch: {shown} has {size} bytes, {} are recorded", file.size_bytes)
            }
            (Kind::File(_), None) => format!("file_unexpected: {shown}"),
            (kind, _) => format!("file_unexpected: {shown} is {}", tree::in_words(kind)),
        };
        examination.find(Depth::Digests, shown, problem);
        Ok(())
    });
    present
}

/// Empty folders are part of a copied vector store; elsewhere only those on the way to a file belong there.
fn is_expected_folder(path: &str, parents: &BTreeSet<String>) -> bool {
    FOLDERS.contains(&path) || path.starts_with("chroma/") || parents.contains(path)
}

fn compare_bytes(
    examination: &mut Examination<'_>,
    file: &FileRecord,
    done: &mut u64,
    total: u64,
) -> Result<(), BackupError> {
    let path = file.path.as_str();
    let read = stream::digest(&examination.dir.join(path), &mut |piece| {
        *done += piece;
        if examination.hashing(*done, total) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    match read {
        Ok(None) => return Err(BackupError::Cancelled),
        Ok(Some((size, digest))) if (size, digest) == (file.size_bytes, file.digest) => {
            examination.checked(size);
        }
        Ok(Some((size, _))) => {
            examination.checked(size);
            examination.find(Depth::Digests, path, format!("digest_mismatch: {path}"));
        }
        Err(error) => {
            let problem = format!("file_unreadable: {path}: {}", with_causes(&error));
            examination.find(Depth::Digests, path, problem);
        }
    }
    Ok(())
}

/// The little that a snapshot of the original lets one compare.
fn sizes_of_the_original(examination: &mut Examination<'_>, manifest: &Manifest) {
    let place = manifest.database();
    if let PartFile::File(path) = structure::part(examination, &place)
        && let Ok(Some(Kind::File(size))) = files::kind(&path)
        && size != manifest.db_size_bytes
    {
        let (name, recorded) = (structure::name(&place, "db"), manifest.db_size_bytes);
        let problem = format!("size_mismatch: {name} has {size} bytes, {recorded} are recorded");
        examination.find(Depth::Digests, name, problem);
    }
    if manifest.has_vector_store() {
        structure::count_vectors(examination, manifest, Depth::Digests);
    }
}
