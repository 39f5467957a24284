//! Locks on files, which end with the process that has them.
//!
//! An exclusive lock is two locks of the kernel on one descriptor: `flock`, which decides, and a record lock of the open
//! file description, which others can ask about without taking anything. A look that took the lock itself, for however
//! short a moment, would keep an owner out on a machine that is busy enough.

use std::{os::unix::fs::MetadataExt, path::Path};

use nix::{
    fcntl::{FcntlArg, fcntl},
    libc,
};

use super::{
    FileError, OpenFile, named, open,
    placed::{FileIdentity, Placed},
    private,
};

/// A lock on a file, held until dropped or until the process ends.
#[derive(Debug)]
pub struct Locked {
    file: OpenFile,
    placed: Placed,
}

impl Locked {
    /// The file that is locked: whoever comes later locks the one that stands under its name then.
    #[must_use]
    pub const fn placed(&self) -> &Placed {
        &self.placed
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // Closing is not enough: a child that another thread is just starting has a copy of every open file until it
        // is executed, and the lock belongs to all copies. Where this fails, closing still does it a moment later.
        show(&self.file, libc::F_UNLCK);
        drop(self.file.unlock());
    }
}

/// Takes or gives back the lock that others can ask about. Only whoever has the other one does, so nobody is in the way;
/// where a file system does not have it, nobody sees the owner, and the other lock still keeps the second one out.
fn show(file: &OpenFile, kind: i32) {
    let _shown = fcntl(file, FcntlArg::F_OFD_SETLK(&record(kind)));
}

/// A record lock on the whole file.
fn record(kind: i32) -> libc::flock {
    // The constants fit: they are 0, 1 and 2.
    libc::flock { l_type: kind as i16, l_whence: libc::SEEK_SET as i16, l_start: 0, l_len: 0, l_pid: 0 }
}

/// Takes the exclusive lock on `path`, creating the file when it is missing; `None` when another process or another
/// part of this one has it. No other user can take it: the file is private.
///
/// # Errors
/// When the file cannot be opened, is a link, or the file system has no locks.
pub fn try_lock(path: &Path) -> Result<Option<Locked>, FileError> {
    let locked = lock_what_stands_there(path, &|| {
        let file = named("open", path, private::open_lock(path))?;
        let locked = file.try_lock();
        Ok((file, locked))
    })?;
    if let Some(locked) = &locked {
        show(&locked.file, libc::F_WRLCK);
    }
    Ok(locked)
}

/// Takes a lock on `path` that others may take in the same way, while nobody has the exclusive one; `None` when
/// somebody has. Does not create the file.
///
/// # Errors
/// When the file cannot be opened or the file system has no locks.
pub fn try_lock_shared(path: &Path) -> Result<Option<Locked>, FileError> {
    lock_what_stands_there(path, &|| {
        let file = open(path)?;
        let locked = file.try_lock_shared();
        Ok((file, locked))
    })
}

type TriedLock = (OpenFile, Result<(), std::fs::TryLockError>);

/// Between opening and locking the file may have been removed or replaced, and then the lock would keep nobody out.
fn lock_what_stands_there(
    path: &Path,
    lock: &dyn Fn() -> Result<TriedLock, FileError>,
) -> Result<Option<Locked>, FileError> {
    /// Nobody removes lock files so often that this is not enough.
    const MOST_ATTEMPTS: usize = 100;
    for _ in 0..MOST_ATTEMPTS {
        let (file, locked) = lock()?;
        match locked {
            Ok(()) => {
                let identity = FileIdentity::of(&named("look at", path, file.metadata())?);
                let locked = Locked { file, placed: Placed::new(path, identity) };
                if locked.placed.check().is_ok() {
                    return Ok(Some(locked));
                }
            }
            Err(std::fs::TryLockError::WouldBlock) => return Ok(None),
            Err(std::fs::TryLockError::Error(source)) => return named("lock", path, Err(source)),
        }
    }
    Ok(None)
}

/// Returns whether somebody has the exclusive lock on `path`, without taking any lock: nobody ever waits for a look.
/// Does not create the file.
///
/// # Errors
/// When the file cannot be opened or asked about.
pub fn is_locked(path: &Path) -> Result<bool, FileError> {
    let (file, mut asked) = (open(path)?, record(libc::F_WRLCK));
    named("look at the lock of", path, fcntl(&file, FcntlArg::F_OFD_GETLK(&mut asked)).map_err(Into::into))?;
    Ok(i32::from(asked.l_type) != libc::F_UNLCK)
}

/// The processes that have a lock on `path`, where the system tells them; else none.
#[must_use]
pub fn lock_holders(path: &Path) -> Vec<u32> {
    holders(path, &["READ", "WRITE"])
}

/// The other processes that keep everybody else out of `path`, where the system tells them; else none.
#[must_use]
pub fn exclusive_lock_holders(path: &Path) -> Vec<u32> {
    let mut holders = holders(path, &["WRITE"]);
    holders.retain(|process| *process != std::process::id());
    holders
}

fn holders(path: &Path, kinds: &[&str]) -> Vec<u32> {
    let (Ok(data), Ok(locks)) = (std::fs::metadata(path), std::fs::read_to_string("/proc/locks")) else {
        return Vec::new();
    };
    let inode = format!(":{}", data.ino());
    let holder = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let at = words.iter().position(|word| word.ends_with(&inode))?;
        let [.., kind, process] = words.get(..at)? else { return None };
        // One that waits for a lock has none.
        if words.contains(&"->") || !kinds.contains(kind) { None } else { process.parse().ok() }
    };
    let mut holders: Vec<u32> = locks.lines().filter_map(holder).collect();
    holders.sort_unstable();
    holders.dedup();
    holders
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::files;

    #[test]
    fn a_lock_on_a_file_that_was_removed_meanwhile_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let removals = Cell::new(2);
        let lock = || {
            let file = OpenFile::options().create(true).append(true).open(&path).unwrap();
            // As another process would, which had the lock until now.
            if removals.replace(removals.get() - 1) > 0 {
                files::remove_file(&path).unwrap();
            }
            let locked = file.try_lock();
            Ok((file, locked))
        };
        let locked = lock_what_stands_there(&path, &lock).unwrap().unwrap();
        locked.placed().check().unwrap();
        assert!(try_lock(&path).unwrap().is_none(), "it is the file that others lock");
        files::remove_file(&path).unwrap();
        assert_eq!(locked.placed().check().unwrap_err().how, "was removed");
    }
}
