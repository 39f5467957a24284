//! What lies in a backup directory: snapshots to decide about, and everything else, which is left alone.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use atocore_model::{error::with_causes, id::SnapshotId, monitor::Monitor, snapshot::Depth, time::Timestamp};
use atocore_storage::{
    files::{self, Kind},
    layout::Layout,
};

use super::{
    pins,
    plan::{Decision, SnapshotFacts, decide},
    policy::RetentionRules,
};
use crate::{
    BackupError, in_place,
    ledger::{self, Ledger},
    manifest::{self, FILE_NAME, Manifest, RecordedPath},
    snapshot_directory::{MetadataFile, SnapshotDirectory, metadata_file},
    take::proceed,
    tree,
};

/// How many seconds the stamp of a snapshot can be away from its recovery point: so far a free one is looked for.
const MOST_SECONDS_AWAY: u64 = 10_000;

/// Something below `snapshots/` that is left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoredEntry {
    /// Its name.
    pub name: String,
    /// Where it lies.
    pub path: PathBuf,
    /// Why nothing is done about it.
    pub why: String,
}

/// What a removal would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrunePlan {
    /// The decision about every snapshot, the newest first.
    pub decisions: Vec<Decision>,
    /// What is left alone, sorted by name.
    pub untouched: Vec<IgnoredEntry>,
}

/// Looks at every snapshot and decides about it. Changes nothing.
///
/// # Errors
/// When the backup directory, a pin or the note of the last restore is there and cannot be read: what is precious
/// would not be known then. A snapshot that cannot be read is left alone.
///
/// # Cancellation
/// At every snapshot.
pub fn plan(
    directory: &SnapshotDirectory,
    layout: &Layout,
    policy: &RetentionRules,
    now: Timestamp,
    monitor: &dyn Monitor,
) -> Result<PrunePlan, BackupError> {
    let survey = Survey::new(directory, layout)?;
    let paths = directory.found()?;
    let (mut found, mut untouched) = (Vec::new(), Vec::new());
    for path in paths {
        proceed(monitor)?;
        match survey.look(&path)? {
            Ok(facts) => found.push(facts),
            Err(why) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                untouched.push(IgnoredEntry { name, path, why });
            }
        }
    }
    Ok(PrunePlan { decisions: decide(&found, policy, now), untouched })
}

/// Looks at single snapshots of a backup directory.
pub(super) struct Survey<'a> {
    directory: &'a SnapshotDirectory,
    ledger: Ledger,
    undo_point: Option<SnapshotId>,
}

impl<'a> Survey<'a> {
    pub(super) fn new(directory: &'a SnapshotDirectory, layout: &Layout) -> Result<Self, BackupError> {
        let undo_point = in_place::last(layout)?.and_then(|last| last.safety);
        Ok(Self { directory, ledger: Ledger::of(directory), undo_point })
    }

    /// What decides about the snapshot at `path`; inside, why it is left alone.
    pub(super) fn look(&self, path: &Path) -> Result<Result<SnapshotFacts, String>, BackupError> {
        let found = match whole(path) {
            Ok(found) => found,
            Err(why) => return Ok(Err(why)),
        };
        let stamp = found.stamp;
        let standing = self.ledger.verdicts(stamp);
        // The deeper depths are about more than the bytes that lie here.
        let is_damage =
            |depth| depth <= if found.store.is_some() { Depth::Content } else { Depth::Structure };
        let bad = standing.verdicts.iter().find(|verdict| {
            !verdict.valid && is_damage(verdict.depth) && verdict.metadata_blake3 == Some(found.metadata)
        });
        if let Some(verdict) = bad {
            let first = verdict.errors.first().map_or("", String::as_str);
            return Ok(Err(format!("it is damaged, as its validation of {} found: {first}", verdict.at)));
        }
        Ok(Ok(SnapshotFacts {
            stamp,
            taken_at: found.taken_at,
            store: found.store,
            generation: found.generation,
            proven: self.ledger.proven_by(stamp, &standing).map(|proven| proven.depth),
            pinned: pins::is_pinned(self.directory, stamp)?,
            undo_point: self.undo_point == Some(stamp),
            bytes: found.bytes,
        }))
    }
}

