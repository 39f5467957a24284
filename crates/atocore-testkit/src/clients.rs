//! The official clients of the Model Context Protocol for tests: the SDKs of Python and TypeScript, and the Inspector.
//!
//! They are fetched once for the whole build from the package indexes, see `clients/install.py`.

#![expect(clippy::panic, reason = "only tests use it, and without the clients they fail")]

use std::{path::PathBuf, process::Command, sync::OnceLock};

use crate::install;

/// Where the clients are.
#[derive(Debug)]
pub struct Clients {
    home: PathBuf,
}

impl Clients {
    /// A Python that has the SDK.
    #[must_use]
    pub fn python(&self) -> Command {
        Command::new(self.home.join("bin/python"))
    }

    /// A Node that finds the SDK and the Inspector, started where they are.
    #[must_use]
    pub fn node(&self) -> Command {
        let mut command = Command::new(self.home.join("node"));
        command.current_dir(&self.home);
        command
    }

    /// The command line of the Inspector.
    #[must_use]
    pub fn inspector(&self) -> Command {
        let mut command = self.node();
        let program = "node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js";
        command.args([program, "--cli"]);
        command
    }
}

/// The clients; fetches them when they are not here.
///
/// # Panics
/// When they cannot be had; the message says why.
#[must_use]
pub fn clients() -> &'static Clients {
    static CLIENTS: OnceLock<Result<Clients, String>> = OnceLock::new();
    match CLIENTS.get_or_init(|| install::run("clients/install.py").map(|home| Clients { home })) {
        Ok(clients) => clients,
        Err(why) => panic!("this test needs the official MCP clients, which could not be had: {why}"),
    }
}
