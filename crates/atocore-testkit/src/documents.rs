//! A small document of every format that is read, some that cannot be, and mutants of all of them.

use std::{
    io,
    path::Path,
    process::{Command, Stdio},
};

/// Writes them into a folder that is there, by Python alone.
///
/// # Errors
/// When the script cannot be run or fails.
pub fn write(folder: &Path) -> io::Result<()> {
    write_long(folder, 0)
}

/// As [`write()`], with that many sentences more in each of those that are whole.
///
/// # Errors
/// As [`write()`].
pub fn write_long(folder: &Path, sentences: usize) -> io::Result<()> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/documents/write.py");
    let mut python = Command::new("python3");
    let status = python.arg(script).arg(folder).arg(sentences.to_string()).stdin(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("the documents: {status}"))) }
}
