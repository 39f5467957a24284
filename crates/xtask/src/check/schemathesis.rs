//! The step that has schemathesis fetched, which sends the server whatever the description of its API allows: once, into the
//! folder of the build.
//!
//! A machine that cannot have it is told so here, in one message, instead of by the test that needs it.

use super::model::target_directory;
use crate::failure::Failure;
use crate::process::{output_of, program};

/// Does it, for the test as well; names the version, in the only place where it stands.
const INSTALL: &str = "crates/atocore-testkit/src/schemathesis/install.py";

/// Sees to it that it is there and can be started.
///
/// # Errors
/// It is not there and cannot be fetched.
pub(super) fn run() -> Result<String, Failure> {
    let folder = target_directory()?.join("tmp");
    let mut install = program("python3", &[INSTALL]);
    let told = output_of(install.arg(&folder)).map_err(|failure| {
        Failure::failed(format!("the tests need schemathesis, which is not here: {}", failure.message))
            .with_hint(format!(
                "pip must reach a package index that has `schemathesis`; without one, copy {}/schemathesis-* from another \
                 machine",
                folder.display()
            ))
    })?;
    if told.trim().is_empty() {
        return Err(Failure::failed(format!("{INSTALL} does not say where the program is")));
    }
    Ok("schemathesis is here".to_owned())
}
