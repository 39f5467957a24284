//! `backup create`, `list`, `validate`, and the child process that copies the store.

use std::{ffi::OsString, path::Path, process::ExitCode};

use atocore_engine::NO_ROOM;

use atocore_model::{
    error::ErrorCode,
    monitor::{Monitor, Silent},
    snapshot::Depth,
};
use clap::Subcommand;
use serde_json::Value;

use super::{
    Terminal,
    archive::{Export, Import},
    exit::Exit,
    output::{self, Form, Output, Style},
    prune::{Pin, Prune, Unpin},
    restore::{Restore, Undo},
    typeset::{Table, count, plain, second, size},
};
use crate::{
    config::{Config, Environment},
    operations::{
        ApiError, CreateBackup, DrillBackup, ListBackups, ListProjects, ValidateAllBackups, ValidateBackup,
        check_stamp, checked_depth,
    },
    session::Session,
    wire::{SnapshotEntry, SnapshotMetadata, SnapshotProof, Validation},
};

#[derive(Debug, Subcommand)]
pub(super) enum Backups {
    /// Takes a snapshot of the store and the registry
    Create {
        /// Copy the directory of the vector store too
        #[arg(long)]
        include_chroma: bool,
        /// What it is taken for, for whoever looks at the list later
        #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
        note: String,
    },
    /// Lists every snapshot, the newest first
    List,
    /// Checks how much of a snapshot can be proven
    Validate {
        /// Its name, as `backup list` shows it, or `latest`
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        stamp: Option<String>,
        /// Check every snapshot
        #[arg(long)]
        all: bool,
        /// How closely to look: structure, digests, content, restore or answers
        #[arg(long, value_name = "D")]
        depth: Option<String>,
    },
    /// Restores the newest snapshot into scratch and proves that it answers as it did
    Drill,
    /// Goes back to a snapshot: says what would change, and does it with --yes
    Restore(Restore),
    /// Goes back to the state before the last restore: says what would change, and does it with --yes
    Undo(Undo),
    /// Writes a snapshot into one file that can be carried anywhere
    Export(Export),
    /// Takes a snapshot in from such a file, after checking every byte
    Import(Import),
    /// Removes the snapshots that no rule keeps: says which and why, and does it with --yes
    Prune(Prune),
    /// Pins a snapshot: it is never removed
    Pin(Pin),
    /// Removes the pin of a snapshot
    Unpin(Unpin),
}

