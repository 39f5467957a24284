//! Schemathesis for tests: it reads the description of an API and sends what the description allows, and what it forbids.
//!
//! It is fetched once for the whole build from the Python package index, see `schemathesis/install.py`.

#![expect(clippy::panic, reason = "only tests use it, and without it they fail")]

use std::{
    path::Path,
    process::{Command, Stdio},
};

use crate::model::build_folder;

/// The program; fetches it when it is not here.
///
/// # Panics
/// When it cannot be had; the message says why.
#[must_use]
pub fn program() -> Command {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/schemathesis/install.py");
    let output =
        Command::new("python3").arg(script).arg(build_folder().join("tmp")).stdin(Stdio::null()).output();
    match output {
        Ok(output) if output.status.success() => Command::new(String::from_utf8_lossy(&output.stdout).trim()),
        Ok(output) => {
            let why = String::from_utf8_lossy(&output.stderr);
            panic!("this test needs schemathesis, which could not be had: {why}")
        }
        Err(error) => panic!("this test needs schemathesis, and python3 to get it: {error}"),
    }
}
