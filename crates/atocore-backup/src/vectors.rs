//! Copying the directory of a vector store: databases through SQLite, everything else byte for byte.
//!
//! The caller keeps its writers away meanwhile. Links and special files are refused before anything is copied.

use std::{
    collections::HashSet,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use atocore_model::{
    monitor::{Monitor, Progress},
    path::SourcePath,
};
use atocore_storage::{
    files::{self, Kind, stream},
    sqlite::{SIDECARS, copy::copy_database},
};

use crate::{
    BackupError,
    manifest::FileRecord,
    tree::{self, TreeEntry},
};

/// What every SQLite database begins with.
const SQLITE_MAGIC: &[u8] = b"SQLite format 3\0";

/// The copy of the vector store while a restore makes it ready, inside the folder it is for: that may be a mount point,
/// which can be emptied and not replaced.
pub(crate) const INCOMING: &str = ".restore-incoming";

/// The same once the folder is empty but for it.
pub(crate) const PLACING: &str = ".restore-placing";

/// Whether something in the folder of a vector store is part of a restore that is being made ready, and not of the
/// vector store. It belongs in no snapshot: restored with it, the vector store would be taken for one that lies ready.
pub(crate) fn is_of_a_restore(below: &str) -> bool {
    let first = below.split('/').next();
    first.is_some_and(|first| first == INCOMING || first == PLACING)
}

/// The copy to come.
#[derive(Debug)]
pub(crate) struct VectorPlan {
    folders: Vec<SourcePath>,
    files: Vec<PlannedFile>,
    /// Size of what is copied.
    pub(crate) bytes: u64,
}

#[derive(Debug)]
struct PlannedFile {
    from: PathBuf,
    path: SourcePath,
    is_database: bool,
}

/// Whether a file is an SQLite database, by its first bytes.
pub(crate) fn is_database(path: &Path) -> Result<bool, BackupError> {
    Ok(stream::head(path, SQLITE_MAGIC.len() as u64)? == SQLITE_MAGIC)
}

/// Looks at the vector store; `None` when there is no such folder.
pub(crate) fn plan(source: &Path) -> Result<Option<VectorPlan>, BackupError> {
    if !source.is_dir() {
        return Ok(None);
    }
    let mut plan = VectorPlan { folders: Vec::new(), files: Vec::new(), bytes: 0 };
    let mut databases = HashSet::new();
    tree::walk_own(source, &mut |entry| -> Result<(), BackupError> {
        let TreeEntry { path, relative, kind, .. } = entry.map_err(|(_, error)| error)?;
        let below = relative.as_ref().map(|below| below.as_str()).unwrap_or_default();
        if is_of_a_restore(below) {
            return Ok(());
        }
        let relative = match (relative, kind) {
            (_, Kind::Link | Kind::Special) => {
                return Err(BackupError::VectorStoreEntry { path, what: tree::in_words(kind) });
            }
            (None, _) => {
                let what = "a name that cannot be recorded on every platform";
                return Err(BackupError::VectorStoreEntry { path, what });
            }
            (Some(relative), _) => relative,
        };
        let Kind::File(size) = kind else {
            plan.folders.push(relative);
            return Ok(());
        };
        let is_database = is_database(&path)?;
        if is_database {
            let _new = databases.insert(relative.as_str().to_owned());
        }
        plan.bytes += size;
        plan.files.push(PlannedFile { from: path, path: relative, is_database });
        Ok(())
    })?;
    plan.files.retain(|file| {
        let base = SIDECARS.iter().find_map(|ending| file.path.as_str().strip_suffix(ending));
        !base.is_some_and(|base| databases.contains(base))
    });
    Ok(Some(plan))
}

impl VectorPlan {
    /// Copies to the folder `snapshot/chroma` and returns what is there now.
    pub(crate) fn copy(
        &self,
        snapshot: &Path,
        monitor: &dyn Monitor,
    ) -> Result<Vec<FileRecord>, BackupError> {
        let root = snapshot.join("chroma");
        files::create_new_dir(&root)?;
        for folder in &self.folders {
            files::create_new_dir(&root.join(folder.as_str()))?;
        }
        let mut records = Vec::new();
        let mut done = 0;
        let mut watch = |piece| {
            done += piece;
            monitor.progress(Progress {
                phase: "copying the vector store".into(),
                done,
                total: Some(self.bytes),
            });
            if monitor.cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        for file in &self.files {
            let to = root.join(file.path.as_str());
            let copied = if file.is_database {
                copy_database(&file.from, &to, monitor)?;
                stream::digest(&to, &mut watch)?
            } else {
                stream::copy(&file.from, &to, &mut watch)?
            };
            let (size_bytes, digest) = copied.ok_or(BackupError::Cancelled)?;
            let path = SourcePath::from_relative(&Path::new("chroma").join(file.path.as_str()));
            let path = path.map_err(|_| BackupError::VectorStoreEntry {
                path: file.from.clone(),
                what: "a name that cannot be recorded",
            })?;
            records.push(FileRecord { path, size_bytes, digest });
        }
        Ok(records)
    }
}
