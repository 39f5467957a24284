//! `backup export` and `import`: a snapshot as one file. Files of this machine, so they go to no server.

use std::{
    io::{self, IsTerminal},
    path::{Path, PathBuf},
};

use atocore_engine::SystemClock;
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

/// Stands for standard output or standard input.
const PIPE: &str = "-";

#[derive(Debug, Args)]
pub(super) struct Export {
    /// Its name, as `backup list` shows it, or `latest`
    stamp: String,
    /// The file to write, which does not exist yet: a tar archive, compressed with zstd. `-` writes to standard output, for
    /// example to encrypt it: `atocore backup export latest - | age -r age1... -o FILE`
    #[arg(value_name = "FILE.tar.zst")]
    file: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct Import {
    /// A file that `backup export` wrote; `-` reads standard input, for example to decrypt it:
    /// `age -d -i KEY FILE | atocore backup import -`
    #[arg(value_name = "FILE.tar.zst")]
    file: PathBuf,
}

/// An archive that was written, as JSON.
#[derive(Serialize)]
struct Exported {
    stamp: String,
    path: String,
    files: u64,
    total_bytes: u64,
    archive_bytes: u64,
}

/// A snapshot that was imported, as JSON.
#[derive(Serialize)]
struct Imported {
    stamp: String,
    path: String,
    was_there: bool,
    proven_depth: String,
    files: u64,
    total_bytes: u64,
}

impl Export {
    pub(super) fn run(self, config: &Config, current_dir: &Path, output: &Output) -> Result<Exit, ApiError> {
        let stamp = stamp(&self.stamp, || atocore_engine::latest(&config.layout, SystemClock.now()))?;
        if self.file.as_os_str() == PIPE {
            return into_pipe(config, stamp, output);
        }
        self.refuse_a_name_of_age()?;
        let to = current_dir.join(&self.file);
        let monitor = Terminal::watch(output.form());
        let exported = atocore_engine::export(&config.layout, stamp, &to, &SystemClock, &monitor)?;
        drop(monitor);
        if output.form() == Form::Json {
            output.json(&Exported {
                stamp: exported.stamp.to_string(),
                path: to.to_string_lossy().into_owned(),
                files: exported.files,
                total_bytes: exported.bytes,
                archive_bytes: exported.archive_bytes,
            });
            return Ok(Exit::Done);
        }
        let stamp = output.paint(Style::Bold, exported.stamp);
        output.line(format!("snapshot {stamp} exported to {}", to.display()));
        output.line(format!("  {}, not encrypted", packed(&exported)));
        Ok(Exit::Done)
    }

    /// A file that is called `.age` is believed to be encrypted by whoever finds it.
    fn refuse_a_name_of_age(&self) -> Result<(), ApiError> {
        if self.file.extension().is_none_or(|ending| !ending.eq_ignore_ascii_case("age")) {
            return Ok(());
        }
        let message = "the name says that it is encrypted, and an archive is not";
        Err(ApiError::new(ErrorCode::InvalidRequest, message)
            .with_hint("encrypt it on the way: `atocore backup export STAMP - | age -r age1… -o FILE`"))
    }
}

/// Writes an archive to standard output; what there is to say goes to standard error.
fn into_pipe(
    config: &Config,
    stamp: atocore_model::id::SnapshotId,
    output: &Output,
) -> Result<Exit, ApiError> {
    let stdout = io::stdout();
    if stdout.is_terminal() {
        let message = "an archive is not written to a terminal";
        return Err(ApiError::new(ErrorCode::InvalidRequest, message).with_hint(
            "name a file, or give it to another program: `… export STAMP - | age -r age1… -o FILE`",
        ));
    }
    let monitor = Terminal::watch(output.form());
    let exported = atocore_engine::export_to(&config.layout, stamp, stdout.lock(), &SystemClock, &monitor)?;
    drop(monitor);
    output.remark(format!("snapshot {stamp} exported: {}", packed(&exported)));
    Ok(Exit::Done)
}

fn packed(exported: &atocore_engine::ExportedArchive) -> String {
    let (files, bytes) = (count(exported.files, "file"), size(exported.bytes));
    format!("{files}, {bytes}, verified before; {} packed", size(exported.archive_bytes))
}

impl Import {
    pub(super) fn run(self, config: &Config, current_dir: &Path, output: &Output) -> Result<Exit, ApiError> {
        let monitor = Terminal::watch(output.form());
        let imported = if self.file.as_os_str() == PIPE {
            atocore_engine::import(&config.layout, io::stdin().lock(), &SystemClock, &monitor)
        } else {
            let file = atocore_engine::open_archive(&current_dir.join(&self.file))?;
            atocore_engine::import(&config.layout, file, &SystemClock, &monitor)
        };
        let imported = imported.map_err(|error| naming(&current_dir.join(&self.file), error.into()))?;
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
                proven_depth: proven,
                files,
                total_bytes,
            });
            return Ok(Exit::Done);
        }
        let what = if imported.was_there { "was there already, the same" } else { "imported" };
        output.line(format!("snapshot {} {what}: {path}", output.paint(Style::Bold, &stamp)));
        output.line(format!(
            "  {}, {}, compared with the record: proven to depth `{proven}`",
            count(files, "file"),
            size(total_bytes)
        ));
        output.advise(format!("\nrestore it: `atocore backup restore {stamp}`"));
        Ok(Exit::Done)
    }
}

/// What is wrong with an archive, and with which.
fn naming(archive: &Path, mut error: ApiError) -> ApiError {
    if matches!(error.code, ErrorCode::ArchiveInvalid | ErrorCode::ArchiveEncrypted) {
        error.message = format!("`{}` was not imported: {}", archive.display(), error.message);
    }
    error
}
