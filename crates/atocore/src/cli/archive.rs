//! `backup export` and `import`: a snapshot as one file. Files of this machine, so they go to no server.

use std::{
    io::{self, IsTerminal},
    path::PathBuf,
};

use atocore_engine::{SystemClock, files};
use atocore_model::{error::ErrorCode, time::Clock};
use clap::Args;
use serde::Serialize;

use super::{
    console::Console,
    exit::Exit,
    output::{Output, Style},
    typeset::{count, size},
};
use crate::operations::{ApiError, stamp};

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
struct ImportedArchive {
    stamp: String,
    path: String,
    was_there: bool,
    proven_depth: String,
    files: u64,
    total_bytes: u64,
}

impl Export {
    pub(super) fn run(self, console: &Console<'_>) -> Result<Exit, ApiError> {
        let layout = &console.config.engine.layout;
        let stamp = stamp(&self.stamp, || atocore_engine::latest(layout, SystemClock.now()))?;
        if self.file.as_os_str() == PIPE {
            return into_pipe(stamp, console);
        }
        self.refuse_a_name_of_age()?;
        let to = console.path(&self.file);
        let monitor = console.watch();
        let exported = atocore_engine::export(layout, stamp, &to, &SystemClock, &monitor)?;
        drop(monitor);
        let json = Exported {
            stamp: exported.stamp.to_string(),
            path: to.to_string_lossy().into_owned(),
            files: exported.files,
            total_bytes: exported.bytes,
            archive_bytes: exported.archive_bytes,
        };
        console.output.answer(&json, |_, output| {
            let stamp = output.paint(Style::Bold, exported.stamp);
            output.line(format!("snapshot {stamp} exported to {}", to.display()));
            output.line(format!("  {}, not encrypted", packed(&exported)));
        });
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
fn into_pipe(stamp: atocore_model::id::SnapshotId, console: &Console<'_>) -> Result<Exit, ApiError> {
    let stdout = io::stdout();
    if stdout.is_terminal() {
        let message = "an archive is not written to a terminal";
        return Err(ApiError::new(ErrorCode::InvalidRequest, message).with_hint(
            "name a file, or give it to another program: `… export STAMP - | age -r age1… -o FILE`",
        ));
    }
    if files::was_closed(&stdout) {
        let message = "standard output is closed: the archive would go nowhere";
        return Err(ApiError::new(ErrorCode::InvalidRequest, message)
            .with_hint("name a file, or a program that takes it: `… export STAMP - | PROGRAM`"));
    }
    let monitor = console.watch();
    let layout = &console.config.engine.layout;
    let exported = atocore_engine::export_to(layout, stamp, stdout.lock(), &SystemClock, &monitor)?;
    drop(monitor);
    console.output.remark(format!("snapshot {stamp} exported: {}", packed(&exported)));
    Ok(Exit::Done)
}

fn packed(exported: &atocore_engine::ExportedArchive) -> String {
    let (files, bytes) = (count(exported.files, "file"), size(exported.bytes));
    format!("{files}, {bytes}, verified before; {} packed", size(exported.archive_bytes))
}

impl Import {
    pub(super) fn run(self, console: &Console<'_>) -> Result<Exit, ApiError> {
        let (layout, monitor) = (&console.config.engine.layout, console.watch());
        let (name, imported) = if self.file.as_os_str() == PIPE {
            let imported = atocore_engine::import(layout, io::stdin().lock(), &SystemClock, &monitor);
            ("standard input".to_owned(), imported)
        } else {
            let path = console.path(&self.file);
            let archive = atocore_engine::open_archive(&path)?;
            let imported = atocore_engine::import(layout, archive, &SystemClock, &monitor);
            (format!("`{}`", path.display()), imported)
        };
        let imported = imported.map_err(|error| naming(&name, error.into()))?;
        drop(monitor);
        let checked = &imported.validation;
        let imported = ImportedArchive {
            stamp: imported.stamp.to_string(),
            path: imported.path.display().to_string(),
            was_there: imported.was_there,
            proven_depth: checked.depth_reached.map(|depth| depth.to_string()).unwrap_or_default(),
            files: checked.checked_files,
            total_bytes: checked.checked_bytes,
        };
        let ImportedArchive { stamp, path, was_there, .. } = &imported;
        tracing::info!(stamp, path, was_there, "runtime_backup_imported");
        console.output.answer(&imported, ImportedArchive::print);
        Ok(Exit::Done)
    }
}

impl ImportedArchive {
    fn print(&self, output: &Output) {
        let Self { stamp, path, proven_depth, .. } = self;
        let what = if self.was_there { "was there already, the same" } else { "imported" };
        output.line(format!("snapshot {} {what}: {path}", output.paint(Style::Bold, stamp)));
        let (files, bytes) = (count(self.files, "file"), size(self.total_bytes));
        output
            .line(format!("  {files}, {bytes}, compared with the record: proven to depth `{proven_depth}`"));
        output.advise(format!("\nrestore it: `atocore backup restore {stamp}`"));
    }
}

/// What is wrong with an archive, and with which.
fn naming(archive: &str, mut error: ApiError) -> ApiError {
    if matches!(error.code, ErrorCode::ArchiveInvalid | ErrorCode::ArchiveEncrypted) {
        error.message = format!("{archive} was not imported: {}", error.message);
    }
    error
}
