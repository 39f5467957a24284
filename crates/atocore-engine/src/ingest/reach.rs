//! What a run has seen, and so can say something about.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use atocore_model::{project::Root, refresh::FileReason};
use atocore_storage::{
    files::{
        FileError, Kind,
        beneath::{Beneath, EntryType, FileStatus, Listing},
        is_leaving,
    },
    sqlite::DocumentRow,
};

use super::walk::FoundFile;

/// The roots of the project, and what was seen of them.
#[derive(Debug)]
pub(super) struct ReachableRoots {
    roots: Vec<ReachedRoot>,
    /// Folders and files below them that could not be looked at.
    pub(super) unreadable: Vec<PathBuf>,
    /// Folders below them that a disk of their own is mounted at.
    pub(super) mounts: Vec<PathBuf>,
    /// Folders that are roots of other projects, below them or around them.
    pub(super) of_others: Vec<PathBuf>,
    /// Folders below them in which something has the name that repositories of git have.
    pub(super) repositories: Vec<PathBuf>,
    /// Whether no file was found below any of them.
    pub(super) found_nothing: bool,
}

#[derive(Debug)]
struct ReachedRoot {
    /// As configured.
    name: String,
    /// The folder that was walked; `None` for a root that was skipped.
    walked: Option<(PathBuf, Beneath)>,
}

impl ReachableRoots {
    /// Nothing was seen yet.
    pub(super) fn new(roots: &[Root]) -> Self {
        let root = |root: &Root| ReachedRoot { name: root.location.to_string(), walked: None };
        Self {
            roots: roots.iter().map(root).collect(),
            unreadable: Vec::new(),
            mounts: Vec::new(),
            of_others: Vec::new(),
            repositories: Vec::new(),
            found_nothing: true,
        }
    }

