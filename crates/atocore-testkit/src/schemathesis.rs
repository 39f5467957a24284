//! Schemathesis for tests: it reads the description of an API and sends what the description allows, and what it forbids.
//!
//! It is fetched once for the whole build from the Python package index, see `schemathesis/install.py`.

#![expect(clippy::panic, reason = "only tests use it, and without it they fail")]

use std::process::Command;

use crate::install;

/// The program; fetches it when it is not here.
///
/// # Panics
/// When it cannot be had; the message says why.
#[must_use]
pub fn program() -> Command {
    match install::run("schemathesis/install.py") {
        Ok(program) => Command::new(program),
        Err(why) => panic!("this test needs schemathesis, which could not be had: {why}"),
    }
}