/// A folder that looks like a whole snapshot without opening more of it than its metadata.
struct CompleteSnapshot {
    stamp: SnapshotId,
    taken_at: Timestamp,
    store: Option<String>,
    generation: Option<u64>,
    metadata: atocore_model::digest::Digest,
    bytes: u64,
}

fn whole(path: &Path) -> Result<CompleteSnapshot, String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let stamp: SnapshotId = name.parse().map_err(|_| "its name is not a stamp".to_owned())?;
    match files::kind(path) {
        Ok(Some(Kind::Folder)) => {}
        Ok(Some(kind)) => return Err(format!("it is {}", tree::in_words(kind))),
        Ok(None) => return Err("it is gone".to_owned()),
        Err(error) => return Err(with_causes(&error)),
    }
    let bytes = match metadata_file(path) {
        MetadataFile::Bytes(bytes) => bytes,
        MetadataFile::Missing => return Err(format!("it has no `{FILE_NAME}`")),
        MetadataFile::TooLarge(size) => return Err(format!("its metadata is too large: {size} bytes")),
        MetadataFile::Unreadable(why) => return Err(format!("its metadata cannot be read: {why}")),
    };
    let reading = manifest::read(&bytes).map_err(|why| format!("its metadata is not JSON: {why}"))?;
    let manifest = reading.manifest.map_err(|why| format!("its metadata cannot be read: {why}"))?;
    if reading.intact == Some(false) {
        return Err("it is damaged: its metadata is not what was written".to_owned());
    }
    let taken_at = Timestamp::parse(&manifest.created_at)
        .ok_or_else(|| "its metadata does not say when it was taken".to_owned())?;
    if taken_at.get().as_second().abs_diff(stamp.time().as_second()) > MOST_SECONDS_AWAY {
        return Err(format!("its metadata is that of another snapshot, taken at {taken_at}"));
    }
    let size = compare(path, &manifest)?;
    Ok(CompleteSnapshot {
        stamp,
        taken_at,
        generation: manifest.atocore.as_ref().map(|record| record.generation),
        store: manifest.atocore.map(|record| record.store_id),
        metadata: ledger::digest(&bytes),
        bytes: size + bytes.len() as u64,
    })
}

/// Compares names and sizes with the record and returns the size of all files; says what is not as it was written.
fn compare(path: &Path, manifest: &Manifest) -> Result<u64, String> {
    let mut recorded: BTreeMap<String, u64> = match &manifest.atocore {
        Some(record) => record.files.iter().map(|file| (file.path.to_string(), file.size_bytes)).collect(),
        None => BTreeMap::new(),
    };
    match manifest.database() {
        RecordedPath::At(database) => {
            let _same = recorded.insert(database.to_string(), manifest.db_size_bytes);
        }
        _ => return Err("its metadata names no database".to_owned()),
    }
    // What the original has put into these folders is not written down anywhere.
    let is_of_original = |shown: &str| {
        let top = shown.split('/').next().unwrap_or_default();
        manifest.atocore.is_none() && ["db", "config", "chroma"].contains(&top)
    };
    let mut total = 0;
    tree::walk(path, &mut |entry| {
        if matches!(&entry, Err((shown, _)) if tree::is_leaving(shown, Kind::Folder)) {
            return Ok(());
        }
        let entry = entry.map_err(|(shown, error)| format!("`{shown}` in it: {}", with_causes(&error)))?;
        let shown = &entry.shown;
        match (entry.kind, recorded.remove(shown)) {
            (Kind::File(size), Some(expected)) if size != expected => {
                return Err(format!("it is damaged: `{shown}` has {size} bytes, {expected} are recorded"));
            }
            (Kind::File(size), known) if known.is_some() || is_of_original(shown) => total += size,
            (Kind::File(_), None) if shown == FILE_NAME => {}
            (kind, None) if tree::is_leaving(shown, kind) => {}
            (Kind::Folder, None) => {}
            (Kind::File(_), _) => {
                return Err(format!("it holds `{shown}`, which is not part of the snapshot"));
            }
            (kind, _) => return Err(format!("it holds `{shown}`, which is {}", tree::in_words(kind))),
        }
        Ok(())
    })?;
    match recorded.keys().next() {
        Some(missing) => Err(format!("it is damaged: `{missing}` is missing")),
        None => Ok(total),
    }
}
