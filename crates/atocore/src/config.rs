//! What is set, and where from: flags over `ATOCORE_*` over `atocore.toml` over defaults.
//!
//! Raw [`Settings`] are gathered first and checked together, so that every fault is named at once. After that a
//! [`Config`] holds checked values only, and nothing else in the program reads the environment.

mod check;
mod env;
mod fault;
mod file;
mod key;
mod origin;
mod range;
mod settings;
mod token;
mod trust;

use std::{path::PathBuf, sync::Arc, time::Duration};

use atocore_engine::{Copier, EngineConfig, SettingsOrigin, embed::fetch::ModelHub};
use atocore_model::time::Clock;

pub use env::Environment;
pub use fault::{ConfigError, Fault};
pub use key::{Key, tables};
pub use origin::SettingOrigin;
pub use settings::{Flags, Settings};
pub use token::Token;
pub use trust::{Ignored, TrustError, Trusted};

/// Checked settings, each with the place it came from.
#[derive(Debug, Clone)]
pub struct Config {
    /// The folder that holds everything that is not put elsewhere.
    pub home: PathBuf,
    /// The settings file that was read; there need not be one.
    pub file: Option<PathBuf>,
    /// Settings files that lie where somebody stands and do not count, the nearest first.
    pub ignored: Vec<Ignored>,
    /// The system's folder for sockets of this user, where it has one.
    pub runtime_dir: Option<PathBuf>,
    /// What an engine is told: where everything lies, and every setting that is its own.
    pub engine: EngineConfig,
    /// The name or address that the server listens on.
    pub host: String,
    /// The port that the server listens on; 0 lets the system choose.
    pub port: u16,
    /// The file that holds what a caller over the network must show, when nothing else sets it.
    pub token_file: PathBuf,
    /// What a caller over the network must show.
    pub api_token: Option<Token>,
    /// The folder that models are fetched into.
    pub model_dir: PathBuf,
    /// Where models are downloaded from.
    pub model_hub: ModelHub,
    /// Who is told when that fails.
    pub webhook: Option<String>,
    /// How often a server looks through the files of projects where the system does not tell of changes; `None` when it
    /// follows no files.
    pub follow: Option<Duration>,
    /// The least level of log events that is shown, when it was set.
    pub log: Option<LogLevel>,
    /// How log events are written.
    pub log_format: LogFormat,
    /// Every setting in the order of the documentation, as it counts.
    pub shown: Vec<SettingValue>,
}

/// One setting as `config show` prints it. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingValue {
    /// Which one.
    pub key: Key,
    /// Its value as text; `None` when it is not set and has no default.
    pub value: Option<String>,
    /// Where it came from.
    pub origin: SettingOrigin,
}

impl Config {
    /// Gathers the settings from every place and checks them.
    ///
    /// # Errors
    /// When any setting is unknown or has a value it cannot have; the error lists all of them.
    pub fn load(flags: &Flags, environment: &Environment) -> Result<Self, ConfigError> {
        let settings = Settings::gather(flags, environment);
        check::checked(settings)
    }

    /// Whether the home is where it is because of where somebody stands.
    #[must_use]
    pub fn home_was_found(&self) -> bool {
        self.shown.iter().any(|shown| shown.key == Key::Home && shown.origin == SettingOrigin::FolderOfFile)
    }

    /// What an engine on these settings needs to know.
    #[must_use]
    pub fn engine_config(
        &self,
        copier: Copier,
        extract_program: Option<(PathBuf, Vec<String>)>,
        clock: Arc<dyn Clock>,
    ) -> EngineConfig {
        EngineConfig {
            copier,
            extract_program,
            clock,
            settings: self.settings_origin(),
            ..self.engine.clone()
        }
    }

    fn settings_origin(&self) -> SettingsOrigin {
        let secret_file = |shown: &SettingValue| match &shown.origin {
            SettingOrigin::File(file) if shown.key.is_secret() => Some(file.clone()),
            _ => None,
        };
        let mut secrets: Vec<PathBuf> = self.shown.iter().filter_map(secret_file).collect();
        secrets.sort();
        secrets.dedup();
        SettingsOrigin {
            found_home: self.home_was_found().then(|| self.home.clone()),
            ignored: self.ignored.iter().map(|ignored| (ignored.file(), ignored.folder.clone())).collect(),
            secrets,
        }
    }
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// What failed.
    Error,
    /// And what is not as it should be.
    Warn,
    /// And what was done.
    Info,
    /// And how.
    Debug,
    /// And every step.
    Trace,
}

/// How log events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One line for a person.
    Human,
    /// One JSON object per line.
    Json,
}

#[cfg(test)]
mod tests;
