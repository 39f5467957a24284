//! `trust`: which folders may be the home of whoever stands in them.

use std::path::{Path, PathBuf};

use atocore_model::error::{ErrorCode, with_causes};
use clap::Args;
use serde::Serialize;

use super::{
    exit::Exit,
    output::{Form, Output},
    typeset::{plain, shell},
};
use crate::{
    config::{Config, Environment, TrustError, Trusted},
    operations::ApiError,
};

#[derive(Debug, Args)]
pub(super) struct Trust {
    /// A folder with an `atocore.toml`; without it, the current one
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
    /// List the folders that are trusted
    #[arg(long, conflicts_with_all = ["folder", "revoke"])]
    list: bool,
    /// Trust the folder no more
    #[arg(long)]
    revoke: bool,
}

/// What was done, as JSON.
#[derive(Serialize)]
struct TrustAnswer {
    /// Every folder that is trusted now.
    folders: Vec<String>,
}

impl Trust {
    pub(super) fn run(&self, environment: &Environment, output: &Output) -> Result<Exit, ApiError> {
        let trusted = Trusted::of(environment);
        let folder = environment.current_dir.join(self.folder.as_deref().unwrap_or(Path::new("")));
        let said = if self.list {
            None
        } else if self.revoke {
            let was_trusted = trusted.remove(&folder).map_err(failed)?;
            let state = if was_trusted { "is trusted no more" } else { "was not trusted" };
            Some(format!("`{}` {state}", plain(folder.to_string_lossy())))
        } else {
            let real = trusted.add(&folder).map_err(failed)?;
            let real = plain(real.to_string_lossy());
            Some(format!("`{real}` is trusted: in it and below it, it is the home"))
        };
        let folders = trusted.folders().map_err(failed)?;
        let folders = folders.iter().map(|folder| folder.to_string_lossy().into_owned());
        let answer = TrustAnswer { folders: folders.collect() };
        output.answer(&answer, |answer, output| match said {
            Some(said) => output.line(said),
            None => answer.folders.iter().for_each(|folder| output.line(plain(folder))),
        });
        Ok(Exit::Done)
    }
}

fn failed(error: TrustError) -> ApiError {
    let message = with_causes(&error);
    match error {
        TrustError::File(error) => {
            let refused = error.action == "trust";
            let code = if refused { ErrorCode::InvalidRequest } else { ErrorCode::Io };
            let failed = ApiError::new(code, message);
            let path = shell(&error.path.to_string_lossy());
            if refused {
                failed.with_hint(format!("own it, and let nobody else write to it: `chmod go-w {path}`"))
            } else {
                failed
            }
        }
        TrustError::NoSettings(_) => ApiError::new(ErrorCode::InvalidRequest, message)
            .with_hint("name the folder that the file lies in: `atocore trust DIR`"),
        TrustError::NotText(_) => ApiError::new(ErrorCode::InvalidRequest, message),
        TrustError::Unreadable(path) => ApiError::new(ErrorCode::Io, message).with_hint(format!(
            "delete it, `rm {}`, and trust the folders again",
            shell(&path.to_string_lossy())
        )),
        TrustError::NoRecord => ApiError::new(ErrorCode::InvalidSetting, message)
            .with_hint("name the home with `--data-dir` or ATOCORE_HOME"),
    }
}

/// Says where the home is when it was found by where somebody stands, and what lies there and does not count.
pub(super) fn say(config: &Config, output: &Output) {
    if output.form() == Form::Json {
        return;
    }
    notices(config).iter().for_each(|notice| output.remark(notice));
}

/// The same as sentences.
fn notices(config: &Config) -> Vec<String> {
    let found = config
        .home_was_found()
        .then(|| format!("home: {} (trusted; it has an atocore.toml)", plain(config.home.to_string_lossy())));
    let ignored = config.ignored.iter().map(|ignored| {
        let file = ignored.file();
        let file = plain(file.to_string_lossy());
        match &ignored.unsafe_because {
            Some(why) => format!("note: `{file}` is ignored although its folder is trusted: {}", plain(why)),
            None => {
                let folder = shell(&plain(ignored.folder.to_string_lossy()));
                format!("note: `{file}` is ignored; `atocore trust {folder}` makes it count")
            }
        }
    });
    ignored.chain(found).collect()
}
