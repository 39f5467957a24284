//! Copying databases: a read snapshot of one in use, and one that this process has not open.

use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use atocore_model::{
    digest::Digest,
    id::Generation,
    monitor::{Monitor, Progress},
};
use rusqlite::{
    Connection, OpenFlags,
    backup::{Backup, StepResult},
};

use super::{ReadTransaction, StorageError, harden, log, why_refused};
use crate::files::{self, stream};

/// How a read snapshot is copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Copier {
    /// By a process that has no SQLite connection: only there may the live file be opened with file calls. It is
    /// started with `arguments`, the file to copy and the file to make, calls [`copy_pages`], and ends with [`NO_ROOM`]
    /// when the disk is full. Where it cannot be started, the copy is made as by [`Copier::InProcess`].
    Child {
        /// The program.
        program: PathBuf,
        /// What comes before the two files.
        arguments: Vec<String>,
    },
    /// Through SQLite's backup interface, a few pages at a time.
    InProcess,
}

/// The exit code by which the child process says that the disk is full.
pub const NO_ROOM: u8 = 28;

/// Pages per step of the backup interface: 1 MiB with pages of 4 KiB.
const STEP_PAGES: i32 = 256;

/// What the child process of [`Copier::Child`] does: copies the file into a new one, which the other process syncs. It
/// may outlive the process that started it, and then finds the place gone or taken.
///
/// # Errors
/// When the source cannot be read, or the target exists or cannot be written.
pub fn copy_pages(from: &Path, to: &Path) -> Result<u64, StorageError> {
    Ok(stream::copy_unsynced(from, to)?)
}

/// A copy that is whole, in journal mode DELETE and without sidecars, and not known to be on disk yet.
#[derive(Debug)]
#[must_use = "a power cut takes what is not synced"]
pub struct UnsyncedCopy {
    path: PathBuf,
}

impl UnsyncedCopy {
    /// Makes a finished copy a plain single file; a log beside it is checkpointed.
    pub(super) fn settle(path: &Path) -> Result<Self, StorageError> {
        leave_log_mode(path).map_err(|error| why_refused(path, error))?;
        // SQLite does not say when it could not remove these. In a snapshot they would be damage.
        for ending in ["-wal", "-shm"] {
            files::remove_file(&files::with_ending(path, ending))?;
        }
        Ok(Self { path: path.to_owned() })
    }

    /// Syncs it.
    ///
    /// # Errors
    /// When the disk fails.
    ///
    /// # Durability
    /// The file is on disk; its name is once its folder is synced.
    pub fn sync(self) -> Result<(), StorageError> {
        Ok(files::sync(&self.path)?)
    }

