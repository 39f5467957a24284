//! Folders below a root whose documents are gone as they are when a disk is not mounted, or another one is: what is left
//! of its folder is empty or missing, or has other files. That is no reason to forget its documents.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use atocore_model::refresh::FileReason;
use atocore_storage::sqlite::DocumentRow;

use super::{Reports, losses::Losses, reach::ReachableRoots};

/// A folder of which documents are gone that nobody may have meant to remove.
#[derive(Debug)]
pub(super) struct LostFolder {
    pub(super) folder: PathBuf,
    /// The keys of those, sorted.
    documents: Vec<i64>,
}

impl LostFolder {
    /// Those of `known` mount points that are none any more. Of each document it is told whether its file was found.
    pub(super) fn unmounted(
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

    /// Documents that are gone, by the folder that each is counted for.
    pub(super) fn grouped<'r>(
        rows: impl Iterator<Item = &'r DocumentRow>,
        mut folder_of: impl FnMut(&DocumentRow) -> Option<PathBuf>,
    ) -> Vec<Self> {
        let mut folders: BTreeMap<PathBuf, Vec<i64>> = BTreeMap::new();
        for (folder, row) in rows.filter_map(|row| Some((folder_of(row)?, row))) {
            folders.entry(folder).or_default().push(row.key);
        }
        let sorted = |(folder, mut documents): (PathBuf, Vec<i64>)| {
            documents.sort_unstable();
            Self { folder, documents }
        };
        folders.into_iter().map(sorted).collect()
    }

    /// How many documents of it are gone.
    pub(super) const fn gone(&self) -> u64 {
        self.documents.len() as u64
    }

    /// Whether the folder is there.
    pub(super) fn is_there(&self) -> bool {
        self.folder.is_dir()
    }

    /// Takes its documents from those that have vanished, and says so; whether there were any.
    pub(super) fn keep_documents(
        &self,
        vanished: &mut Vec<DocumentRow>,
        losses: &mut Losses,
        reach: &ReachableRoots,
        reports: &mut Reports,
    ) -> bool {
        let kept: Vec<DocumentRow> =
            vanished.extract_if(.., |row| self.documents.binary_search(&row.key).is_ok()).collect();
        let Some(root) = kept.first().map(|row| reach.root_of(row).unwrap_or_default()) else {
            return false;
        };
        kept.iter().for_each(|row| losses.keep(row, reach));
        let below = reach.below(root, &self.folder);
        let reason = FileReason::DocumentsGone { gone: kept.len() as u64 };
        reports.file(root, format!("{}/", below.display()), reason);
        true
    }

    /// The folder, while the store has documents of it that are not among those that go.
    pub(super) fn remembered(&self, gone: &[DocumentRow]) -> Option<String> {
        let gone = gone.iter().filter(|row| self.documents.binary_search(&row.key).is_ok()).count();
        (gone < self.documents.len()).then(|| self.folder.to_string_lossy().into_owned())
    }
}
