//! What is wrong with the settings: all of it at once, each with its name, value, range and origin.

use std::{fmt, path::PathBuf};

use super::{Key, SettingOrigin};

/// One thing that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// A setting has a value it cannot have.
    Value {
        /// Which one.
        key: Key,
        /// Its value as it was given; a secret is not repeated.
        value: String,
        /// What is allowed.
        allowed: String,
        /// Who gave it.
        origin: SettingOrigin,
    },
    /// No setting has that name.
    Unknown {
        /// The name as it was given.
        name: String,
        /// The known name that is most like it.
        nearest: Option<String>,
        /// Who gave it.
        origin: SettingOrigin,
    },
    /// The settings file cannot be used as a whole.
    File {
        /// Which one.
        origin: SettingOrigin,
        /// Why not.
        why: String,
        /// What helps, where that is known.
        hint: Option<String>,
    },
    /// A setting stands in a file that was found by where somebody stands, and may not.
    NeedsNamedHome {
        /// Which one.
        key: Key,
        /// The file.
        file: PathBuf,
    },
    /// There is no place to keep anything.
    NoHome,
}

impl Fault {
    /// A setting has a value that it cannot have. The value is repeated where it can hold no secret: not of a setting
    /// that is one, and not of an address with more in it than a place.
    pub(super) fn value(key: Key, value: &str, allowed: impl Into<String>, origin: SettingOrigin) -> Self {
        let value = if key.is_secret() {
            String::new()
        } else if matches!(key, Key::ChromaUrl | Key::ModelHubUrl) && value.contains(['@', '?', '#', '%']) {
            "(not shown)".to_owned()
        } else {
            value.to_owned()
        };
        Self::Value { key, value, allowed: allowed.into(), origin }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value { key, value, allowed, origin } if key.is_secret() => {
                debug_assert!(value.is_empty(), "a secret is not repeated");
                write!(f, "`{key}` cannot be used, allowed is {allowed} (from {origin})")
            }
            Self::Value { key, value, allowed, origin } => {
                write!(f, "`{key}` is `{value}`, allowed is {allowed} (from {origin})")
            }
            Self::Unknown { name, nearest: Some(nearest), origin } => {
                write!(f, "`{name}` is not a setting; did you mean `{nearest}`? (from {origin})")
            }
            Self::Unknown { name, nearest: None, origin } => {
                write!(f, "`{name}` is not a setting (from {origin})")
            }
            Self::File { origin, why, .. } => write!(f, "the settings cannot be read: {why} (from {origin})"),
            Self::NeedsNamedHome { key, file } => write!(
                f,
                "`{key}` may not be set in `{}`, which was found from the current folder upward: set {}, or name the home with `--data-dir`",
                file.display(),
                key.variable()
            ),
            Self::NoHome => {
                f.write_str("this user has no folder for data: name one with `--data-dir` or `ATOCORE_HOME`")
            }
        }
    }
}

/// Settings that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// Everything that is wrong; never empty.
    pub faults: Vec<Fault>,
}

impl ConfigError {
    /// What helps.
    #[must_use]
    pub fn hint(&self) -> String {
        let own = self.faults.iter().find_map(|fault| match fault {
            Fault::File { hint, .. } => hint.clone(),
            _ => None,
        });
        own.unwrap_or_else(|| {
            "docs/configuration.md lists every setting; `atocore config show` prints them when all are right"
                .into()
        })
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [fault] = self.faults.as_slice() {
            return write!(f, "{fault}");
        }
        write!(f, "{} settings cannot be used", self.faults.len())?;
        self.faults.iter().try_for_each(|fault| write!(f, "\n  - {fault}"))
    }
}

impl std::error::Error for ConfigError {}
