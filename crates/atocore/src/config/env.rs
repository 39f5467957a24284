//! The only file that reads the environment of the process.

use std::{ffi::OsString, path::PathBuf};

use super::Key;

/// What the environment says, as far as it concerns AtoCore.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// Every variable whose name begins with the prefix, sorted by name; the name is given in full.
    pub variables: Vec<(String, OsString)>,
    /// The folder that the platform has for a user's data.
    pub user_data_dir: Option<PathBuf>,
    /// The folder that relative paths start from.
    pub current_dir: PathBuf,
    /// Whether colour is unwanted everywhere.
    pub no_color: bool,
}

impl Environment {
    /// Reads the environment of this process.
    #[must_use]
    pub fn read() -> Self {
        let mut variables: Vec<_> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .filter(|(name, _)| name.starts_with(Key::PREFIX))
            .collect();
        variables.sort();
        Self {
            variables,
            user_data_dir: user_data_dir(),
            current_dir: std::env::current_dir().unwrap_or_default(),
            no_color: set("NO_COLOR").is_some() || set("TERM").is_some_and(|term| term == "dumb"),
        }
    }
}

/// The value of a variable that is there and not empty.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
fn set(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

fn user_data_dir() -> Option<PathBuf> {
    let home = set("HOME").map(PathBuf::from).filter(|home| home.is_absolute());
    if cfg!(target_os = "macos") {
        return Some(home?.join("Library").join("Application Support").join("atocore"));
    }
    // A relative XDG_DATA_HOME is to be ignored, says its specification.
    let xdg = set("XDG_DATA_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
    let base = xdg.or_else(|| Some(home?.join(".local").join("share")))?;
    Some(base.join("atocore"))
}
