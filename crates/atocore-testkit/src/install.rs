//! What tests need and no crate has: fetched once for the whole build, by a script beside the code that uses it.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::model::build_folder;

/// Runs an `install.py`, named by its path below `src/`, and returns the path that it prints; else why it failed.
pub(crate) fn run(script: &str) -> Result<PathBuf, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(script);
    let folder = build_folder().join("tmp");
    let output = Command::new("python3").arg(script).arg(folder).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("python3: {error}"))?;
    if output.status.success() {
        return Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}
