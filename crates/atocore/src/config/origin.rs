//! Where a value came from.

use std::{fmt, path::PathBuf};

/// The place that decided a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingOrigin {
    /// A flag on the command line.
    Flag(&'static str),
    /// A variable of the environment.
    Variable(String),
    /// A settings file.
    File(PathBuf),
    /// It follows from the home folder.
    BelowHome,
    /// The home folder, because a settings file lies in it and it is trusted.
    FolderOfFile,
    /// The folder that the platform has for a user's data.
    Platform,
    /// Nobody set it.
    Default,
}

impl fmt::Display for SettingOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "flag {flag}"),
            Self::Variable(name) => write!(f, "environment {name}"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::BelowHome => f.write_str("default, below HOME"),
            Self::FolderOfFile => f.write_str("folder of the nearest trusted atocore.toml"),
            Self::Platform => f.write_str("default of the platform"),
            Self::Default => f.write_str("default"),
        }
    }
}