    /// One root with that name.
    #[cfg(test)]
    pub(super) fn of_one(name: &str) -> Self {
        Self {
            roots: vec![ReachedRoot { name: name.to_owned(), walked: None }],
            unreadable: Vec::new(),
            mounts: Vec::new(),
            of_others: Vec::new(),
            repositories: Vec::new(),
            found_nothing: true,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.roots.len()
    }

    /// The folders of the roots that were walked.
    pub(super) fn folders(&self) -> impl Iterator<Item = &Path> {
        self.roots.iter().filter_map(|root| root.walked.as_ref()).map(|(folder, _)| folder.as_path())
    }

    /// The root as configured.
    pub(super) fn name(&self, root: usize) -> &str {
        &self.roots[root].name
    }

    /// The path of a folder below a root; the whole of it when it is not below.
    pub(super) fn below<'p>(&self, root: usize, folder: &'p Path) -> &'p Path {
        let walked = self.roots[root].walked.as_ref();
        walked.and_then(|(root, _)| folder.strip_prefix(root).ok()).unwrap_or(folder)
    }

    /// Whether a disk of its own is mounted at a folder, walked or not.
    pub(super) fn is_mount(&self, folder: &Path) -> bool {
        let mounted_below = |(root, beneath): &(PathBuf, Beneath)| {
            let below = folder.strip_prefix(root).ok()?;
            Some(beneath.mount(below).ok()? != beneath.mount(below.parent()?).ok()?)
        };
        self.mounts.iter().any(|mount| mount == folder)
            || (self.roots.iter().filter_map(|root| root.walked.as_ref()))
                .any(|walked| mounted_below(walked).unwrap_or(false))
    }

    /// The topmost folder on the way to a document that is there without any file. What was seen of each folder, whether
    /// it has a file if it is there, is kept in `seen`.
    pub(super) fn emptied_above(
        &self,
        row: &DocumentRow,
        seen: &mut HashMap<PathBuf, Option<bool>>,
    ) -> Option<PathBuf> {
        let (root, beneath) = self.roots[self.root_of(row)?].walked.as_ref()?;
        let mut emptied = None;
        for folder in Path::new(&row.file_path).ancestors().skip(1) {
            let below = folder.strip_prefix(root).ok().filter(|below| *below != Path::new(""));
            let Some(below) = below else { break };
            let look = || match beneath.list(below) {
                Ok(listing) => Some(!has_no_file(beneath, below, &listing)),
                Err(error) if error.is_missing() => None,
                Err(_) => Some(true),
            };
            match *seen.entry(folder.to_owned()).or_insert_with(look) {
                Some(true) => break,
                Some(false) => emptied = Some(folder.to_owned()),
                None => {}
            }
        }
        emptied
    }

    /// Notes that a root was walked.
    pub(super) fn walked(&mut self, root: usize, folder: PathBuf, beneath: Beneath) {
        self.roots[root].walked = Some((folder, beneath));
    }

    /// The root that a document was found below: by the name that was noted with it, else by where its file lay.
    pub(super) fn root_of(&self, row: &DocumentRow) -> Option<usize> {
        let named = self.roots.iter().position(|root| root.name == row.root);
        named.or_else(|| {
            let path = Path::new(&row.file_path);
            let below = |root: &ReachedRoot| {
                let (folder, _) = root.walked.as_ref()?;
                path.starts_with(folder).then(|| folder.as_os_str().len())
            };
            let depths = self.roots.iter().enumerate().filter_map(|(at, root)| Some((below(root)?, at)));
            depths.max().map(|(_, at)| at)
        })
    }

    /// The root that misses a document when it is gone; `None` when it may go: its root is no longer configured, or
    /// its file belongs to another project now. Of a project without any file the first root misses it.
    pub(super) fn counted_for(&self, row: &DocumentRow) -> Option<usize> {
        if self.is_of_another_project(row) {
            return None;
        }
        self.root_of(row).or_else(|| (self.found_nothing && !self.roots.is_empty()).then_some(0))
    }

    /// Whether the file of a document is one of another project now: the deepest root that it is below has it.
    fn is_of_another_project(&self, row: &DocumentRow) -> bool {
        let path = Path::new(&row.file_path);
        let depth = |folder: &Path| path.starts_with(folder).then(|| folder.components().count());
        let others = self.of_others.iter().filter_map(|folder| depth(folder)).max();
        others > self.folders().filter_map(depth).max()
    }

    /// Whether a file that was not found is known to be no part of the project any more. A file that might lie below
    /// a root that is missing today, or in a folder that could not be read, is not.
    pub(super) fn knows_about(&self, row: &DocumentRow) -> bool {
        let unread = |path: &Path| self.unreadable.iter().any(|folder| path.starts_with(folder));
        if unread(Path::new(&row.file_path)) {
            return false;
        }
        match self.root_of(row).map(|root| &self.roots[root].walked) {
            Some(Some((folder, _))) => !unread(&folder.join(&row.source_path)),
            Some(None) => false,
            // Of a row of before that noted no root.
            None => !row.root.is_empty() || self.roots.iter().all(|root| root.walked.is_some()),
        }
    }

    /// Whether a document that is not where it was can be one of that root, whose folder is another one now.
    pub(super) fn may_have_been_in(&self, row: &DocumentRow, root: usize) -> bool {
        let is_configured = self.roots.iter().any(|known| known.name == row.root);
        self.roots[root].name == row.root || !is_configured && self.knows_about(row)
    }

    /// The bytes of a file that was found, with what the system says of it now; `None` when there are more than
    /// `limit`.
    ///
    /// # Errors
    /// When it cannot be read, or is another file than the one that was found.
    pub(super) fn read(
        &self,
        file: &FoundFile,
        limit: u64,
    ) -> Result<Option<(FileStatus, Vec<u8>)>, FileReason> {
        let contents = self.beneath(file, |beneath, path| beneath.read(path, limit))?;
        if !contents.seen.is_same_file(&file.seen) {
            let why = "another file took its place while it was looked at";
            return Err(FileReason::Unreadable(why.to_owned()));
        }
        Ok(contents.bytes.map(|bytes| (contents.seen, bytes)))
    }

    /// The first `limit` bytes of a file that was found.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn head(&self, file: &FoundFile, limit: u64) -> Result<Vec<u8>, FileReason> {
        self.beneath(file, |beneath, path| beneath.head(path, limit))
    }

    fn beneath<T>(
        &self,
        file: &FoundFile,
        read: impl FnOnce(&Beneath, &Path) -> Result<T, FileError>,
    ) -> Result<T, FileReason> {
        let unreadable = |why: &str| FileReason::Unreadable(why.to_owned());
        let Some((_, beneath)) = &self.roots[file.root].walked else {
            return Err(unreadable("its root was not looked at"));
        };
        read(beneath, Path::new(file.source_path.as_str())).map_err(|error| {
            if error.is_missing() {
                unreadable("it vanished while it was looked at")
            } else {
                unreadable(&error.source.to_string())
            }
        })
    }
}

/// Whether there is no file in a folder, but for hidden ones and for what an operating system leaves.
fn has_no_file(beneath: &Beneath, folder: &Path, listing: &Listing) -> bool {
    listing.entries().iter().all(|(name, entry_type)| {
        let below = folder.join(name);
        let is_folder = *entry_type == EntryType::Folder;
        let kind = if is_folder { Kind::Folder } else { Kind::File(0) };
        name.as_encoded_bytes().starts_with(b".")
            || is_leaving(&name.to_string_lossy(), kind)
            || is_folder && beneath.list(&below).is_ok_and(|listing| has_no_file(beneath, &below, &listing))
    })
}
