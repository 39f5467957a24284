//! What validations have found: the last verdict per snapshot and depth, and how deep a snapshot is proven by them.
//!
//! Lies beside the snapshots, never in them. Losing it loses proof, never a snapshot: whatever is missing, damaged, or
//! was written about another snapshot of the same name, counts as unproven.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use atocore_model::{
    digest::Digest, error::with_causes, id::SnapshotId, monitor::Silent, snapshot::Depth, time::Timestamp,
};
use atocore_storage::files::{self, Kind, stream};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    BackupError,
    snapshot_directory::{MetadataFile, SnapshotDirectory, metadata_file},
    stage, tree,
    verify::Validation,
};

/// The format that is written and read.
const FORMAT_VERSION: u32 = 1;

/// A larger file is not one of ours.
const LIMIT_BYTES: u64 = 1 << 20;

/// More errors than these are not kept; the last line says how many there were.
const MOST_ERRORS: usize = 20;

/// What is kept of one error.
const MOST_CHARACTERS: usize = 300;

/// The verdicts about the snapshots of one backup directory.
#[derive(Debug, Clone)]
pub struct Ledger {
    directory: SnapshotDirectory,
    dir: PathBuf,
}

/// What a validation found at one depth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Verdict {
    /// The depth: the deepest one that held, or the shallowest one that did not.
    pub depth: Depth,
    /// Whether everything down to it held.
    pub valid: bool,
    /// When the validation ended.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// What it found; at most 20 lines of at most 300 characters.
    pub errors: Vec<String>,
    /// The digest of the metadata file as it was; `None` when it could not be read. Not in JSON.
    #[serde(skip)]
    pub metadata_blake3: Option<Digest>,
}

/// All that is written down about a snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LedgerEntry {
    /// The last verdict per depth, the shallowest first, without those that a later one has overruled.
    pub verdicts: Vec<Verdict>,
    /// Why the file about the snapshot cannot be used, when there is one; there are no verdicts then.
    pub problem: Option<String>,
}

/// How deep a snapshot is proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifiedDepth {
    /// The depth.
    pub depth: Depth,
    /// When.
    pub at: Timestamp,
}

/// What is written down about all snapshots together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LedgerSummary {
    /// The newest snapshot for every depth to which, or deeper than which, one is proven.
    pub newest: BTreeMap<Depth, (SnapshotId, VerifiedDepth)>,
    /// How many snapshots have a bad verdict.
    pub failing: usize,
    /// The last verdict of all, by its time.
    pub last: Option<(SnapshotId, Verdict)>,
}

impl Ledger {
    /// The ledger of a backup directory. It need not exist.
    #[must_use]
    pub fn of(directory: &SnapshotDirectory) -> Self {
        Self { directory: directory.clone(), dir: directory.ledger() }
    }

    /// Where the verdicts about a snapshot lie, or would.
    #[must_use]
    pub fn file(&self, stamp: SnapshotId) -> PathBuf {
        self.dir.join(format!("{stamp}.json"))
    }

    /// Writes down what a validation found. It overrules, in the order of the calls and not by the clock: a bad verdict
    /// takes away the good ones at its depth and deeper, a good one the bad ones at its depth and shallower.
    /// A snapshot that is not there gets no entry.
    ///
    /// # Errors
    /// When the file cannot be written; the one before is then as it was.
    ///
    /// # Durability
    /// The verdict is on disk when this returns `Ok`.
    pub fn record(
        &self,
        stamp: SnapshotId,
        validation: &Validation,
        duration: Duration,
    ) -> Result<(), BackupError> {
        if !validation.exists {
            return Ok(());
        }
        files::create_dirs_synced(&self.dir)?;
        let _alone = stage::lock(&self.dir.join(".lock"), &Silent)?;
        let mut verdicts = self.verdicts(stamp).verdicts;
        verdicts.retain(|old| old.metadata_blake3 == validation.metadata_blake3);
        if validation.unasked.is_some() {
            // That nothing could be asked is no verdict any more.
            verdicts.retain(|old| old.valid || old.depth < Depth::Answers);
        }
        for new in judge(validation, duration) {
            verdicts.retain(|old| {
                let overruled = if new.valid { old.depth <= new.depth } else { old.depth >= new.depth };
                old.depth != new.depth && (old.valid == new.valid || !overruled)
            });
            verdicts.push(new);
        }
        verdicts.sort_by_key(|verdict| verdict.depth);
        Ok(files::write_atomic(&self.file(stamp), &to_bytes(stamp, &verdicts)?)?)
    }

