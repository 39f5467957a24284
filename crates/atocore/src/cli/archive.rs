//! `backup export` and `import`: a snapshot as one file. Files of this machine, so they go to no server.

use std::path::{Path, PathBuf};

use atocore_engine::{Error, Identities, Recipients, SystemClock};
use atocore_model::{error::ErrorCode, time::Clock};
use clap::Args;
use serde::Serialize;

use super::{
    Terminal,
    exit::Exit,
    output::{Form, Output, Style},
    typeset::{count, size},
};
use crate::{
    config::Config,
    operations::{ApiError, stamp},
};

#[derive(Debug, Args)]
pub(super) struct Export {
    /// Its name, as `backup list` shows it, or `latest`
    stamp: String,
    /// The file to write, which does not exist yet: a tar archive, compressed with zstd
    #[arg(value_name = "FILE.tar.zst")]
    file: PathBuf,
    /// Encrypt it for the holder of this key of age; may be given more than once. Call the file FILE.tar.zst.age then
    #[arg(long = "recipient", short = 'r', value_name = "age1...")]
    recipients: Vec<String>,
    /// Encrypt it for everybody whose key is in a line of this file
    #[arg(long = "recipients-file", short = 'R', value_name = "FILE")]
    recipients_files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Import {
    /// A file that `backup export` wrote, encrypted or not
    #[arg(value_name = "FILE.tar.zst")]
    file: PathBuf,
    /// The file with the secret key that opens it, as `age-keygen` wrote it; may be given more than once
    #[arg(long = "identity", short = 'i', value_name = "FILE")]
    identities: Vec<PathBuf>,
}

/// An archive that was written, as JSON.
#[derive(Serialize)]
struct Exported {
    stamp: String,
    path: String,
    files: u64,
    total_bytes: u64,
    archive_bytes: u64,
    encrypted: bool,
}

/// A snapshot that was taken in, as JSON.
#[derive(Serialize)]
struct Imported {
    stamp: String,
    path: String,
    was_there: bool,
    encrypted: bool,
    proven_depth: String,
    files: u64,
    total_bytes: u64,
}

impl Export {
    pub(super) fn run(self, config: &Config, current_dir: &Path, output: &Output) -> Result<Exit, ApiError> {
        let stamp = stamp(&self.stamp, || atocore_engine::latest(&config.layout, SystemClock.now()))?;
        let to = current_dir.join(&self.file);
        let recipients = self.recipients(current_dir)?;
        self.insist_on_a_key_for_age()?;
        let monitor = Terminal::watch(output.form());
        let exported =
            atocore_engine::export(&config.layout, stamp, &to, &recipients, &SystemClock, &monitor)?;
        drop(monitor);
        if output.form() == Form::Json {
            output.json(&Exported {
                stamp: exported.stamp.to_string(),
                path: exported.path.to_string_lossy().into_owned(),
                files: exported.files,
                total_bytes: exported.bytes,
                archive_bytes: exported.archive_bytes,
                encrypted: exported.encrypted,
            });
            return Ok(Exit::Done);
        }
        let stamp = output.paint(Style::Bold, exported.stamp);
        output.line(format!("snapshot {stamp} exported to {}", exported.path.display()));
        let (files, bytes) = (count(exported.files, "file"), size(exported.bytes));
        let packed = if exported.encrypted { "packed and encrypted" } else { "packed, not encrypted" };
        output.line(format!(
            "  {files}, {bytes}, proven whole before; {} {packed}",
            size(exported.archive_bytes)
        ));
        Ok(Exit::Done)
    }

    /// A file that is called `.age` is believed to be encrypted by whoever finds it.
    fn insist_on_a_key_for_age(&self) -> Result<(), ApiError> {
        let called_age = self.file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("age"));
        if called_age && self.recipients.is_empty() && self.recipients_files.is_empty() {
            let message = "the name says that it is encrypted, and no key was given";
            return Err(ApiError::new(ErrorCode::InvalidRequest, message)
                .with_hint("add `--recipient age1…`, or choose a name without `.age`"));
        }
        Ok(())
    }

    fn recipients(&self, current_dir: &Path) -> Result<Recipients, Error> {
        let mut recipients = Recipients::default();
        for key in &self.recipients {
            recipients.add(key)?;
        }
        for file in &self.recipients_files {
            recipients.add_file(&current_dir.join(file))?;
        }
        Ok(recipients)
    }
}

impl Import {
    pub(super) fn run(self, config: &Config, current_dir: &Path, output: &Output) -> Result<Exit, ApiError> {
        let from = current_dir.join(&self.file);
        let mut identities = Identities::default();
        for file in &self.identities {
            identities.add_file(&current_dir.join(file)).map_err(Error::from)?;
        }
        let monitor = Terminal::watch(output.form());
        let imported = atocore_engine::import(&config.layout, &from, &identities, &SystemClock, &monitor)
            .map_err(|error| naming(&from, error.into()))?;
        drop(monitor);
        let (stamp, path) = (imported.stamp.to_string(), imported.path.display().to_string());
        tracing::info!(stamp, path, was_there = imported.was_there, "runtime_backup_imported");
        let checked = &imported.validation;
        let proven = checked.depth_reached.map(|depth| depth.to_string()).unwrap_or_default();
        let (files, total_bytes) = (checked.checked_files, checked.checked_bytes);
        if output.form() == Form::Json {
            output.json(&Imported {
                stamp,
                path,
                was_there: imported.was_there,
                encrypted: imported.encrypted,
                proven_depth: proven,
                files,
                total_bytes,
            });
            return Ok(Exit::Done);
        }
        let what = if imported.was_there { "was there already, the same" } else { "taken in" };
        output.line(format!("snapshot {} {what}: {path}", output.paint(Style::Bold, &stamp)));
        output.line(format!(
            "  {}, {}, compared with the record: proven to depth `{proven}`",
            count(files, "file"),
            size(total_bytes)
        ));
        output.advise(format!("\ngo back to it: `atocore backup restore {stamp}`"));
        Ok(Exit::Done)
    }
}

/// What is wrong with an archive, and with which.
fn naming(archive: &Path, mut error: ApiError) -> ApiError {
    if matches!(error.code, ErrorCode::ArchiveInvalid | ErrorCode::ArchiveEncrypted) {
        error.message = format!("`{}` was not taken in: {}", archive.display(), error.message);
    }
    error
}
