//! Another process that holds SQLite's write lock until it is told to go: whatever has to write is certainly at work
//! while a test looks at it, cancels it or goes away.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Stdio},
};

/// So many documents that a refresh that waits for its first commit says where it stands before, and has not read all
/// of them when it is cancelled meanwhile.
pub(crate) const MANY: usize = 800;

/// How long a program has to wait for the lock: longer than any test.
pub(crate) const FOR_EVER_MS: u32 = 600_000;

/// Keeps every writer of the store out until it is told to go.
const HOLD: &str = "
import sqlite3, sys
db = sqlite3.connect('home/data/db/atocore.db', timeout=60, isolation_level=None)
db.execute('BEGIN IMMEDIATE')
print('held', flush=True)
sys.stdin.readline()
db.execute('ROLLBACK')
";

/// The process that holds the lock; a test that fails lets it go, too.
#[derive(Debug)]
pub(crate) struct WriteLock(Child);

impl WriteLock {
    /// Holds the write lock of the store in `home` below `folder`.
    pub(crate) fn hold(folder: &Path) -> Self {
        let (lock, said) = Self::hold_by(folder, HOLD);
        assert_eq!(said, "held\n");
        lock
    }

    /// Holds it by another Python program, and gives the first line that this prints.
    pub(crate) fn hold_by(folder: &Path, program: &str) -> (Self, String) {
        let mut holder = Command::new("python3");
        holder.args(["-c", program]).current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut holder = holder.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
        (Self(holder), line)
    }

    /// Lets it go.
    pub(crate) fn release(mut self) {
        self.0.stdin.take().unwrap().write_all(b"go\n").unwrap();
        assert!(self.0.wait().unwrap().success());
    }
}