    /// What is written down about a snapshot, whether it is there or not.
    #[must_use]
    pub fn verdicts(&self, stamp: SnapshotId) -> LedgerEntry {
        match read(&self.file(stamp), stamp) {
            Ok(verdicts) => LedgerEntry { verdicts, problem: None },
            Err(why) => LedgerEntry { verdicts: Vec::new(), problem: Some(why) },
        }
    }

    /// The deepest depth that a good verdict stands for and no later bad one contradicts; `None` when there is none, or
    /// when the snapshot of that name has other metadata now.
    #[must_use]
    pub fn proven(&self, stamp: SnapshotId) -> Option<VerifiedDepth> {
        self.proven_by(stamp, &self.verdicts(stamp))
    }

    /// The same for verdicts that were read already.
    #[must_use]
    pub fn proven_by(&self, stamp: SnapshotId, standing: &LedgerEntry) -> Option<VerifiedDepth> {
        let verdicts = &standing.verdicts;
        let contradicted =
            |good: &Verdict| verdicts.iter().any(|verdict| !verdict.valid && verdict.depth <= good.depth);
        let good = verdicts.iter().rfind(|verdict| verdict.valid && !contradicted(verdict))?;
        // Read last: it is the only part that takes time.
        let MetadataFile::Bytes(bytes) = metadata_file(&self.directory.snapshot(stamp)) else { return None };
        (good.metadata_blake3 == Some(digest(&bytes)))
            .then_some(VerifiedDepth { depth: good.depth, at: good.at })
    }

    /// The newest snapshot for every depth to which, or deeper than which, one is proven, of those that are given in the order of
    /// [`SnapshotDirectory::newest_first`].
    #[must_use]
    pub fn newest_proven_to_each(
        &self,
        newest_first: &[SnapshotId],
    ) -> BTreeMap<Depth, (SnapshotId, VerifiedDepth)> {
        let mut newest = BTreeMap::new();
        for &stamp in newest_first {
            if newest.len() == Depth::ALL.len() {
                break;
            }
            let Some(proven) = self.proven(stamp) else { continue };
            for depth in Depth::ALL.into_iter().filter(|depth| *depth <= proven.depth) {
                let _first = newest.entry(depth).or_insert((stamp, proven));
            }
        }
        newest
    }

    /// What the whole ledger says of the snapshots that are there, which are given in the order of
    /// [`SnapshotDirectory::newest_first`].
    #[must_use]
    pub fn overview(&self, newest_first: &[SnapshotId]) -> LedgerSummary {
        let mut overview = LedgerSummary::default();
        for &stamp in newest_first {
            let standing = self.verdicts(stamp);
            overview.failing += usize::from(standing.verdicts.iter().any(|verdict| !verdict.valid));
            if overview.newest.len() < Depth::ALL.len()
                && let Some(proven) = self.proven_by(stamp, &standing)
            {
                for depth in Depth::ALL.into_iter().filter(|depth| *depth <= proven.depth) {
                    let _first = overview.newest.entry(depth).or_insert((stamp, proven));
                }
            }
            for verdict in standing.verdicts {
                if overview.last.as_ref().is_none_or(|(_, last)| last.at < verdict.at) {
                    overview.last = Some((stamp, verdict));
                }
            }
        }
        overview
    }

    /// Forgets a snapshot that is deleted.
    ///
    /// # Errors
    /// When its file is there and cannot be removed.
    pub fn forget(&self, stamp: SnapshotId) -> Result<(), BackupError> {
        Ok(files::remove_file(&self.file(stamp))?)
    }
}

/// The digest of a metadata file by which verdicts know their snapshot again.
pub(crate) fn digest(metadata: &[u8]) -> Digest {
    Digest::from_bytes(*blake3::hash(metadata).as_bytes())
}

