//! `backup create`, `list`, `validate`, and the child process that copies the store.

use std::{ffi::OsString, path::Path, process::ExitCode};

use atocore_engine::{NO_ROOM, SnapshotProof, manifest::Manifest};
use atocore_model::{error::ErrorCode, monitor::Silent, snapshot::Depth};
use clap::{Args, Subcommand};
use serde_json::Value;

use super::{
    archive::{Export, Import},
    console::Console,
    exit::Exit,
    output::{self, Output, Style},
    prune::{Prune, print_pin},
    restore::{Restore, Undo},
    typeset::{Table, count, plain, second, size},
};
use crate::{
    operations::{
        ApiError, CreateBackup, DrillBackup, DrillResult, ListBackups, ListProjects, ListedSnapshot,
        PinBackup, SnapshotList, UnpinBackup, ValidateAllBackups, ValidateBackup, ValidationList,
        ValidationReport,
    },
    runner::Runner,
};

#[derive(Debug, Subcommand)]
pub(super) enum Backups {
    Create(CreateBackup),
    List(ListBackups),
    /// Checks how much of a snapshot can be proven
    Validate(Validate),
    Drill(DrillBackup),
    /// Restores a snapshot: says what would change, and does it with --yes
    Restore(Restore),
    /// Restores the state before the last restore: says what would change, and does it with --yes
    Undo(Undo),
    /// Writes a snapshot into one file that can be carried anywhere
    Export(Export),
    /// Takes a snapshot in from such a file, after checking every byte
    Import(Import),
    /// Removes the snapshots that no rule keeps: says which and why, and does it with --yes
    Prune(Prune),
    Pin(PinBackup),
    Unpin(UnpinBackup),
}

#[derive(Debug, Args)]
pub(super) struct Validate {
    /// Its name, as `backup list` shows it, or `latest`
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    stamp: Option<String>,
    /// Check every snapshot
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    validate: ValidateAllBackups,
}

impl Backups {
    pub(super) fn run(self, console: &Console<'_>) -> Result<Exit, ApiError> {
        match self {
            Self::Create(create) => self::create(create, console),
            Self::List(list) => console.run(list, print_list),
            Self::Validate(validate) => validate.run(console),
            Self::Drill(drill) => console
                .judge(drill, print_drill, |validation| validation.0.as_ref().map_or(Exit::Problems, exit)),
            Self::Restore(restore) => restore.run(console),
            Self::Undo(undo) => undo.run(console),
            Self::Export(export) => export.run(console),
            Self::Import(import) => import.run(console),
            Self::Prune(prune) => prune.run(console),
            Self::Pin(pin) => console.run(pin, print_pin),
            Self::Unpin(unpin) => console.run(unpin, print_pin),
        }
    }
}

impl Validate {
    fn run(self, console: &Console<'_>) -> Result<Exit, ApiError> {
        let Self { stamp, validate, .. } = self;
        match stamp {
            Some(stamp) => {
                let validate = ValidateBackup { stamp, depth: validate.depth };
                console.judge(validate, print_validation, exit)
            }
            None => console.judge(validate, print_validations, |found| {
                if found.0.iter().all(|validation| validation.valid) { Exit::Done } else { Exit::Problems }
            }),
        }
    }
}

/// What the hidden command does: copies one file to another and says nothing when it went well.
pub(super) fn copy_pages(arguments: &[OsString]) -> ExitCode {
    let [from, to] = arguments else {
        output::note("error: two files are expected");
        return Exit::Usage.into();
    };
    match atocore_engine::copy_pages(Path::new(from), Path::new(to)) {
        Ok(_bytes) => Exit::Done.into(),
        Err(error) => {
            let error = ApiError::from(atocore_engine::Error::from(error));
            output::note(&format!("error: {}", error.message));
            if error.code == ErrorCode::DiskFull { NO_ROOM.into() } else { Exit::Failed.into() }
        }
    }
}

fn create(create: CreateBackup, console: &Console<'_>) -> Result<Exit, ApiError> {
    let (config, output) = (console.config, console.output);
    let monitor = console.watch();
    let runner = Runner::for_operation(config, &create, &monitor)?;
    let with_chroma = create.include_chroma;
    let metadata = runner.run(create, &monitor)?;
    // The copy is what it is. That the file itself is broken must not wait until somebody needs it.
    let broken = runner.run(ListProjects {}, &Silent).err();
    let broken = broken.filter(|error| error.code == ErrorCode::RegistryInvalid);
    drop(monitor);
    output.answer(&metadata, |metadata, output| {
        print_taken(metadata, output);
        if with_chroma {
            output.line(format!("  chroma    {}", plain(&metadata.vector_store_note)));
        }
        let stamp = stamp_of(metadata);
        let record = metadata.atocore.as_ref();
        // Without a passage there is no question to ask, and without an index up to date none was asked.
        let passages = record.map(|record| record.counts.chunks);
        let unasked = record.is_some_and(|record| !record.notices.is_empty());
        let depth = if passages == Some(0) || unasked { "restore" } else { "answers" };
        output.advise(format!("\nto prove it: `atocore backup validate {stamp} --depth {depth}`"));
    });
    let Some(error) = broken else { return Ok(Exit::Done) };
    output.remark(format!("the registry was copied as it is, and it is broken: {}", error.message));
    Ok(Exit::Problems)
}

