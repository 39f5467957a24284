//! The step that has the Chroma server fetched which the tests start: once, into the folder of the build.
//!
//! A machine that cannot have it is told so here, in one message, instead of by every test that needs it.

use std::path::Path;

use super::model::target_directory;
use crate::failure::Failure;
use crate::process::{output_of, program};

/// Does it, for the tests as well; names the version, in the only place where it stands.
const INSTALL: &str = "crates/atocore-testkit/src/chroma/install.py";

/// Sees to it that the server is there and can be started.
///
/// # Errors
/// It is not there and cannot be fetched.
pub(super) fn run() -> Result<String, Failure> {
    let folder = target_directory()?.join("tmp");
    let mut install = program("python3", &[INSTALL]);
    let told = output_of(install.arg(&folder)).map_err(|failure| {
        Failure::failed(format!("the tests need a Chroma server, which is not here: {}", failure.message))
            .with_hint(format!(
                "pip must reach a package index that has `chromadb`, and Python its module venv (on Debian the package \
                 python3-venv); without them, copy {}/chroma-* from another machine",
                folder.display()
            ))
    })?;
    let version = version(told.trim());
    Ok(format!("the server of {version} is here"))
}

/// The folder above the program is named after the version.
fn version(program: &str) -> String {
    let folder = Path::new(program).parent().and_then(Path::file_name);
    folder.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_off_the_folder() {
        assert_eq!(version("/t/tmp/chroma-1.2.3/server"), "chroma-1.2.3");
    }
}