impl Backups {
    pub(super) fn run(
        self,
        config: &Config,
        environment: &Environment,
        output: &Output,
    ) -> Result<Exit, ApiError> {
        match self {
            Self::Create { include_chroma, note } => {
                create(CreateBackup { include_chroma, note }, config, output)
            }
            Self::List => list(config, output),
            Self::Validate { stamp: Some(stamp), depth, .. } => {
                validate(ValidateBackup { stamp, depth }, config, output)
            }
            Self::Validate { stamp: None, depth, .. } => validate_all(depth, config, output),
            Self::Drill => drill(config, output),
            Self::Restore(restore) => restore.run(config, &environment.current_dir, output),
            Self::Undo(undo) => undo.run(config, output),
            Self::Export(export) => export.run(config, &environment.current_dir, output),
            Self::Import(import) => import.run(config, &environment.current_dir, output),
            Self::Prune(prune) => prune.run(config, output),
            Self::Pin(pin) => pin.run(config, output),
            Self::Unpin(unpin) => unpin.run(config, output),
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

fn create(operation: CreateBackup, config: &Config, output: &Output) -> Result<Exit, ApiError> {
    let monitor = Terminal::watch(output.form());
    let session = Session::writing(config, "backup create", &monitor)?;
    let with_chroma = operation.include_chroma;
    let metadata = session.run(operation, &monitor)?;
    // The copy is what it is. That the file itself is broken must not wait until somebody needs it.
    let broken = session.run(ListProjects {}, &Silent).err();
    let broken = broken.filter(|error| error.code == ErrorCode::RegistryInvalid);
    drop(monitor);
    let exit = if broken.is_some() { Exit::Problems } else { Exit::Done };
    if output.form() == Form::Json {
        output.json(&metadata);
    } else {
        print_taken(&metadata, output);
        if with_chroma {
            output.line(format!("  chroma    {}", plain(&metadata.vector_store_note)));
        }
        let stamp = stamp_of(&metadata);
        let record = metadata.atocore.as_ref();
        // Without a passage there is no question to ask, and without an index up to date none was asked.
        let passages = record.and_then(|record| record["counts"]["chunks"].as_u64());
        let unasked = record.is_some_and(|record| record["notices"].is_array());
        let depth = if passages == Some(0) || unasked { "restore" } else { "answers" };
        output.advise(format!(
            "\nproven when you have seen it: `atocore backup validate {stamp} --depth {depth}`"
        ));
    }
    if let Some(error) = broken {
        output.remark(format!("the registry was copied as it is, and it is broken: {}", error.message));
    }
    Ok(exit)
}

/// Sets what a snapshot holds for a person.
pub(crate) fn print_taken(metadata: &SnapshotMetadata, output: &Output) {
    output.line(format!("snapshot {} taken", output.paint(Style::Bold, stamp_of(metadata))));
    let mut table = Table::bare();
    table.row(["  lies in".to_owned(), metadata.backup_root.clone()]);
    let mut database = vec![size(metadata.db_size_bytes)];
    database.extend(recorded(metadata.atocore.as_ref()));
    table.row(["  database".to_owned(), database.join(" · ")]);
    let registry = if metadata.registry_snapshot_path.is_empty() { "there is none yet" } else { "copied" };
    table.row(["  registry".to_owned(), registry.to_owned()]);
    let record = metadata.atocore.as_ref();
    table.row(["  vectors".to_owned(), vectors(record)]);
    let notices =
        record.and_then(|record| record["notices"].as_array()).map(Vec::as_slice).unwrap_or_default();
    for notice in notices.iter().filter_map(Value::as_str) {
        table.row(["  answers".to_owned(), plain(notice)]);
    }
    for line in table.lines(output.width()) {
        output.line(line);
    }
}

/// The stamp of a snapshot that was just taken: the name of its folder.
pub(crate) fn stamp_of(metadata: &SnapshotMetadata) -> String {
    let name = Path::new(&metadata.backup_root).file_name();
    name.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn list(config: &Config, output: &Output) -> Result<Exit, ApiError> {
    let entries = Session::looking(config)?.run(ListBackups {}, &Silent)?;
    if output.form() == Form::Json {
        output.json(&entries);
        return Ok(Exit::Done);
    }
    let entries = entries.0;
    if entries.is_empty() {
        output.advise("there is no snapshot; `atocore backup create` takes one");
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["STAMP", "TAKEN", "SIZE", "PROVEN", "HOLDS", "NOTE"]);
    for entry in entries.iter().rev() {
        table.row(listed(entry));
    }
    for (index, line) in table.lines(output.width()).iter().enumerate() {
        output.line(if index == 0 { output.paint(Style::Dim, line) } else { line.clone() });
    }
    let (snapshots, bytes) =
        (count(entries.len() as u64, "snapshot"), entries.iter().filter_map(bytes).sum());
    output.line(output.paint(Style::Dim, format!("{snapshots}, {}", size(bytes))));
    Ok(Exit::Done)
}

/// What a snapshot takes on the disk, as far as it records that.
fn bytes(entry: &SnapshotEntry) -> Option<u64> {
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

fn listed(entry: &SnapshotEntry) -> [String; 6] {
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
    [stamp, second(&plain(text("created_at"))), bytes, proven, holds.join(" · "), remarks]
}

/// How deep a snapshot is proven, and whether its last validation found something.
fn proven(proof: Option<&SnapshotProof>) -> String {
    let Some(proof) = proof else { return "-".to_owned() };
    let depth = proof.proven_depth.clone().unwrap_or_else(|| "no".to_owned());
    match proof.verdicts.iter().find(|verdict| !verdict.valid) {
        Some(bad) => format!("{depth}, NOT {}", bad.depth),
        None if proof.ledger_problem.is_some() => format!("{depth}, ledger damaged"),
        None => depth,
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

/// Where a validation runs: deeper than the content it restores into the scratch folder, which only an owner may use.
fn validating(depth: Depth, config: &Config, monitor: &dyn Monitor) -> Result<Session, ApiError> {
    if depth > Depth::Content {
        Session::writing(config, "backup validate", monitor)
    } else {
        Session::looking(config)
    }
}

fn validate(operation: ValidateBackup, config: &Config, output: &Output) -> Result<Exit, ApiError> {
    check_stamp(&operation.stamp)?;
    let monitor = Terminal::watch(output.form());
    let validation =
        validating(checked_depth(operation.depth.as_deref())?, config, &monitor)?.run(operation, &monitor)?;
    drop(monitor);
    match output.form() {
        Form::Json => output.json(&validation),
        Form::Human => print_validation(&validation, output),
    }
    Ok(exit(&validation))
}

fn exit(validation: &Validation) -> Exit {
    match (validation.exists, validation.valid) {
        (true, true) => Exit::Done,
        (true, false) => Exit::Problems,
        (false, _) => Exit::Failed,
    }
}

/// One line for each snapshot, and below it what is wrong.
fn validate_all(depth: Option<String>, config: &Config, output: &Output) -> Result<Exit, ApiError> {
    let operation = ValidateAllBackups { depth };
    let monitor = Terminal::watch(output.form());
    let session = validating(checked_depth(operation.depth.as_deref())?, config, &monitor)?;
    let found = session.run(operation, &monitor)?;
    drop(monitor);
    let is_valid = found.0.iter().all(|validation| validation.valid);
    match output.form() {
        Form::Json => output.json(&found),
        Form::Human if found.0.is_empty() => {
            output.advise("there is no snapshot; `atocore backup create` takes one");
        }
        Form::Human => found.0.iter().for_each(|validation| print_line(validation, output)),
    }
    Ok(if is_valid { Exit::Done } else { Exit::Problems })
}

fn print_line(validation: &Validation, output: &Output) {
    let (asked, reached) = (&validation.atocore.depth_asked, validation.atocore.depth_reached.as_deref());
    let verdict = if validation.valid {
        output.paint(Style::Green, format!("valid, proven to depth `{}`", reached.unwrap_or(asked)))
    } else {
        let reached = reached.unwrap_or("none");
        output.paint(Style::Red, format!("NOT valid: asked for depth `{asked}`, reached `{reached}`"))
    };
    output.line(format!("{}  {verdict}", plain(&validation.stamp)));
    for error in &validation.errors {
        output.line(format!("    {}", plain(error)));
    }
}

fn drill(config: &Config, output: &Output) -> Result<Exit, ApiError> {
    let monitor = Terminal::watch(output.form());
    let validation = Session::writing(config, "backup drill", &monitor)?.run(DrillBackup {}, &monitor)?;
    drop(monitor);
    if output.form() == Form::Json {
        output.json(&validation);
    } else if let Some(validation) = &validation.0 {
        print_validation(validation, output);
    } else {
        output.advise("there is no snapshot; `atocore backup create` takes one");
    }
    Ok(validation.0.as_ref().map_or(Exit::Problems, exit))
}

/// Sets the result of a validation for a person.
pub(crate) fn print_validation(validation: &Validation, output: &Output) {
    let stamp = output.paint(Style::Bold, plain(&validation.stamp));
    let asked = &validation.atocore.depth_asked;
    if !validation.exists {
        output.advise(format!("snapshot {stamp} does not exist; `atocore backup list` shows every stamp"));
        return;
    }
    let verdict = if validation.valid {
        let reached = validation.atocore.depth_reached.as_ref().unwrap_or(asked);
        output.paint(Style::Green, format!("valid, proven to depth `{reached}`"))
    } else {
        let reached = validation.atocore.depth_reached.as_deref().unwrap_or("none");
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
    for line in table.lines(output.width()) {
        output.line(line);
    }
    if !validation.valid {
        output.advise("\nrestore from another: `atocore backup list` shows every snapshot");
    }
}
