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
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/documents/write.py");
    let status = Command::new("python3").arg(script).arg(folder).stdin(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("the documents: {status}"))) }
}
