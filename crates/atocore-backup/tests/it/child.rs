//! A test that needs another process starts its own program again, for the same test, with a folder to work in.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// Tells the child process that it is one, and where to work.
const FOLDER: &str = "ATOCORE_TEST_ROOT";

/// Where the child process works; `None` in the test itself.
pub(crate) fn folder() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "how a test tells its child process where to work")]
    std::env::var_os(FOLDER).map(PathBuf::from)
}

/// The child process of a test.
pub(crate) fn of(test: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let _command = command.args(["--exact", test, "--nocapture"]).env(FOLDER, folder);
    command
}
