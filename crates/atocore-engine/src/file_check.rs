//! Whether the files of documents are still what was read of them, at the moment in which an answer is made.
//!
//! An index is as old as its last refresh. What was removed since is no answer, and what was changed is marked. Files on
//! other machines are left to the refresh: asking for them may never end.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, HashMap},
    fs,
    path::{Path, PathBuf},
};

use atocore_model::{
    digest::Digest,
    document::{Chunk, Document, DocumentState, FileStamp},
    id::ProjectId,
    query::Notice,
};
use atocore_storage::{
    files::{
        self, FileSystems,
        beneath::{Beneath, stamp_if_present},
    },
    sqlite::ReadTransaction,
};

use crate::error::Error;

/// So many bytes are read for one answer, to tell files that are different from those that merely look so.
const READ_AT_MOST: u64 = 4 << 20;

/// Looks at the files of the documents that one answer is made of, at each once.
#[derive(Debug)]
pub(crate) struct FileCheck {
    file_systems: FileSystems,
    /// What may still be read.
    bytes: Cell<u64>,
    looked_at: RefCell<HashMap<String, FileVerdict>>,
    /// Whether folders are there, with anything in them.
    folders: RefCell<HashMap<PathBuf, bool>>,
    /// The folders of each project that disks are or were mounted at.
    mounts: RefCell<HashMap<ProjectId, Vec<PathBuf>>>,
}

/// What is known of a file.
#[derive(Debug, Clone)]
enum FileVerdict {
    Is(DocumentState),
    /// The folder is missing or empty that a disk was mounted at, or that is the root.
    FolderGone(PathBuf),
}

/// The files of an answer that are not as they were read.
#[derive(Debug, Default)]
pub(crate) struct FileTally {
    gone: u64,
    changed: u64,
    folders: BTreeMap<PathBuf, u64>,
}

impl FileCheck {
    /// For one answer.
    pub(crate) fn new() -> Self {
        Self {
            file_systems: FileSystems::mounted(),
            bytes: Cell::new(READ_AT_MOST),
            looked_at: RefCell::default(),
            folders: RefCell::default(),
            mounts: RefCell::default(),
        }
    }

    /// What has become of a file by its size, times and number alone.
    pub(crate) fn state_by_stamp(&self, document: &Document, stamp: FileStamp) -> DocumentState {
        let path = Path::new(&document.file_path);
        if self.file_systems.remote(path).is_some() {
            return DocumentState::Unchecked;
        }
        match stamp_if_present(path) {
            Ok(Some(now)) if now == stamp => DocumentState::Current,
            Ok(Some(_)) => DocumentState::Changed,
            Ok(None) => DocumentState::Gone,
            Err(_) => DocumentState::Unchecked,
        }
    }

    /// What has become of the file of a passage; `None` when the passage is no answer any more. Counted in `tally`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) fn state(
        &self,
        read: &ReadTransaction<'_>,
        passage: &Chunk,
        tally: &mut FileTally,
    ) -> Result<Option<DocumentState>, Error> {
        let path = &passage.document.file_path;
        let known = self.looked_at.borrow().get(path).cloned();
        let verdict = match known {
            Some(verdict) => verdict,
            None => {
                let verdict = self.look_at(read, &passage.document, passage.stamp)?;
                let _new = self.looked_at.borrow_mut().insert(path.clone(), verdict.clone());
                verdict
            }
        };
        Ok(match verdict {
            FileVerdict::Is(DocumentState::Gone) => {
                tally.gone += 1;
                None
            }
            FileVerdict::Is(state) => {
                tally.changed += u64::from(state == DocumentState::Changed);
                Some(state)
            }
            FileVerdict::FolderGone(folder) => {
                *tally.folders.entry(folder).or_default() += 1;
                Some(DocumentState::Gone)
            }
        })
    }

    fn look_at(
        &self,
        read: &ReadTransaction<'_>,
        document: &Document,
        stamp: FileStamp,
    ) -> Result<FileVerdict, Error> {
        let state = match self.state_by_stamp(document, stamp) {
            DocumentState::Changed if self.is_unchanged(document, stamp.size) => DocumentState::Current,
            state => state,
        };
        let folder = if state == DocumentState::Gone { self.folder_gone(read, document)? } else { None };
        Ok(folder.map_or(FileVerdict::Is(state), FileVerdict::FolderGone))
    }

    /// The root of a document, or the mount point above its file, that is missing or empty.
    fn folder_gone(&self, read: &ReadTransaction<'_>, document: &Document) -> Result<Option<PathBuf>, Error> {
        let path = Path::new(&document.file_path);
        let mut mounts = self.mounts.borrow_mut();
        if !mounts.contains_key(&document.project) {
            let remembered = read.mounts_of(&document.project)?.into_iter().map(PathBuf::from);
            let _none = mounts.insert(document.project.clone(), remembered.collect());
        }
        let remembered = mounts.get(&document.project).into_iter().flatten().cloned();
        let mut above = root_of(document).into_iter().chain(remembered);
        Ok(above.find(|above| path.starts_with(above) && !self.has_entries(above)))
    }

    /// Whether a file has the bytes that were read, and merely looks different.
    fn is_unchanged(&self, document: &Document, size: u64) -> bool {
        let Some(left) = self.bytes.get().checked_sub(size) else { return false };
        self.bytes.set(left);
        unchanged(document, size).is_some()
    }

    /// Whether a folder is there with anything in it that is not hidden.
    fn has_entries(&self, folder: &Path) -> bool {
        let look = || {
            let entries = fs::read_dir(folder).into_iter().flatten();
            entries.flatten().any(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."))
        };
        *self.folders.borrow_mut().entry(folder.to_owned()).or_insert_with(look)
    }
}

impl FileTally {
    /// Whether passages were left out.
    pub(crate) const fn has_gone(&self) -> bool {
        self.gone > 0
    }

    /// What is to be said of it.
    pub(crate) fn notices(self) -> Vec<Notice> {
        let folder = |(folder, passages): (PathBuf, u64)| Notice::FolderGone {
            passages,
            folder: folder.display().to_string(),
        };
        let gone = (self.gone > 0).then_some(Notice::FilesGone { passages: self.gone });
        let changed = (self.changed > 0).then_some(Notice::FilesChanged { passages: self.changed });
        gone.into_iter().chain(changed).chain(self.folders.into_iter().map(folder)).collect()
    }
}

/// The folder of the root that a document was found below.
fn root_of(document: &Document) -> Option<PathBuf> {
    document.file_path.strip_suffix(document.source_path.as_str()).map(PathBuf::from)
}

/// The bytes of the file of a document, when every one is as it was read; it had `size` then. It is opened beneath the
/// folder that its root had, so whoever swapped a part of the path for a link since leads nowhere.
pub(crate) fn unchanged(document: &Document, size: u64) -> Option<Vec<u8>> {
    let below = PathBuf::from(document.source_path.as_str());
    let read = move |root: &Path| Beneath::open(root).ok()?.read(&below, size).ok()?.bytes;
    let bytes = files::in_time(&root_of(document)?, read)??;
    let same = Digest::from_bytes(*blake3::hash(&bytes).as_bytes()) == document.digest;
    same.then_some(bytes)
}