/// Sets what a snapshot holds for a person.
pub(crate) fn print_taken(metadata: &Manifest, output: &Output) {
    output.line(format!("snapshot {} taken", output.paint(Style::Bold, stamp_of(metadata))));
    let mut table = Table::bare();
    table.row(["  lies in".to_owned(), metadata.backup_root.clone()]);
    let mut database = vec![size(metadata.db_size_bytes)];
    let record = metadata.atocore.as_ref();
    let as_listed = record.and_then(|record| serde_json::to_value(record).ok());
    database.extend(recorded(as_listed.as_ref()));
    table.row(["  database".to_owned(), database.join(" · ")]);
    let documents = record.map(|record| record.counts.documents);
    let registry = match (metadata.registry_snapshot_path.is_empty(), documents) {
        (false, _) => "copied",
        (true, Some(1..)) => "there is none although there are documents; `atocore doctor` says what helps",
        (true, _) => "there is none yet",
    };
    table.row(["  registry".to_owned(), output.aimed(registry)]);
    table.row(["  vectors".to_owned(), vectors(as_listed.as_ref())]);
    for notice in record.into_iter().flat_map(|record| &record.notices) {
        table.row(["  answers".to_owned(), plain(notice)]);
    }
    output.table(&table);
}

/// The stamp of a snapshot that was just taken: the name of its folder.
pub(crate) fn stamp_of(metadata: &Manifest) -> String {
    let name = Path::new(&metadata.backup_root).file_name();
    name.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn print_list(list: &SnapshotList, output: &Output) {
    let entries = &list.0;
    if entries.is_empty() {
        return output.advise(NONE);
    }
    let mut table = Table::new(&["STAMP", "TAKEN", "SIZE", "PROVEN", "HOLDS", "NOTE"]);
    for entry in entries.iter().rev() {
        table.row(listed(entry));
    }
    output.table(&table);
    let (snapshots, bytes) =
        (count(entries.len() as u64, "snapshot"), entries.iter().filter_map(bytes).sum());
    output.line(output.paint(Style::Dim, format!("{snapshots}, {}", size(bytes))));
}

/// What there is to say without any.
const NONE: &str =
    "there is no snapshot; `atocore backup create` takes one, `atocore backup import ARCHIVE` brings one in";

/// What a snapshot takes on the disk, as far as it records that.
fn bytes(entry: &ListedSnapshot) -> Option<u64> {
    let metadata = entry.metadata.as_ref().and_then(Option::as_ref)?;
    let number = |key: &str| metadata.get(key).and_then(Value::as_u64);
    Some(number("db_size_bytes")? + number("chroma_snapshot_bytes").unwrap_or_default())
}

/// What people should know of a snapshot.
fn remarks(proof: Option<&SnapshotProof>) -> String {
    let Some(proof) = proof else { return String::new() };
    let pinned = match proof.pin_note.as_str() {
        _ if !proof.pinned => None,
        "" => Some("pinned".to_owned()),
        why => Some(format!("pinned: {}", plain(why))),
    };
    let undo = proof.undo_point.then(|| "undo point".to_owned());
    let note = Some(plain(&proof.note)).filter(|note| !note.is_empty());
    [undo, pinned, note].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

fn listed(entry: &ListedSnapshot) -> [String; 6] {
    let stamp = plain(&entry.stamp);
    let (proven, remarks) = (proven(entry.atocore.as_ref()), remarks(entry.atocore.as_ref()));
    let Some(metadata) = entry.metadata.as_ref().and_then(Option::as_ref) else {
        let why = if entry.has_metadata { "metadata cannot be read" } else { "no metadata" };
        return [stamp, "-".to_owned(), "-".to_owned(), proven, why.to_owned(), remarks];
    };
    let text = |key: &str| metadata.get(key).and_then(Value::as_str).unwrap_or("-");
    let bytes = bytes(entry).map_or_else(|| "-".to_owned(), size);
    let mut holds: Vec<_> = recorded(metadata.get("atocore"));
    if metadata.get("chroma_snapshot_included").and_then(Value::as_bool) == Some(true) {
        holds.push("chroma".to_owned());
    }
    [stamp, second(plain(text("created_at"))), bytes, proven, holds.join(" · "), remarks]
}

/// How deep a snapshot is proven, and whether its last validation found something.
fn proven(proof: Option<&SnapshotProof>) -> String {
    let Some(proof) = proof else { return "-".to_owned() };
    let depth = proof.proven_depth.map_or("no", Depth::as_str);
    match proof.verdicts.iter().find(|verdict| !verdict.valid) {
        Some(bad) => format!("{depth}, NOT {}", bad.depth),
        None if proof.ledger_problem.is_some() => format!("{depth}, ledger damaged"),
        None => depth.to_owned(),
    }
}

/// Where the vectors of a snapshot are.
fn vectors(record: Option<&Value>) -> String {
    match record.and_then(|record| record.pointer("/counts/vectors")).and_then(Value::as_u64) {
        Some(0) => "none were made yet".to_owned(),
        Some(vectors) => format!("{vectors}, in the database"),
        None => "not recorded".to_owned(),
    }
}

/// What our own record says about a snapshot; nothing for one of the original.
fn recorded(record: Option<&Value>) -> Vec<String> {
    let Some(record) = record else { return Vec::new() };
    let number = |pointer: &str| record.pointer(pointer).and_then(Value::as_u64);
    let documents = number("/counts/documents").map(|documents| count(documents, "document"));
    let chunks = number("/counts/chunks").map(|chunks| count(chunks, "passage"));
    let generation = number("/generation").map(|generation| format!("generation {generation}"));
    [documents, chunks, generation].into_iter().flatten().collect()
}

fn exit(validation: &ValidationReport) -> Exit {
    match (validation.exists, validation.valid) {
        (true, true) => Exit::Done,
        (true, false) => Exit::Problems,
        (false, _) => Exit::Failed,
    }
}

/// One line for each snapshot, and below it what is wrong.
fn print_validations(found: &ValidationList, output: &Output) {
    if found.0.is_empty() {
        output.advise(NONE);
    }
    found.0.iter().for_each(|validation| print_line(validation, output));
}

fn print_line(validation: &ValidationReport, output: &Output) {
    let (asked, reached) = (validation.atocore.depth_asked, validation.atocore.depth_reached);
    let verdict = if validation.valid {
        output.paint(Style::Green, format!("valid, proven to depth `{}`", reached.unwrap_or(asked)))
    } else {
        let reached = reached.map_or("none", Depth::as_str);
        output.paint(Style::Red, format!("NOT valid: asked for depth `{asked}`, reached `{reached}`"))
    };
    output.line(format!("{}  {verdict}", validation.stamp));
    for error in &validation.errors {
        output.line(format!("    {}", plain(error)));
    }
}

fn print_drill(drilled: &DrillResult, output: &Output) {
    match &drilled.0 {
        Some(validation) => print_validation(validation, output),
        None => output.advise(NONE),
    }
}

/// Sets the result of a validation for a person.
pub(crate) fn print_validation(validation: &ValidationReport, output: &Output) {
    let stamp = output.paint(Style::Bold, validation.stamp);
    let asked = validation.atocore.depth_asked;
    if !validation.exists {
        output.advise(format!("snapshot {stamp} does not exist; `atocore backup list` shows every stamp"));
        return;
    }
    let verdict = if validation.valid {
        let reached = validation.atocore.depth_reached.unwrap_or(asked);
        output.paint(Style::Green, format!("valid, proven to depth `{reached}`"))
    } else {
        let reached = validation.atocore.depth_reached.map_or("none", Depth::as_str);
        output.paint(Style::Red, format!("NOT valid: asked for depth `{asked}`, reached `{reached}`"))
    };
    output.line(format!("snapshot {stamp} is {verdict}"));
    let word = |ok: Option<bool>| match ok {
        Some(true) => "ok",
        Some(false) => "damaged",
        None => "not in this snapshot",
    };
    let mut table = Table::bare();
    table.row(["  database".to_owned(), word(Some(validation.db_ok)).to_owned()]);
    table.row(["  registry".to_owned(), word(validation.registry_ok).to_owned()]);
    let record = validation.metadata.as_ref().and_then(|metadata| metadata.get("atocore"));
    table.row(["  vectors".to_owned(), vectors(record)]);
    if validation.chroma_ok.is_some() || record.is_none() {
        table.row(["  chroma".to_owned(), word(validation.chroma_ok).to_owned()]);
    }
    if let Some(why) = &validation.atocore.unasked {
        table.row(["  answers".to_owned(), format!("not asked for: {}", plain(why))]);
    }
    if validation.atocore.checked_files > 0 {
        let files = count(validation.atocore.checked_files, "file");
        let bytes = size(validation.atocore.checked_bytes);
        table.row(["  compared".to_owned(), format!("{files}, {bytes}, byte for byte with the record")]);
    }
    for error in &validation.errors {
        table.row(["  wrong".to_owned(), plain(error)]);
    }
    if let Some(why) = &validation.atocore.unrecorded {
        table.row(["  not written down".to_owned(), plain(why)]);
    }
    output.table(&table);
    if !validation.valid {
        output.advise("\nrestore from another: `atocore backup list` shows every snapshot");
    }
}