/// A good verdict at the depth that held, and a bad one at the next when more was asked for.
fn judge(validation: &Validation, duration: Duration) -> Vec<Verdict> {
    let verdict = |depth, valid, errors| Verdict {
        depth,
        valid,
        at: validation.verified_at,
        duration_ms: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
        errors,
        metadata_blake3: validation.metadata_blake3,
    };
    let reached = validation.depth_reached;
    let mut verdicts: Vec<_> = reached.into_iter().map(|depth| verdict(depth, true, Vec::new())).collect();
    if !validation.valid() {
        let failed = Depth::ALL.into_iter().find(|depth| Some(*depth) > reached);
        verdicts.extend(failed.map(|depth| verdict(depth, false, bounded(&validation.errors()))));
    }
    verdicts
}

fn bounded(errors: &[String]) -> Vec<String> {
    let kept = errors.iter().take(MOST_ERRORS - 1);
    let mut lines: Vec<String> = kept.map(|error| error.chars().take(MOST_CHARACTERS).collect()).collect();
    if errors.len() > lines.len() {
        lines.push(format!("more_problems: {} more are not kept", errors.len() - lines.len()));
    }
    lines
}

/// The file as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LedgerText {
    format_version: u32,
    stamp: String,
    verdicts: Vec<VerdictText>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct VerdictText {
    depth: String,
    valid: bool,
    at: String,
    duration_ms: u64,
    errors: Vec<String>,
    metadata_blake3: Option<String>,
}

impl From<&Verdict> for VerdictText {
    fn from(verdict: &Verdict) -> Self {
        Self {
            depth: verdict.depth.to_string(),
            valid: verdict.valid,
            at: verdict.at.to_string(),
            duration_ms: verdict.duration_ms,
            errors: verdict.errors.clone(),
            metadata_blake3: verdict.metadata_blake3.map(|digest| digest.to_string()),
        }
    }
}

impl TryFrom<VerdictText> for Verdict {
    type Error = String;

    fn try_from(text: VerdictText) -> Result<Self, String> {
        let digest = text.metadata_blake3.map(|digest| digest.parse::<Digest>()).transpose();
        Ok(Self {
            depth: text.depth.parse().map_err(|error| format!("{error}"))?,
            valid: text.valid,
            at: Timestamp::parse(&text.at).ok_or_else(|| format!("`{}` is not a time", text.at))?,
            duration_ms: text.duration_ms,
            errors: text.errors,
            metadata_blake3: digest.map_err(|error| error.to_string())?,
        })
    }
}

fn to_bytes(stamp: SnapshotId, verdicts: &[Verdict]) -> Result<Vec<u8>, BackupError> {
    let text = LedgerText {
        format_version: FORMAT_VERSION,
        stamp: stamp.to_string(),
        verdicts: verdicts.iter().map(VerdictText::from).collect(),
    };
    let mut bytes = serde_json::to_vec_pretty(&text).map_err(BackupError::MetadataUnwritable)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The verdicts in a file; none when there is no file.
fn read(path: &Path, stamp: SnapshotId) -> Result<Vec<Verdict>, String> {
    match files::kind(path) {
        Ok(None) => return Ok(Vec::new()),
        Ok(Some(Kind::File(size))) if size <= LIMIT_BYTES => {}
        Ok(Some(Kind::File(size))) => return Err(format!("{size} bytes, the limit is {LIMIT_BYTES}")),
        Ok(Some(kind)) => return Err(format!("it is {}", tree::in_words(kind))),
        Err(error) => return Err(with_causes(&error)),
    }
    let bytes = stream::head(path, LIMIT_BYTES).map_err(|error| with_causes(&error))?;
    let text: LedgerText = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
    if text.format_version != FORMAT_VERSION || text.stamp != stamp.to_string() {
        return Err(format!("it is about `{}`, in format {}", text.stamp, text.format_version));
    }
    let mut verdicts = text.verdicts.into_iter().map(Verdict::try_from).collect::<Result<Vec<_>, _>>()?;
    verdicts.sort_by_key(|verdict| verdict.depth);
    Ok(verdicts)
}
