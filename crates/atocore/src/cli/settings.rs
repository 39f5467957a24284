//! `config show`: every setting, its value, and where it came from. Secrets are not shown.

use clap::Subcommand;
use serde::Serialize;

use super::{console::Console, exit::Exit, typeset::Table};
use crate::{config::Config, operations::ApiError};

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommands {
    /// Prints each setting with its value and where it came from
    Show,
}

#[derive(Serialize)]
struct SettingList {
    home: String,
    /// The settings file that was read; null when there is none.
    file: Option<String>,
    /// Settings files that lie where the command was given and do not count: the folder is not trusted.
    ignored: Vec<String>,
    settings: Vec<ShownSetting>,
}

#[derive(Serialize)]
struct ShownSetting {
    name: String,
    /// Null when it is not set and has no default.
    value: Option<String>,
    origin: String,
}

impl ConfigCommands {
    pub(super) fn run(self, console: &Console<'_>) -> Result<Exit, ApiError> {
        let Self::Show = self;
        console.output.answer(&shown(console.config), |shown, output| {
            let mut table = Table::new(&["SETTING", "VALUE", "FROM"]);
            for ShownSetting { name, value, origin } in &shown.settings {
                table.row([name.clone(), value.as_deref().unwrap_or("-").to_owned(), origin.clone()]);
            }
            output.table(&table);
        });
        Ok(Exit::Done)
    }
}

fn shown(config: &Config) -> SettingList {
    let setting = |shown: &crate::config::SettingValue| ShownSetting {
        name: shown.key.variable(),
        value: shown.value.clone(),
        origin: shown.origin.to_string(),
    };
    SettingList {
        home: config.home.display().to_string(),
        file: config.file.as_ref().map(|file| file.display().to_string()),
        ignored: config.ignored.iter().map(|ignored| ignored.file().display().to_string()).collect(),
        settings: config.shown.iter().map(setting).collect(),
    }
}
