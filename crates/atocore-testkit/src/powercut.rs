//! Simulated power cuts: what the disk can hold when the current goes at any moment of a piece of work.
//!
//! A program is run once under `strace`, which tells every call by which it, its children and the libraries in it
//! (SQLite too) change files. From the folder as it was before and these [`Step`]s, [`Disk`] knows after each step what
//! is safe and what is not, and makes the states in which a disk can be found, in the manner of ALICE (Pillai et al.,
//! "All File Systems Are Not Created Equal", OSDI 2014) and `CrashMonkey` (Mohan et al., "Finding Crash-Consistency Bugs
//! with Bounded Black-Box Crash Testing", OSDI 2018). It assumes of a file system what POSIX says and no more:
//!
//! - Bytes and size of a file are safe once that file was synced. Until then any of its pages can be there, missing, or
//!   zero, in any order, and its size can be that of any moment.
//! - A name is safe once its folder was synced: one that was made can be missing, and one that was removed be there,
//!   whatever became of the others.
//! - Renaming happens or does not, and never loses what was renamed. A file that went to another folder can be found under
//!   both names until the folder that it left is synced; a folder has one name.
//!
//! What was said on standard output is a step too: from there on the work counts as acknowledged.

mod disk;
mod trace;

use std::path::PathBuf;

pub use disk::{Disk, Image, Loss};
pub use trace::{Call, Fault, Recording, record, record_with};

/// One thing that was done to the files below a folder. Paths are relative to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A file was opened to write to it, and made when it was missing.
    Open {
        /// Which one.
        path: PathBuf,
        /// Whether it lost what it held.
        emptied: bool,
    },
    /// Bytes were written.
    Write {
        /// To which file.
        path: PathBuf,
        /// Where; `None` at its end.
        offset: Option<u64>,
        /// What.
        bytes: Vec<u8>,
    },
    /// Bytes went from one file to another without passing through the program.
    Copy {
        /// From which file.
        from: PathBuf,
        /// From where in it.
        from_offset: u64,
        /// To which file.
        to: PathBuf,
        /// To where in it.
        offset: u64,
        /// How many; all that there are when `None`.
        length: Option<u64>,
    },
    /// A file was cut off, or made longer.
    Resize {
        /// Which one.
        path: PathBuf,
        /// Its size now.
        size: u64,
    },
    /// A file or a folder was synced.
    Sync(PathBuf),
    /// A file or a folder got another name.
    Rename(PathBuf, PathBuf),
    /// A folder was made.
    MakeFolder(PathBuf),
    /// A file or an empty folder was removed.
    Remove(PathBuf),
    /// Something was printed on standard output.
    Said,
}
