//! The only file that reads the environment of the process.

use std::{ffi::OsString, path::PathBuf};

use super::Key;

/// The variable that names a mirror of the Hugging Face hub.
pub(super) const HUB_ENDPOINT: &str = "HF_ENDPOINT";

/// What the environment says, as far as it concerns AtoCore.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// Every variable whose name begins with the prefix, sorted by name; the name is given in full.
    pub variables: Vec<(String, OsString)>,
    /// The folder that the platform has for a user's data.
    pub user_data_dir: Option<PathBuf>,
    /// The folder that the platform has for what a user can get again.
    pub user_cache_dir: Option<PathBuf>,
    /// Where the Hugging Face hub keeps the models that this user has downloaded with other programs.
    pub hub_cache_dir: Option<PathBuf>,
    /// The mirror of that hub which the user's other programs use.
    pub hub_endpoint: Option<String>,
    /// The folder that the system has for what lasts as long as the user is logged in, such as sockets.
    pub runtime_dir: Option<PathBuf>,
    /// The folders in which programs are looked for; a relative one would depend on where somebody stands.
    pub program_dirs: Vec<PathBuf>,
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
            user_cache_dir: user_cache_dir(),
            hub_cache_dir: hub_cache_dir(),
            hub_endpoint: set(HUB_ENDPOINT).map(|value| value.to_string_lossy().into_owned()),
            runtime_dir: folder("XDG_RUNTIME_DIR"),
            program_dirs: program_dirs(),
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

/// The folder that a variable names; a relative one is to be ignored, says the specification of the XDG folders.
fn folder(name: &str) -> Option<PathBuf> {
    set(name).map(PathBuf::from).filter(|folder| folder.is_absolute())
}

fn program_dirs() -> Vec<PathBuf> {
    let path = set("PATH").unwrap_or_default();
    std::env::split_paths(&path).filter(|folder| folder.is_absolute()).collect()
}

fn user_data_dir() -> Option<PathBuf> {
    if cfg!(target_os = "macos") {
        return Some(folder("HOME")?.join("Library").join("Application Support").join("atocore"));
    }
    let base = folder("XDG_DATA_HOME").or_else(|| Some(folder("HOME")?.join(".local").join("share")))?;
    Some(base.join("atocore"))
}

fn user_cache_dir() -> Option<PathBuf> {
    if cfg!(target_os = "macos") {
        return Some(folder("HOME")?.join("Library").join("Caches").join("atocore"));
    }
    Some(xdg_cache()?.join("atocore"))
}

fn xdg_cache() -> Option<PathBuf> {
    folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")))
}

/// In the order in which the hub's own programs look.
fn hub_cache_dir() -> Option<PathBuf> {
    let in_home = || Some(folder("HF_HOME").or_else(|| Some(xdg_cache()?.join("huggingface")))?.join("hub"));
    folder("HF_HUB_CACHE").or_else(in_home)
}
