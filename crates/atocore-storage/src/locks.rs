//! Who owns the store: one process at a time, known by name to everybody else.
//!
//! The lock is the kernel's, on a file of its own; a dead owner's lock frees itself. What stands beside it in
//! `owner.json` is for people and for finding the owner's socket, and is never what decides.

use std::{
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::files::{self, Displaced, FileError};

/// Who owns a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Owner {
    /// Its process.
    pub pid: u32,
    /// What it does: `serve`, `refresh notes`.
    #[schema(example = "serve")]
    pub activity: String,
    /// Since when: ISO 8601 with offset.
    pub since: String,
    /// Where it takes requests; null when it does not.
    #[schema(value_type = Option<String>)]
    pub socket: Option<PathBuf>,
}

/// Ownership that could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error("the store is in use by process {} (`{}`) since {}", .0.pid, .0.activity, .0.since)]
    Held(Owner),
    /// Other processes have it and have not said what they do; which ones, where the system tells.
    #[error("the store is in use by {}: it has a lock on `{}`", processes_in_words(processes), path.display())]
    HeldByUnknown {
        /// The processes.
        processes: Vec<u32>,
        /// The lock file.
        path: PathBuf,
    },
    /// Other processes read the store.
    #[error("the store is being read by {}", processes_in_words(.0))]
    Read(Vec<u32>),
    /// The lock files cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Ownership of a store; given up when dropped, or when the process ends in whatever way.
#[derive(Debug)]
pub struct OwnerLock {
    lock: files::Locked,
    note: PathBuf,
}

/// How long an owner that has the lock may take to say who it is. On a busy disk its note takes a while.
const NOTE_WITHIN: Duration = Duration::from_secs(10);

/// How often a lock or a note that is waited for is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

impl OwnerLock {
    /// Takes ownership, waiting up to `wait` for another owner to finish.
    ///
    /// # Errors
    /// [`LockError::Held`] when the wait ends first.
    pub fn acquire(locks: &Path, owner: &Owner, wait: Duration) -> Result<Self, LockError> {
        files::create_dirs_synced(locks)?;
        let started = Instant::now();
        let mut waits = None;
        loop {
            if let Some(lock) = files::try_lock(&lock_file(locks))? {
                let note = note_file(locks);
                // Left-overs of dead owners do no harm, so failing to remove them does none either.
                drop(files::remove_staged(&note));
                let text = serde_json::to_vec_pretty(owner).unwrap_or_default();
                files::write_atomic(&note, &text)?;
                // For readers, who create nothing, and for those who wait.
                drop(files::try_lock(&readers_file(locks))?);
                drop(files::try_lock(&waiting_file(locks))?);
                return Ok(Self { lock, note });
            }
            // Without it the owner does not know; it is waited for all the same.
            waits = waits.or_else(|| files::try_lock_shared(&waiting_file(locks)).ok().flatten());
            let waited = started.elapsed();
            if waited >= wait {
                match current_owner(locks)? {
                    Some(owner) => return Err(LockError::Held(owner)),
                    // It has just let go, so the next attempt succeeds. Or it is not one of ours.
                    None if waited < wait + NOTE_WITHIN => {}
                    None => return Err(held(locks, &lock_file(locks))),
                }
            }
            thread::sleep(LOOK_AGAIN);
        }
    }

    /// Whether the file that is locked still stands where it did. Once it does not, another process can own the store too.
    ///
    /// # Errors
    /// When it does not, and what stands there instead.
    pub fn in_place(&self) -> Result<(), Displaced> {
        self.placed().check()
    }

    /// The file that is locked. Once another one stands under its name, another process can own the store too.
    pub(crate) const fn placed(&self) -> &files::Placed {
        self.lock.placed()
    }
}

/// Whether another process waits for the store, for an owner whose work can be taken up later.
///
/// # Errors
/// When the lock file cannot be looked at.
pub fn is_waited_for(locks: &Path) -> Result<bool, LockError> {
    Ok(files::try_lock(&waiting_file(locks))?.is_none())
}

/// That no process can become the owner of a store; given up when dropped, or when the process ends. For whoever reads
/// without the protection that SQLite gives against writers.
#[derive(Debug)]
pub struct OwnersOut {
    _lock: Option<files::Locked>,
}

