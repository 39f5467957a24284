//! Looks at the files below a root without reading them.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use atocore_model::{
    id::ProjectId,
    path::SourcePath,
    refresh::{FileReason, RootSkip},
};
use atocore_storage::files::{
    self, FileSystems,
    beneath::{Beneath, EntryType, FileStatus, Listing, MountId},
};

use super::{
    Ingestion, RootResult,
    ignoring::{IgnoreVerdict, RuleReader, Rules, is_hidden, is_ignore_file},
};
use crate::error::Error;

/// A file that may be a document.
#[derive(Debug, Clone)]
pub(super) struct FoundFile {
    /// Which root of the project it is below.
    pub(super) root: usize,
    pub(super) file_path: String,
    pub(super) source_path: SourcePath,
    pub(super) seen: FileStatus,
}

/// What a walk saw.
#[derive(Debug, Default)]
pub(super) struct WalkResult {
    pub(super) found: Vec<FoundFile>,
    /// What is not even opened, by its path below the root; of a folder as a whole its path ends with a slash.
    pub(super) left_out: Vec<(String, FileReason)>,
    /// Absolute paths of the folders that were looked into.
    pub(super) folders: Vec<PathBuf>,
    /// Absolute paths of folders and files that could not be looked at.
    pub(super) unreadable: Vec<PathBuf>,
    /// Absolute paths of folders that a disk of their own is mounted at.
    pub(super) mounts: Vec<PathBuf>,
    /// Absolute paths of folders in which something has the name that repositories of git have.
    pub(super) repositories: Vec<PathBuf>,
}

/// Walks the folder of a root on every core; other roots below it are left to their own walk.
pub(super) fn walk(
    folder: &Path,
    beneath: &Beneath,
    project: &ProjectId,
    claims: &[(PathBuf, ProjectId)],
    ingestion: &Ingestion<'_>,
) -> RootResult<Result<WalkResult, Error>> {
    // A root that cannot be listed is skipped as a whole, so that its documents stay.
    drop(beneath.list(Path::new("")).map_err(|error| RootSkip::Unreadable(error.source.to_string()))?);
    let nested = claims.iter().filter(|(path, _)| path != folder && path.starts_with(folder)).cloned();
    let walk = Walk {
        folder,
        beneath,
        project,
        ingestion,
        nested: nested.collect(),
        rules: RuleReader::new(folder, beneath),
        remote: FileSystems::mounted().remote_mounts(),
        queue: Mutex::new(Queue { folders: vec![ToList::default()], working: 0, seen: 0 }),
        more: Condvar::new(),
        walked: Mutex::default(),
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|| walk.work());
        }
        walk.work();
    });
    if ingestion.monitor.cancelled() {
        return Ok(Err(Error::Cancelled));
    }
    Ok(Ok(walk.walked.into_inner().unwrap_or_else(PoisonError::into_inner)))
}

/// A walk under way.
struct Walk<'w> {
    folder: &'w Path,
    beneath: &'w Beneath,
    project: &'w ProjectId,
    ingestion: &'w Ingestion<'w>,
    /// Folders of other roots, with their owners.
    nested: HashMap<PathBuf, ProjectId>,
    rules: RuleReader<'w>,
    /// Where file systems are mounted that may not answer.
    remote: HashSet<PathBuf>,
    queue: Mutex<Queue>,
    more: Condvar,
    walked: Mutex<WalkResult>,
}

/// Folders that are still to be looked at.
struct Queue {
    folders: Vec<ToList>,
    /// How many are being looked at: each may bring more.
    working: usize,
    seen: usize,
}

/// A folder below the root, with the rules and the mount of the one that it is in.
#[derive(Default)]
struct ToList {
    below: PathBuf,
    above: Option<(Arc<Rules>, MountId)>,
}

/// Says when it is dropped that a folder was looked at, even by a panic.
struct Working<'a, 'w>(&'a Walk<'w>);

impl Drop for Working<'_, '_> {
    fn drop(&mut self) {
        lock(&self.0.queue).working -= 1;
        self.0.more.notify_all();
    }
}

