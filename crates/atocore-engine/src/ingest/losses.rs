//! Decides whether so many documents are gone that nobody can have meant it.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
};

use atocore_model::refresh::RootSkip;
use atocore_storage::sqlite::DocumentRow;

use super::reach::ReachableRoots;

/// How many documents each root had, and has new: so many may be gone that nobody can have meant it. Documents that are
/// kept although their files cannot be seen are not counted, so that they do not stand for documents that are there.
#[derive(Debug)]
pub(super) struct Losses {
    /// The keys of the documents that are counted.
    counted: HashSet<i64>,
    roots: Vec<Loss>,
    /// The same of each folder that a disk is or was mounted at, without those below it.
    mounts: HashMap<PathBuf, Loss>,
}

/// What one of them had and has new.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Loss {
    known: u64,
    pub(super) new: u64,
}

impl Losses {
    /// So many documents are never gone by mistake, unless they were all.
    pub(super) const FEW: u64 = 4;

    pub(super) fn new(known: &[DocumentRow], mounts: &[String], reach: &ReachableRoots) -> Self {
        let mounts = reach.mounts.iter().cloned().chain(mounts.iter().map(PathBuf::from));
        let mounts = mounts.map(|folder| (folder, Loss::default())).collect();
        let counted = known.iter().map(|row| row.key).collect();
        let mut losses = Self { counted, roots: vec![Loss::default(); reach.len()], mounts };
        for row in known {
            losses.each(reach.counted_for(row), &row.file_path, |loss| loss.known += 1);
        }
        losses
    }

    /// Counts a document no more, because it is kept without its file.
    pub(super) fn keep(&mut self, row: &DocumentRow, reach: &ReachableRoots) {
        if self.counted.remove(&row.key) {
            self.each(reach.counted_for(row), &row.file_path, |loss| loss.known -= 1);
        }
    }

    /// Counts a document, or a new file, that is below that root.
    pub(super) fn each(&mut self, root: Option<usize>, path: &str, count: impl Fn(&mut Loss)) {
        let Some(root) = root else { return };
        count(&mut self.roots[root]);
        if let Some(mount) = self.mount_of(path).and_then(|folder| self.mounts.get_mut(&folder)) {
            count(mount);
        }
    }

    /// The folder that a file is on the disk of, if that is below its root.
    pub(super) fn mount_of(&self, path: &str) -> Option<PathBuf> {
        let mut above = Path::new(path).ancestors();
        above.find(|folder| self.mounts.contains_key(*folder)).map(Path::to_owned)
    }

    /// Whether a mount point lacks as much as no root may.
    pub(super) fn is_too_much_of(&self, mount: &Path, gone: u64, percent: u64) -> bool {
        self.mounts.get(mount).is_some_and(|loss| loss.is_too_much(gone, percent))
    }

    /// The roots that lost all of their documents, or more than `percent` of them and more than a few; a single
    /// document for which another one came does not count.
    pub(super) fn of<'r>(
        &self,
        gone: impl IntoIterator<Item = &'r DocumentRow>,
        reach: &ReachableRoots,
        percent: u64,
    ) -> Vec<(usize, RootSkip)> {
        let mut lost = vec![0; self.roots.len()];
        for root in gone.into_iter().filter_map(|row| reach.counted_for(row)) {
            lost[root] += 1;
        }
        let too_many = |(root, gone): (usize, u64)| {
            let loss = self.roots[root];
            let skip = RootSkip::DocumentsGone { gone, known: loss.known };
            loss.is_too_much(gone, percent).then_some((root, skip))
        };
        lost.into_iter().enumerate().filter_map(too_many).collect()
    }
}

impl Loss {
    fn is_too_much(self, gone: u64, percent: u64) -> bool {
        let Self { known, new } = self;
        let all = gone == known && gone > 0 && (new == 0 || known > 1);
        all || gone > Losses::FEW && gone * 100 > known * percent
    }
}

#[cfg(test)]
mod tests {
    use atocore_model::{digest::Digest, document::FileStamp};

    use super::*;

    #[test]
    fn few_documents_may_go_and_all_or_most_of_many_may_not() {
        let lost = |gone, known, new| {
            let row = DocumentRow {
                key: 1,
                file_path: String::new(),
                source_path: String::new(),
                root: "vault:p".to_owned(),
                digest: Digest::from_bytes([0; 32]),
                stamp: FileStamp::default(),
                settled: true,
                chunked_by: String::new(),
            };
            let reach = ReachableRoots::of_one("vault:p");
            let (counted, roots) = (HashSet::new(), vec![Loss { known, new }]);
            let losses = Losses { counted, roots, mounts: HashMap::new() };
            losses.of(std::iter::repeat_n(&row, gone), &reach, 50).len() == 1
        };
        for (gone, known, new) in
            [(0, 0, 3), (0, 9, 0), (1, 2, 0), (1, 1, 1), (3, 4, 0), (5, 10, 0), (4, 7, 0)]
        {
            assert!(!lost(gone, known, new), "{gone} of {known}, {new} new");
        }
        for (gone, known, new) in
            [(1, 1, 0), (2, 2, 0), (3, 3, 0), (3, 3, 1), (5, 9, 0), (6, 10, 9), (400, 500, 0)]
        {
            assert!(lost(gone, known, new), "{gone} of {known}, {new} new");
        }
    }
}
