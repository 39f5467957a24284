//! `journal.json`: what is about to be swapped in; and `last.json`: what the last restore did.

use std::path::{Path, PathBuf};

use atocore_model::{digest::Digest, id::SnapshotId, time::Timestamp};
use atocore_storage::{
    files::{self, Kind},
    layout::Layout,
};
use serde::{Deserialize, Serialize};

use crate::BackupError;

/// The shape of both files.
const FORMAT: u32 = 1;

/// A restore over the present state, as it is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreRecord {
    /// What the state is that of.
    pub stamp: SnapshotId,
    /// The snapshot of the state before; `None` when there was no store to take one of.
    pub safety: Option<SnapshotId>,
    /// When.
    pub at: Timestamp,
    /// Where the files of a store lie that could not be opened before, and so not be saved as a snapshot.
    pub kept: Option<PathBuf>,
}

impl RestoreRecord {
    pub(super) fn new(stamp: SnapshotId, safety: Option<SnapshotId>, at: Timestamp, layout: &Layout) -> Self {
        Self { stamp, safety, at, kept: safety.is_none().then(|| kept(SnapshotId::at(at.get()), layout)) }
    }
}

/// Where the files of a store are kept that was replaced at that second.
fn kept(second: SnapshotId, layout: &Layout) -> PathBuf {
    layout.restores().join("kept").join(second.to_string())
}

/// The time of a restore that keeps files: now, or the first second after it in which no other one has kept some.
pub(super) fn free_time(now: Timestamp, layout: &Layout) -> Timestamp {
    let first = SnapshotId::at(now.get());
    let mut second = first;
    while matches!(files::exists(&kept(second, layout)), Ok(true)) {
        second = second.next();
    }
    if second == first { now } else { Timestamp::new(second.time()) }
}

/// A file that lies ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StagedFile {
    pub(super) size_bytes: u64,
    pub(super) digest: Digest,
}

/// What is about to be swapped in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Journal {
    pub(super) replaced: RestoreRecord,
    pub(super) database: StagedFile,
    /// `None` when the snapshot has no registry: afterwards there is none.
    pub(super) registry: Option<StagedFile>,
    pub(super) vectors: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct JournalText {
    format: u32,
    stamp: String,
    safety: Option<String>,
    at: String,
    database: JournalFileText,
    registry: Option<JournalFileText>,
    vectors: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct JournalFileText {
    size_bytes: u64,
    blake3: String,
}

#[derive(Serialize, Deserialize)]
struct LastText {
    format: u32,
    stamp: String,
    safety: Option<String>,
    at: String,
}

impl Journal {
    /// Puts the journal on disk: from here on the swap is going to happen.
    pub(super) fn write(&self, layout: &Layout) -> Result<(), BackupError> {
        let file = |file: &StagedFile| JournalFileText {
            size_bytes: file.size_bytes,
            blake3: file.digest.to_string(),
        };
        let text = JournalText {
            format: FORMAT,
            stamp: self.replaced.stamp.to_string(),
            safety: self.replaced.safety.map(|stamp| stamp.to_string()),
            at: self.replaced.at.to_string(),
            database: file(&self.database),
            registry: self.registry.as_ref().map(file),
            vectors: self.vectors,
        };
        write(&journal_file(layout), &text)
    }

    /// The journal of a swap that was begun and not finished.
    pub(super) fn read(layout: &Layout) -> Result<Option<Self>, BackupError> {
        let path = journal_file(layout);
        let Some(bytes) = read(&path)? else { return Ok(None) };
        let text: JournalText = serde_json::from_slice(&bytes)
            .map_err(|error| BackupError::JournalUnreadable { path: path.clone(), why: error.to_string() })?;
        let unreadable = |why: String| BackupError::JournalUnreadable { path: path.clone(), why };
        if text.format != FORMAT {
            return Err(unreadable(format!("it has format {}, this program reads {FORMAT}", text.format)));
        }
        let file = |text: &JournalFileText| {
            let digest = text.blake3.parse().map_err(|error| unreadable(format!("{error}")))?;
            Ok::<_, BackupError>(StagedFile { size_bytes: text.size_bytes, digest })
        };
        Ok(Some(Self {
            replaced: replaced(&text.stamp, text.safety.as_deref(), &text.at, layout).map_err(unreadable)?,
            database: file(&text.database)?,
            registry: text.registry.as_ref().map(file).transpose()?,
            vectors: text.vectors,
        }))
    }

    /// Says that the swap is done, and remembers it.
    pub(super) fn close(&self, layout: &Layout) -> Result<(), BackupError> {
        let text = LastText {
            format: FORMAT,
            stamp: self.replaced.stamp.to_string(),
            safety: self.replaced.safety.map(|stamp| stamp.to_string()),
            at: self.replaced.at.to_string(),
        };
        write(&last_file(layout), &text)?;
        withdraw(layout)
    }
}

/// Refuses to begin where one of the two files could not be written. Only a folder that holds something is in the way:
/// whatever else has their names is replaced.
pub(super) fn refuse_obstacles(layout: &Layout) -> Result<(), BackupError> {
    files::create_dirs_synced(&layout.restores())?;
    for path in [journal_file(layout), last_file(layout)] {
        if files::kind(&path)? == Some(Kind::Folder) {
            files::remove_empty_folder(&path)?;
        }
    }
    Ok(())
}

/// Sees to it that there is no journal, on disk too.
pub(super) fn withdraw(layout: &Layout) -> Result<(), BackupError> {
    let folder = layout.restores();
    if exists(layout)? {
        files::remove_file(&journal_file(layout))?;
    }
    // Also where it is gone already: its removal may not be on disk.
    if folder.is_dir() {
        files::sync(&folder)?;
    }
    Ok(())
}

/// Whether a swap was begun and not finished.
pub(super) fn exists(layout: &Layout) -> Result<bool, BackupError> {
    is_note(&journal_file(layout))
}

/// What the last restore did.
pub(super) fn last(layout: &Layout) -> Result<Option<RestoreRecord>, BackupError> {
    let path = last_file(layout);
    let Some(bytes) = read(&path)? else { return Ok(None) };
    let unreadable = |why: String| BackupError::JournalUnreadable { path: path.clone(), why };
    let text: LastText = serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))?;
    replaced(&text.stamp, text.safety.as_deref(), &text.at, layout).map(Some).map_err(unreadable)
}

fn journal_file(layout: &Layout) -> PathBuf {
    layout.restores().join("journal.json")
}

fn last_file(layout: &Layout) -> PathBuf {
    layout.restores().join("last.json")
}

/// What is no file was not written by a restore and says nothing.
fn is_note(path: &Path) -> Result<bool, BackupError> {
    Ok(matches!(files::kind(path)?, Some(Kind::File(_))))
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, BackupError> {
    if is_note(path)? { Ok(files::read_if_present(path)?) } else { Ok(None) }
}

fn write(path: &Path, text: &impl Serialize) -> Result<(), BackupError> {
    let bytes = serde_json::to_vec_pretty(text).map_err(BackupError::MetadataUnwritable)?;
    files::create_dirs_synced(path.parent().unwrap_or(path))?;
    Ok(files::write_atomic(path, &bytes)?)
}

fn replaced(stamp: &str, safety: Option<&str>, at: &str, layout: &Layout) -> Result<RestoreRecord, String> {
    let id = |text: &str| text.parse::<SnapshotId>().map_err(|error| error.to_string());
    let at = Timestamp::parse(at).ok_or_else(|| format!("`{at}` is not a time"))?;
    Ok(RestoreRecord::new(id(stamp)?, safety.map(id).transpose()?, at, layout))
}
