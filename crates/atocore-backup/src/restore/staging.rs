//! The folder in the target in which a restore is made ready, and what becomes of it when the process was killed: it is
//! cleared away, or, when everything was ready and on its way to its names, that is finished.
//!
//! Beside it lies a file whose lock is held for as long as its process lives: the system frees it when a process ends.

use std::path::{Path, PathBuf};

use atocore_storage::files::{self, FileError, Kind, Locked};

use crate::BackupError;

/// How the folder begins in which a restore is prepared; it is only there while one runs, or after one was cut short.
pub const STAGING_PREFIX: &str = ".restore-";

/// What is made ready there.
const PARTS: [&str; 2] = ["config", "data"];

/// The empty file that says that all of it is, compared with the record and on disk: from then on it is moved to its names.
const READY: &str = "ready";

/// The folder; removed when dropped.
pub(super) struct Staging {
    dir: PathBuf,
    lock_path: PathBuf,
    _lock: Locked,
}

impl Staging {
    /// Makes the folder in a target in which nothing is.
    pub(super) fn create(target: &Path) -> Result<Self, BackupError> {
        let dir = target.join(format!("{STAGING_PREFIX}{}", std::process::id()));
        let lock_path = lock_path_of(&dir);
        let Some(lock) = files::try_lock(&lock_path)? else {
            let found = lock_path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            return Err(BackupError::TargetNotEmpty { target: target.to_owned(), found });
        };
        // From here on dropping it clears up.
        let staging = Self { dir, lock_path, _lock: lock };
        files::create_new_dir(&staging.dir)?;
        Ok(staging)
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Moves everything to its name. The folder with the database comes last: without it there is no installation.
    pub(super) fn move_to(self, target: &Path) -> Result<(), BackupError> {
        files::sync_tree(&self.dir)?;
        files::write_synced(&self.dir.join(READY), b"")?;
        files::sync(&self.dir)?;
        files::sync(target)?;
        if let Err((moved, error)) = move_parts(&self.dir, target) {
            for name in moved {
                drop(files::rename(&target.join(name), &self.dir.join(name)));
            }
            return Err(error.into());
        }
        files::remove_tree(&self.dir)?;
        files::remove_file(&self.lock_path)?;
        Ok(files::sync(target)?)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // The first error is the one to report; what stays behind is cleared away by the next attempt.
        drop(files::remove_tree(&self.dir));
        drop(files::remove_file(&self.lock_path));
    }
}

fn lock_path_of(dir: &Path) -> PathBuf {
    dir.with_file_name(format!("{}.lock", dir.file_name().unwrap_or_default().to_string_lossy()))
}

/// Moves what is there to its name, and says which were moved when one cannot be.
fn move_parts(dir: &Path, target: &Path) -> Result<Vec<&'static str>, (Vec<&'static str>, FileError)> {
    let mut moved = Vec::new();
    for name in PARTS {
        let renamed = match files::kind(&dir.join(name)) {
            Ok(None) => continue,
            Ok(Some(_)) => files::rename_new(&dir.join(name), &target.join(name)),
            Err(error) => Err(error),
        };
        match renamed {
            Ok(()) => moved.push(name),
            Err(error) => return Err((moved, error)),
        }
    }
    Ok(moved)
}

/// What was found in a target that exists.
pub(super) enum Leftover {
    /// Nothing any more.
    Nothing,
    /// Something that is no restore's, or that of one that is at work.
    Other(PathBuf),
    /// A restore that was cut short while it moved everything to its names; it is finished now.
    Finished,
}

/// Clears away what killed restores left in `target`, or finishes it. Nothing is touched where there is anything that
/// no restore made.
pub(super) fn resolve_leftovers(target: &Path) -> Result<Leftover, FileError> {
    let entries = files::list(target)?;
    let (leftovers, others): (Vec<_>, Vec<_>) =
        entries.into_iter().partition(|path| matches!(is_leftover(path), Ok(true)));
    if let Some(other) = others.first() {
        return Ok(if finished(target, &leftovers, &others)? {
            Leftover::Finished
        } else {
            Leftover::Other(other.clone())
        });
    }
    for path in leftovers {
        let dir = dir_of(&path);
        let lock_path = lock_path_of(&dir);
        // Whoever has it is alive.
        let Some(_lock) = files::try_lock(&lock_path)? else { return Ok(Leftover::Other(dir)) };
        files::remove_tree(&dir)?;
        files::remove_file(&lock_path)?;
    }
    Ok(Leftover::Nothing)
}

/// Whether the only leftover is of a restore that had begun to move what was ready, and all of it is in place now.
fn finished(target: &Path, leftovers: &[PathBuf], others: &[PathBuf]) -> Result<bool, FileError> {
    let Some(dir) = leftovers.first().map(|path| dir_of(path)) else { return Ok(false) };
    let is_one = leftovers.iter().all(|path| dir_of(path) == dir);
    let is_part = |path: &PathBuf| PARTS.iter().any(|known| *path == target.join(known));
    let is_missing = |name: &&str| matches!(files::kind(&dir.join(name)), Ok(None));
    // What is here must be what is not there any more.
    let fits = others.iter().all(is_part)
        && PARTS.iter().all(|name| is_missing(name) || !others.contains(&target.join(name)));
    if !is_one || !fits || files::kind(&dir.join(READY))?.is_none() {
        return Ok(false);
    }
    let lock_path = lock_path_of(&dir);
    let Some(_lock) = files::try_lock(&lock_path)? else { return Ok(false) };
    let moved = move_parts(&dir, target).map_err(|(_, error)| error)?;
    files::remove_tree(&dir)?;
    files::remove_file(&lock_path)?;
    files::sync(target)?;
    Ok(!moved.is_empty())
}

fn dir_of(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    path.with_file_name(name.strip_suffix(".lock").unwrap_or(&name))
}

/// Whether it is named as this module names it, and holds nothing that this module does not make.
fn is_leftover(path: &Path) -> Result<bool, FileError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let Some(rest) = name.strip_prefix(STAGING_PREFIX) else { return Ok(false) };
    let number = rest.strip_suffix(".lock").unwrap_or(rest);
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(false);
    }
    Ok(match files::kind(path)? {
        Some(Kind::Folder) if number == rest => files::list(path)?.iter().all(|part| {
            PARTS.iter().chain([&READY]).any(|known| part.file_name().is_some_and(|name| name == *known))
        }),
        Some(Kind::File(0)) => number != rest,
        _ => false,
    })
}
