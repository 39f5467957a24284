//! Where a snapshot is written before anybody can see it, and the one step that makes it visible.
//!
//! A stamp is reserved by a folder and a lock file below `.partial/`, chosen while the lock on `.lock` is held,
//! so that no two snapshots get the same one, in whatever processes they are taken. The kernel frees the lock
//! of a dead process: that is how its leftovers are told from work in progress.

use std::{
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use atocore_model::{id::SnapshotId, monitor::Monitor, time::Timestamp};
use atocore_storage::files::{self, FileError, Kind, Locked};

use crate::{BackupError, snapshot_directory::SnapshotDirectory};

/// How many seconds ahead of the clock a free stamp is looked for.
const MOST_ATTEMPTS: usize = 10_000;

/// A reserved stamp and the folder in which its snapshot is written. Both are given up when it is dropped.
#[derive(Debug)]
pub(crate) struct Stage {
    id: SnapshotId,
    dir: PathBuf,
    target: PathBuf,
    lock_path: PathBuf,
    _lock: Locked,
}

impl Stage {
    /// Reserves the stamp of `now`, or the next that is free, after clearing away what dead processes left.
    pub(crate) fn reserve(
        directory: &SnapshotDirectory,
        now: Timestamp,
        monitor: &dyn Monitor,
    ) -> Result<Self, BackupError> {
        let partial = directory.prepare()?;
        let _choosing = lock(&directory.lock_file(), monitor)?;
        clear_leftovers(&partial)?;
        let mut id = SnapshotId::at(now.get());
        for _ in 0..MOST_ATTEMPTS {
            if let Some(stage) = Self::claim(directory, id)? {
                return Ok(stage);
            }
            id = id.next();
        }
        Err(BackupError::NoFreeStamp(SnapshotId::at(now.get())))
    }

    /// Reserves that stamp and no other, for a snapshot that has its name already.
    pub(crate) fn reserve_exactly(
        directory: &SnapshotDirectory,
        id: SnapshotId,
        monitor: &dyn Monitor,
    ) -> Result<Self, BackupError> {
        let partial = directory.prepare()?;
        let _choosing = lock(&directory.lock_file(), monitor)?;
        clear_leftovers(&partial)?;
        Self::claim(directory, id)?.ok_or(BackupError::SnapshotExists(id))
    }

    /// Takes a stamp when it is free. The caller has the lock under which stamps are chosen.
    fn claim(directory: &SnapshotDirectory, id: SnapshotId) -> Result<Option<Self>, BackupError> {
        let (partial, target) = (directory.partial(), directory.snapshot(id));
        let (dir, lock_path) = (partial.join(id.to_string()), lock_path_of(&partial, id));
        if ![&dir, &lock_path, &target].into_iter().all(|path| matches!(files::kind(path), Ok(None))) {
            return Ok(None);
        }
        let Some(lock) = files::try_lock(&lock_path)? else { return Ok(None) };
        // From here on dropping it clears up.
        let stage = Self { id, dir, target, lock_path, _lock: lock };
        files::create_new_dir(&stage.dir)?;
        Ok(Some(stage))
    }

    /// The stamp that is reserved.
    pub(crate) const fn id(&self) -> SnapshotId {
        self.id
    }

    /// Where to write.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where it will lie.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// Makes the snapshot visible, whole, under its stamp. It is on disk then.
    pub(crate) fn publish(self) -> Result<(), BackupError> {
        files::sync_tree(&self.dir)?;
        let Err(error) = files::rename_new(&self.dir, &self.target) else { return Ok(()) };
        if error.source.kind() == std::io::ErrorKind::AlreadyExists {
            return Err(BackupError::StampTaken(self.id));
        }
        if matches!(files::kind(&self.dir), Ok(None)) {
            // It was renamed, but whether that is on disk is not known: it must not stay visible.
            drop(files::rename(&self.target, &self.dir));
        }
        Err(error.into())
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // The first error is the one to report; what stays behind is cleared away by the next snapshot.
        drop(files::remove_tree(&self.dir));
        drop(files::remove_file(&self.lock_path));
    }
}

/// The file whose lock tells that a snapshot is being written, or deleted.
pub(crate) fn lock_path_of(partial: &Path, id: SnapshotId) -> PathBuf {
    partial.join(format!("{id}.lock"))
}

/// How long a lock that is never held for long is waited for: a slow disk takes its time.
const MOST_WAIT: Duration = Duration::from_secs(30);

/// Waits for the lock on `path`; it is never held for long.
///
/// # Errors
/// [`BackupError::Busy`] when somebody keeps it, [`BackupError::Cancelled`].
pub(crate) fn lock(path: &Path, monitor: &dyn Monitor) -> Result<Locked, BackupError> {
    lock_within(path, MOST_WAIT, monitor)
}

fn lock_within(path: &Path, wait: Duration, monitor: &dyn Monitor) -> Result<Locked, BackupError> {
    let began = Instant::now();
    loop {
        if let Some(lock) = files::try_lock(path)? {
            return Ok(lock);
        }
        if monitor.cancelled() {
            return Err(BackupError::Cancelled);
        }
        if began.elapsed() >= wait {
            return Err(BackupError::Busy { lock: path.to_owned(), holders: files::lock_holders(path) });
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Removes what dead processes left. Only what is named as this module names it is touched; what cannot be removed
/// stays and is in nobody's way: its stamp is not free.
pub(crate) fn clear_leftovers(partial: &Path) -> Result<(), FileError> {
    for path in files::list(partial)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let stamp = name.strip_suffix(".lock").unwrap_or(&name);
        let Ok(id) = stamp.parse::<SnapshotId>() else { continue };
        let lock_path = lock_path_of(partial, id);
        let Some(_lock) = files::try_lock(&lock_path)? else { continue };
        let dir = partial.join(stamp);
        if files::kind(&dir)? == Some(Kind::Folder) && files::remove_tree(&dir).is_err() {
            continue;
        }
        files::remove_file(&lock_path)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use atocore_model::monitor::Silent;

    use super::*;

    #[test]
    fn waiting_for_a_held_lock_times_out_and_names_its_holder() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(".lock");
        let kept = lock(&path, &Silent).unwrap();
        let error = lock_within(&path, Duration::from_millis(20), &Silent).unwrap_err();
        assert_eq!(error.code(), atocore_model::error::ErrorCode::StoreBusy);
        let holder = std::process::id().to_string();
        if cfg!(target_os = "linux") {
            assert!(error.to_string().contains(&holder), "{error}");
        }
        drop(kept);
        drop(lock_within(&path, Duration::ZERO, &Silent).unwrap());
    }
}