    /// Syncs it and reads its size and digest meanwhile; `None` when `each`, which is told the size of every piece,
    /// cancels.
    ///
    /// # Errors
    /// When the disk fails.
    ///
    /// # Durability
    /// As [`UnsyncedCopy::sync`].
    pub fn sync_and_digest(
        self,
        each: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Option<(u64, Digest)>, StorageError> {
        thread::scope(|scope| {
            let synced = scope.spawn(|| files::sync(&self.path));
            let digested = stream::digest(&self.path, each);
            synced.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            Ok(digested?)
        })
    }
}

/// Copies a database that no part of this process has open, such as one of a stopped server, to a new file.
///
/// # Errors
/// When it is no database, cannot be copied, or `monitor` cancels.
///
/// # Durability
/// The file is whole and on disk, in journal mode DELETE and without sidecars; its name is durable once its folder is
/// synced.
pub fn copy_database(from: &Path, to: &Path, monitor: &dyn Monitor) -> Result<(), StorageError> {
    let connection = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    harden(&connection)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.execute_batch("BEGIN")?;
    // Begins the read transaction that holds the view still; also fails here when it is no database.
    let _objects: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    stepped(&connection, to, monitor, &|| {
        if monitor.cancelled() { Err(StorageError::Cancelled) } else { Ok(()) }
    })?;
    UnsyncedCopy::settle(to)?.sync()
}

/// Copies through the backup interface from a connection that is inside a read transaction, so that no writer can
/// make it start over.
pub(super) fn stepped(
    from: &Connection,
    to: &Path,
    monitor: &dyn Monitor,
    watch: &dyn Fn() -> Result<(), StorageError>,
) -> Result<(), StorageError> {
    // As with a copy by a child process: what outlives its snapshot must never write into the file of the next.
    files::create_new_file(to)?;
    let mut target = Connection::open(to)?;
    // The file is synced once, at the end; a copy that was interrupted is thrown away.
    target.pragma_update(None, "synchronous", "OFF")?;
    let backup = Backup::new(from, &mut target)?;
    loop {
        watch()?;
        let step = backup.step(STEP_PAGES)?;
        let pages = backup.progress();
        monitor.progress(Progress {
            phase: "copying the store".into(),
            done: (pages.pagecount - pages.remaining).unsigned_abs().into(),
            total: Some(pages.pagecount.unsigned_abs().into()),
        });
        match step {
            StepResult::Done => return Ok(()),
            StepResult::Busy | StepResult::Locked => thread::sleep(Duration::from_millis(5)),
            _ => {}
        }
    }
}

/// How often a child is looked at: after so much of its time that little is lost.
const SHORTEST_PAUSE: Duration = Duration::from_micros(500);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// Copies by child processes, which are killed when `watch` says so.
pub(super) struct Child<'a> {
    pub(super) program: &'a Path,
    pub(super) arguments: &'a [String],
    pub(super) watch: &'a dyn Fn() -> Result<(), StorageError>,
}

impl Child<'_> {
    /// Copies the first `bytes` of the log of the database `from` to where SQLite looks for the log of `to`. Writers
    /// append to it meanwhile; what they append is cut off. `false` when the process cannot be started.
    pub(super) fn copy_log(&self, from: &Path, to: &Path, bytes: u64) -> Result<bool, StorageError> {
        let to = log::path(to);
        if !self.copy(&log::path(from), &to)? {
            return Ok(false);
        }
        files::cut_off(&to, bytes)?;
        Ok(true)
    }

    /// Copies one file; `false` when the process cannot be started.
    pub(super) fn copy(&self, from: &Path, to: &Path) -> Result<bool, StorageError> {
        let started = Command::new(self.program)
            .args(self.arguments)
            .args([from, to])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut child) = started else { return Ok(false) };
        let failed = |error: std::io::Error| StorageError::Copier(error.to_string());
        let began = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().map_err(failed)? {
                break status;
            }
            if let Err(stop) = (self.watch)() {
                child.kill().map_err(failed)?;
                let _status = child.wait().map_err(failed)?;
                return Err(stop);
            }
            thread::sleep((began.elapsed() / 16).clamp(SHORTEST_PAUSE, LONGEST_PAUSE));
        };
        if status.success() {
            return Ok(true);
        }
        let output = child.wait_with_output().map_err(failed)?;
        let said = String::from_utf8_lossy(&output.stderr);
        if status.code() == Some(NO_ROOM.into()) {
            let full = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL);
            let source = rusqlite::Error::SqliteFailure(full, Some(said.trim().to_owned()));
            return Err(StorageError::Full { database: None, source });
        }
        Err(StorageError::Copier(format!("{status}: {}", said.trim())))
    }
}

fn leave_log_mode(copy: &Path) -> Result<(), StorageError> {
    let connection = Connection::open_with_flags(copy, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "DELETE", |row| row.get(0))?;
    if mode != "delete" {
        return Err(StorageError::Value { what: "a journal mode", value: mode });
    }
    drop(connection);
    // SQLite says so too when the change could not be written and was rolled back. Both numbers are 2 in log mode.
    match stream::head(copy, 20)?.get(18..20) {
        Some([1, 1]) => Ok(()),
        _ => Err(StorageError::Copier("the copy could not be taken out of log mode".to_owned())),
    }
}

/// The generation of a settled copy of a store.
pub(super) fn generation(copy: &Path) -> Result<Generation, StorageError> {
    let connection = Connection::open_with_flags(copy, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    harden(&connection)?;
    ReadTransaction { connection: &connection }.generation()
}
