//! Folders below a root that a disk of their own is mounted at. A disk that is not mounted leaves an empty folder there,
//! or none, which is no reason to forget its documents.

use std::path::{Path, PathBuf};

use atocore_model::refresh::FileReason;
use atocore_storage::sqlite::DocumentRow;

use super::{Reports, reach::ReachableRoots};

/// A folder that a disk was mounted at before. None is now, and documents that it had are gone.
#[derive(Debug)]
pub(super) struct Unmounted {
    folder: PathBuf,
    /// The keys of those, sorted.
    documents: Vec<i64>,
}

impl Unmounted {
    /// Those of `known` mount points that are none any more. Of each document it is told whether its file was found.
    pub(super) fn of(
        known: Vec<String>,
        documents: &[(DocumentRow, bool)],
        reach: &ReachableRoots,
    ) -> Vec<Self> {
        let unmounted = |folder: String| {
            let folder = PathBuf::from(folder);
            if reach.is_mount(&folder) {
                return None;
            }
            let is_below = |row: &DocumentRow| Path::new(&row.file_path).starts_with(&folder);
            let gone = documents.iter().filter(|(row, found)| !found && is_below(row));
            let mut documents: Vec<i64> = gone.map(|(row, _)| row.key).collect();
            documents.sort_unstable();
            (!documents.is_empty()).then_some(Self { folder, documents })
        };
        known.into_iter().filter_map(unmounted).collect()
    }

    /// Takes its documents from those that have vanished, and says so.
    pub(super) fn keep_documents(
        &self,
        vanished: &mut Vec<DocumentRow>,
        reach: &ReachableRoots,
        reports: &mut Reports,
    ) {
        let kept: Vec<DocumentRow> =
            vanished.extract_if(.., |row| self.documents.binary_search(&row.key).is_ok()).collect();
        let Some(root) = kept.first().map(|row| reach.root_of(row).unwrap_or_default()) else { return };
        let below = reach.below(root, &self.folder);
        let reason = FileReason::DocumentsGone { gone: kept.len() as u64 };
        reports.file(root, format!("{}/", below.display()), reason);
    }

    /// The folder, while the store has documents of it that are not among those that go.
    pub(super) fn remembered(&self, gone: &[DocumentRow]) -> Option<String> {
        let gone = gone.iter().filter(|row| self.documents.binary_search(&row.key).is_ok()).count();
        (gone < self.documents.len()).then(|| self.folder.to_string_lossy().into_owned())
    }
}