impl Walk<'_> {
    /// Looks at folders until there are no more.
    fn work(&self) {
        while let Some(ToList { below, above }) = self.next() {
            let _working = Working(self);
            let path = self.folder.join(&below);
            let look = |path: &Path| drop(path.read_dir());
            if self.remote.contains(&path) && files::in_time(&path, look).is_none() {
                self.unreadable(&below, RootSkip::NoAnswer.detail());
                continue;
            }
            match self.beneath.list(&below) {
                Ok(listing) => {
                    if above.as_ref().is_some_and(|(_, mount)| *mount != listing.mount()) {
                        lock(&self.walked).mounts.push(path.clone());
                    }
                    lock(&self.walked).folders.push(path);
                    self.look_into(&below, &listing, above.map(|(rules, _)| rules));
                }
                Err(error) => self.unreadable(&below, error.source.to_string()),
            }
        }
    }

    fn next(&self) -> Option<ToList> {
        let mut queue = lock(&self.queue);
        loop {
            if self.ingestion.monitor.cancelled() {
                return None;
            }
            if let Some(next) = queue.folders.pop() {
                queue.working += 1;
                return Some(next);
            }
            if queue.working == 0 {
                return None;
            }
            queue = self.more.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn look_into(&self, below: &Path, listing: &Listing, above: Option<Arc<Rules>>) {
        let mut refuse = |path: &Path, reason| {
            lock(&self.walked).left_out.push((path.to_string_lossy().into_owned(), reason))
        };
        let rules = self.rules.rules(below, listing, above, &mut refuse);
        let mut folders = Vec::new();
        for (name, entry_type) in listing.entries() {
            if self.ingestion.monitor.cancelled() {
                return;
            }
            let (entry, is_folder) = (below.join(name), *entry_type == EntryType::Folder);
            let path = self.folder.join(&entry);
            if name == ".git" {
                lock(&self.walked).repositories.push(self.folder.join(below));
            }
            if let Some(owner) = self.nested.get(&path).filter(|_| is_folder) {
                if owner != self.project {
                    self.leave_out(&entry, false, FileReason::OwnedBy(owner.clone()));
                }
                continue;
            }
            match rules.verdict(&path, is_folder) {
                IgnoreVerdict::Ignored => self.leave_out(&entry, is_folder, FileReason::Ignored),
                _ if !is_folder && is_ignore_file(name) => {}
                verdict if name == ".git" || verdict == IgnoreVerdict::Nothing && is_hidden(name) => {
                    self.leave_out(&entry, is_folder, FileReason::Hidden);
                }
                _ if is_folder => {
                    let above = Some((Arc::clone(&rules), listing.mount()));
                    folders.push(ToList { below: entry, above });
                }
                _ => self.look_at(listing, &entry, &path, *entry_type),
            }
        }
        let mut queue = lock(&self.queue);
        let before = queue.seen;
        queue.seen += listing.entries().len();
        let seen = queue.seen;
        queue.folders.extend(folders);
        drop(queue);
        self.more.notify_all();
        if before / 256 != seen / 256 {
            self.ingestion.progress("looking at files", seen, None);
        }
    }

    /// Decides what an entry is: a file that may be a document, or left out, and why.
    fn look_at(&self, listing: &Listing, entry: &Path, path: &Path, entry_type: EntryType) {
        let leave_out = |reason| self.leave_out(entry, false, reason);
        match entry_type {
            EntryType::Link => return leave_out(self.link(path)),
            EntryType::Folder | EntryType::Special => return leave_out(FileReason::Special),
            EntryType::File => {}
        }
        let (Ok(source_path), Some(file_path)) = (SourcePath::from_relative(entry), path.to_str()) else {
            return leave_out(FileReason::NameNotUtf8);
        };
        if self.ingestion.formats.leaves_out(source_path.file_name()) {
            return leave_out(FileReason::UnsupportedType);
        }
        let seen = match listing.look_at(entry.file_name().unwrap_or_default()) {
            Ok(seen) => seen,
            Err(error) => return self.unreadable(entry, error.source.to_string()),
        };
        let (size, limit) = (seen.stamp.size, self.ingestion.max_file_bytes);
        if size > limit {
            return leave_out(FileReason::TooLarge { size, limit });
        }
        let file_path = file_path.to_owned();
        lock(&self.walked).found.push(FoundFile { root: 0, file_path, source_path, seen });
    }

    /// Links are not followed: what they point to is read where it lies, if that is below a root.
    fn link(&self, path: &Path) -> FileReason {
        // Many links may lead to one share that does not answer.
        let leads_to_remote = |mount: &PathBuf| {
            let target = path.read_link();
            target.is_ok_and(|target| target.starts_with(mount) && !target.starts_with(self.folder))
        };
        if self.remote.iter().any(leads_to_remote) {
            return FileReason::LinkLeavesRoot;
        }
        let target = match self.remote.is_empty() {
            true => Some(path.canonicalize()),
            false => files::in_time(path, Path::canonicalize),
        };
        match target {
            Some(Ok(target)) if target.starts_with(self.folder) => FileReason::Link,
            Some(Ok(_)) => FileReason::LinkLeavesRoot,
            Some(Err(error)) => FileReason::Unreadable(format!("the link leads nowhere: {error}")),
            None => FileReason::Unreadable("the link leads to a file system that does not answer".to_owned()),
        }
    }

    fn leave_out(&self, entry: &Path, whole_folder: bool, reason: FileReason) {
        let mut path = entry.to_string_lossy().into_owned();
        if whole_folder {
            path.push('/');
        }
        lock(&self.walked).left_out.push((path, reason));
    }

    fn unreadable(&self, below: &Path, why: String) {
        lock(&self.walked).unreadable.push(self.folder.join(below));
        self.leave_out(below, false, FileReason::Unreadable(why));
    }
}

/// Whoever panicked had pushed whole entries only.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
