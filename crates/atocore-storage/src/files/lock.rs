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

use super::{FileError, OpenFile, named, open, private};

/// A lock on a file, held until dropped or until the process ends.
#[derive(Debug)]
pub struct Locked {
    file: OpenFile,
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
    let file = named("open", path, private::open_or_create(path, false))?;
    match file.try_lock() {
        Ok(()) => {
            show(&file, libc::F_WRLCK);
            Ok(Some(Locked { file }))
        }
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(std::fs::TryLockError::Error(source)) => named("lock", path, Err(source)),
    }
}

/// Takes a lock on `path` that others may take in the same way, while nobody has the exclusive one; `None` when
/// somebody has. Does not create the file.
///
/// # Errors
/// When the file cannot be opened or the file system has no locks.
pub fn try_lock_shared(path: &Path) -> Result<Option<Locked>, FileError> {
    let file = open(path)?;
    match file.try_lock_shared() {
        Ok(()) => Ok(Some(Locked { file })),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(std::fs::TryLockError::Error(source)) => named("lock", path, Err(source)),
    }
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
    let (Ok(data), Ok(locks)) = (std::fs::metadata(path), std::fs::read_to_string("/proc/locks")) else {
        return Vec::new();
    };
    let inode = format!(":{}", data.ino());
    let holder = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let at = words.iter().position(|word| word.ends_with(&inode))?;
        words.get(at.checked_sub(1)?)?.parse().ok()
    };
    let mut holders: Vec<u32> = locks.lines().filter_map(holder).collect();
    holders.sort_unstable();
    holders.dedup();
    holders
}