impl OwnersOut {
    /// Keeps owners out; `None` when there is one. Where there is no lock file, nobody ever was.
    ///
    /// # Errors
    /// When the lock file is there and cannot be locked.
    pub fn try_acquire(locks: &Path) -> Result<Option<Self>, LockError> {
        match files::try_lock_shared(&lock_file(locks)) {
            Ok(lock) => Ok(lock.map(|lock| Self { _lock: Some(lock) })),
            Err(error) if error.is_missing() => Ok(Some(Self { _lock: None })),
            Err(error) => Err(error.into()),
        }
    }
}

/// That nobody else reads the store; others may again when it is dropped.
#[derive(Debug)]
pub struct ReadersOut {
    _lock: files::Locked,
}

impl ReadersOut {
    /// Waits up to `wait` until no other process reads the store, and keeps new readers waiting.
    ///
    /// # Errors
    /// [`LockError::Read`] when one goes on reading, with the processes where the system tells them.
    pub fn wait(locks: &Path, wait: Duration) -> Result<Self, LockError> {
        files::create_dirs_synced(locks)?;
        let (path, started) = (readers_file(locks), Instant::now());
        loop {
            if let Some(lock) = files::try_lock(&path)? {
                return Ok(Self { _lock: lock });
            }
            if started.elapsed() >= wait {
                return Err(LockError::Read(files::lock_holders(&path)));
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// That this process reads the store beside its owner; given up when dropped, or when the process ends.
#[derive(Debug)]
pub struct ReaderLock {
    _lock: Option<files::Locked>,
}

impl ReaderLock {
    /// Waits up to `wait` while the store is being replaced. Creates nothing: an installation that was never owned by
    /// a program of this version, or that this user may not read the lock of, is read without.
    ///
    /// # Errors
    /// [`LockError::HeldByUnknown`] when the wait ends first; or when the file system gives no lock on a file that is
    /// there.
    pub fn acquire(locks: &Path, wait: Duration) -> Result<Self, LockError> {
        let (path, started) = (readers_file(locks), Instant::now());
        loop {
            match files::try_lock_shared(&path) {
                Ok(Some(lock)) => return Ok(Self { _lock: Some(lock) }),
                Ok(None) if started.elapsed() < wait => thread::sleep(Duration::from_millis(5)),
                Ok(None) => return Err(held(locks, &path)),
                Err(error) if error.is_missing() || error.is_refused() => return Ok(Self { _lock: None }),
                // Without the lock a restore could swap the store away while it is read.
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Who has the lock: the owner that has left a note beside it, unless the system says that it is somebody else.
fn held(locks: &Path, lock: &Path) -> LockError {
    let processes = files::lock_holders(lock);
    match read_note(locks) {
        Some(owner) if processes.is_empty() || processes.contains(&owner.pid) => LockError::Held(owner),
        _ => LockError::HeldByUnknown { processes, path: lock.to_owned() },
    }
}

/// Names processes: `process 7`, `the processes 7, 8`; `another process` where the system tells none.
#[must_use]
pub fn processes_in_words(processes: &[u32]) -> String {
    match processes {
        [] => "another process".to_owned(),
        [one] => format!("process {one}"),
        many => format!("the processes {}", many.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")),
    }
}

/// Locked by everybody who waits for the store, together.
fn waiting_file(locks: &Path) -> PathBuf {
    locks.join("waiting.lock")
}

fn readers_file(locks: &Path) -> PathBuf {
    locks.join("readers.lock")
}

impl Drop for OwnerLock {
    fn drop(&mut self) {
        // A note that stays behind is only read while the lock is held, and then it is a newer one: that of another
        // owner, where the lock file was deleted.
        if self.placed().check().is_ok() {
            drop(files::remove_file(&self.note));
        }
    }
}

/// Returns the process that owns the store now, or `None` when nobody does. Takes no lock.
///
/// # Errors
/// When the lock file is there and cannot be looked at, or its owner does not say for 10 s who it is.
pub fn current_owner(locks: &Path) -> Result<Option<Owner>, LockError> {
    let (file, started) = (lock_file(locks), Instant::now());
    // The owner writes its note right after taking the lock.
    while files::exists(&file)? && files::is_locked(&file)? {
        match read_note(locks) {
            Some(owner) => return Ok(Some(owner)),
            None if started.elapsed() < NOTE_WITHIN => thread::sleep(LOOK_AGAIN),
            None => return Err(held(locks, &file)),
        }
    }
    Ok(None)
}

fn lock_file(locks: &Path) -> PathBuf {
    locks.join("owner.lock")
}

fn note_file(locks: &Path) -> PathBuf {
    locks.join("owner.json")
}

fn read_note(locks: &Path) -> Option<Owner> {
    let bytes = files::read_if_present(&note_file(locks)).ok()??;
    serde_json::from_slice(&bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(activity: &str) -> Owner {
        Owner {
            pid: std::process::id(),
            activity: activity.to_owned(),
            since: "2026-04-06T18:42:19.000000+00:00".to_owned(),
            socket: None,
        }
    }

    #[test]
    fn the_second_owner_is_told_who_the_first_is() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(current_owner(dir.path()).unwrap(), None);
        let first = OwnerLock::acquire(dir.path(), &owner("serve"), Duration::ZERO).unwrap();
        assert_eq!(current_owner(dir.path()).unwrap().unwrap().activity, "serve");
        let refused = OwnerLock::acquire(dir.path(), &owner("refresh"), Duration::ZERO).unwrap_err();
        assert!(refused.to_string().contains("`serve`"), "{refused}");
        drop(first);
        assert_eq!(current_owner(dir.path()).unwrap(), None);
        drop(OwnerLock::acquire(dir.path(), &owner("refresh"), Duration::ZERO).unwrap());
    }

    #[test]
    fn looking_for_an_owner_never_keeps_one_out() {
        let dir = tempfile::tempdir().unwrap();
        drop(OwnerLock::acquire(dir.path(), &owner("serve"), Duration::ZERO).unwrap());
        let (folder, stop) = (dir.path(), std::sync::atomic::AtomicBool::new(false));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                        current_owner(folder).unwrap();
                    }
                });
            }
            // The first attempt succeeds each time: nobody is ever in the way.
            let kept_out =
                (0..500).filter(|_| files::try_lock(&lock_file(folder)).unwrap().is_none()).count();
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
            assert_eq!(kept_out, 0);
        });
    }

    #[test]
    fn an_owner_that_is_slow_to_say_who_it_is_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let lock = files::try_lock(&lock_file(dir.path())).unwrap().unwrap();
        thread::scope(|scope| {
            let looking = scope.spawn(|| current_owner(dir.path()));
            let wanting = scope.spawn(|| OwnerLock::acquire(dir.path(), &owner("refresh"), Duration::ZERO));
            // Longer than looks and attempts waited once.
            thread::sleep(Duration::from_millis(400));
            files::write_atomic(&note_file(dir.path()), &serde_json::to_vec(&owner("serve")).unwrap())
                .unwrap();
            assert_eq!(looking.join().unwrap().unwrap().unwrap().activity, "serve");
            let refused = wanting.join().unwrap().unwrap_err();
            assert!(refused.to_string().contains("`serve`"), "{refused}");
        });
        drop(lock);
        assert_eq!(current_owner(dir.path()).unwrap(), None);
    }

    #[test]
    fn an_owner_learns_that_another_waits_for_as_long_as_it_does() {
        let dir = tempfile::tempdir().unwrap();
        let first = OwnerLock::acquire(dir.path(), &owner("embed"), Duration::ZERO).unwrap();
        assert!(!is_waited_for(dir.path()).unwrap());
        let (path, waits) = (dir.path().to_owned(), Duration::from_secs(600));
        let second = thread::spawn(move || OwnerLock::acquire(&path, &owner("remember"), waits));
        while !is_waited_for(dir.path()).unwrap() {
            thread::yield_now();
        }
        drop(first);
        let second = second.join().unwrap().unwrap();
        assert!(!is_waited_for(dir.path()).unwrap());
        drop(OwnerLock::acquire(dir.path(), &owner("refresh"), Duration::ZERO).unwrap_err());
        assert!(!is_waited_for(dir.path()).unwrap(), "it gave up");
        drop(second);
    }

    #[test]
    fn a_waiting_owner_gets_its_turn() {
        let dir = tempfile::tempdir().unwrap();
        let first = OwnerLock::acquire(dir.path(), &owner("serve"), Duration::ZERO).unwrap();
        let path = dir.path().to_owned();
        let second =
            thread::spawn(move || OwnerLock::acquire(&path, &owner("refresh"), Duration::from_secs(20)));
        thread::sleep(Duration::from_millis(50));
        drop(first);
        drop(second.join().unwrap().unwrap());
    }
}
