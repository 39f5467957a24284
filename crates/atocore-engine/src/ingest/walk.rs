//! Looks at the files below a root without reading them.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::UNIX_EPOCH,
};

use atocore_model::{
    document::{DocumentType, FileStamp},
    id::ProjectId,
    path::SourcePath,
    refresh::{FileReason, RootSkip},
};
use ignore::{DirEntry, WalkBuilder, WalkState};

use super::{Ingestion, RootResult};
use crate::error::Error;

/// The name of the file in which people list what AtoCore shall leave out, in the syntax of `.gitignore`.
const IGNORE_FILE: &str = ".atocoreignore";

/// A file that may be a document.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// Which root of the project it is below.
    pub(super) root: usize,
    pub(super) path: PathBuf,
    pub(super) file_path: String,
    pub(super) source_path: SourcePath,
    pub(super) doc_type: DocumentType,
    pub(super) stamp: FileStamp,
}

/// What a walk saw.
#[derive(Debug, Default)]
pub(super) struct Walked {
    pub(super) found: Vec<Found>,
    /// Files that are not even opened, by their path below the root.
    pub(super) left_out: Vec<(String, FileReason)>,
    /// Absolute paths of folders and files that could not be looked at.
    pub(super) unreadable: Vec<PathBuf>,
}

/// Walks the folder of a root on every core; other roots below it are left to their own walk.
pub(super) fn walk(
    folder: &Path,
    project: &ProjectId,
    claims: &[(PathBuf, ProjectId)],
    ingestion: &Ingestion<'_>,
) -> RootResult<Result<Walked, Error>> {
    // A root that cannot be listed is skipped as a whole, so that its documents stay.
    std::fs::read_dir(folder).map_err(|error| RootSkip::Unreadable(error.to_string()))?;
    let nested: HashMap<PathBuf, ProjectId> =
        claims.iter().filter(|(path, _)| path != folder && path.starts_with(folder)).cloned().collect();
    let left_to_others = Arc::new(Mutex::new(Vec::new()));
    let walker = {
        let left_to_others = Arc::clone(&left_to_others);
        WalkBuilder::new(folder)
            .require_git(false)
            .git_global(false)
            .follow_links(false)
            .add_custom_ignore_filename(IGNORE_FILE)
            .filter_entry(move |entry| match nested.get(entry.path()) {
                Some(owner) => {
                    lock(&left_to_others).push((entry.path().to_owned(), owner.clone()));
                    false
                }
                None => true,
            })
            .build_parallel()
    };
    let walked = Mutex::new(Walked::default());
    let seen = AtomicUsize::new(0);
    walker.run(|| {
        Box::new(|entry| {
            if ingestion.monitor.cancelled() {
                return WalkState::Quit;
            }
            match entry {
                Ok(entry) if entry.depth() == 0 => {}
                Ok(entry) => {
                    look_at(folder, &entry, ingestion.max_file_bytes, &walked);
                    let seen = seen.fetch_add(1, Ordering::Relaxed) + 1;
                    if seen.is_multiple_of(256) {
                        ingestion.progress("looking at files", seen, None);
                    }
                }
                Err(error) => note_error(folder, &error, &walked),
            }
            WalkState::Continue
        })
    });
    if ingestion.monitor.cancelled() {
        return Ok(Err(Error::Cancelled));
    }
    let mut walked = walked.into_inner().unwrap_or_else(PoisonError::into_inner);
    for (path, owner) in lock(&left_to_others).drain(..) {
        if owner != *project {
            walked.left_out.push((relative(folder, &path), FileReason::OwnedBy(owner)));
        }
    }
    Ok(Ok(walked))
}

/// Decides what an entry is: a file that may be a document, or left out, and why.
fn look_at(folder: &Path, entry: &DirEntry, max_file_bytes: u64, walked: &Mutex<Walked>) {
    let path = entry.path();
    let leave_out = |reason| lock(walked).left_out.push((relative(folder, path), reason));
    let Some(kind) = entry.file_type() else { return };
    if kind.is_dir() {
        return;
    }
    if kind.is_symlink() {
        return leave_out(link(folder, path));
    }
    if !kind.is_file() {
        return leave_out(FileReason::Special);
    }
    let below = path.strip_prefix(folder).unwrap_or(path);
    let (Ok(source_path), Some(file_path)) = (SourcePath::from_relative(below), path.to_str()) else {
        return leave_out(FileReason::NameNotUtf8);
    };
    let Some(doc_type) = DocumentType::of_file(source_path.file_name()) else {
        return leave_out(FileReason::UnsupportedType);
    };
    let stamp = match entry.metadata() {
        Ok(data) => stamp(&data),
        Err(error) => {
            lock(walked).unreadable.push(path.to_owned());
            return leave_out(FileReason::Unreadable(error.to_string()));
        }
    };
    if stamp.size > max_file_bytes {
        let reason = FileReason::TooLarge { size: stamp.size, limit: max_file_bytes };
        return leave_out(reason);
    }
    let (path, file_path) = (path.to_owned(), file_path.to_owned());
    lock(walked).found.push(Found { root: 0, path, file_path, source_path, doc_type, stamp });
}

/// Links are not followed: what they point to is read where it lies, if that is below a root.
fn link(folder: &Path, path: &Path) -> FileReason {
    match path.canonicalize() {
        Ok(target) if target.starts_with(folder) => FileReason::Link,
        Ok(_) => FileReason::LinkLeavesRoot,
        Err(error) => FileReason::Unreadable(format!("the link leads nowhere: {error}")),
    }
}

/// Size and time of a file.
fn stamp(data: &std::fs::Metadata) -> FileStamp {
    let modified = data.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let modified_ns = modified.and_then(|time| i64::try_from(time.as_nanos()).ok()).unwrap_or_default();
    FileStamp { size: data.len(), modified_ns }
}

/// An error of the walk stands for a folder that could not be read, or for a bad line in an ignore file.
fn note_error(folder: &Path, error: &ignore::Error, walked: &Mutex<Walked>) {
    let path = path_of(error).unwrap_or(folder);
    let mut walked = lock(walked);
    walked.left_out.push((relative(folder, path), FileReason::Unreadable(error.to_string())));
    walked.unreadable.push(path.to_owned());
}

fn path_of(error: &ignore::Error) -> Option<&Path> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => path_of(err),
        ignore::Error::Loop { child, .. } => Some(child),
        _ => None,
    }
}

/// Whoever panicked had pushed whole entries only.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn relative(folder: &Path, path: &Path) -> String {
    path.strip_prefix(folder).unwrap_or(path).to_string_lossy().into_owned()
}
