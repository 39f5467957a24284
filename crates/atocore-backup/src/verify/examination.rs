//! What a validation has found so far.

use std::path::PathBuf;

use atocore_model::{
    digest::Digest,
    id::SnapshotId,
    monitor::{Monitor, Progress},
    snapshot::Depth,
    time::Clock,
};
use atocore_storage::files::Locked;
use serde_json::Value;

use super::{SnapshotFinding, Validation};
use crate::{BackupError, take::proceed};

/// More findings than this are counted and not listed, so that a hostile snapshot cannot fill the memory.
const MOST_FINDINGS: usize = 1000;

/// A validation under way.
pub(super) struct Examination<'a> {
    stamp: SnapshotId,
    /// Where the snapshot lies.
    pub(super) dir: PathBuf,
    /// How deep to look.
    pub(super) depth: Depth,
    /// Whether there is a snapshot at all.
    pub(super) exists: bool,
    /// The metadata, when it is an object.
    pub(super) metadata: Option<Value>,
    /// The digest of its file.
    pub(super) metadata_blake3: Option<Digest>,
    /// The format of the snapshot, when it is newer than what is read here.
    pub(super) newer_format: Option<u64>,
    /// Keeps the snapshot from being removed meanwhile.
    pub(super) lock: Option<Locked>,
    /// Whether the database was opened and found whole.
    pub(super) db_whole: bool,
    /// Whether a registry copy is recorded.
    pub(super) has_registry: bool,
    /// Whether a copy of the vector store is recorded.
    pub(super) has_vectors: bool,
    findings: Vec<SnapshotFinding>,
    leavings: Vec<String>,
    left_out: u64,
    checked_files: u64,
    checked_bytes: u64,
    monitor: &'a dyn Monitor,
}

impl<'a> Examination<'a> {
    pub(super) fn new(stamp: SnapshotId, dir: PathBuf, monitor: &'a dyn Monitor) -> Self {
        Self {
            stamp,
            dir,
            depth: Depth::Structure,
            exists: false,
            metadata: None,
            metadata_blake3: None,
            newer_format: None,
            lock: None,
            db_whole: false,
            has_registry: false,
            has_vectors: false,
            findings: Vec::new(),
            leavings: Vec::new(),
            left_out: 0,
            checked_files: 0,
            checked_bytes: 0,
            monitor,
        }
    }

    /// Notes a problem with `file`, found at `depth`.
    pub(super) fn find(&mut self, depth: Depth, file: &str, problem: String) {
        if self.findings.len() < MOST_FINDINGS {
            self.findings.push(SnapshotFinding { depth, file: file.to_owned(), problem });
        } else {
            self.left_out += 1;
        }
    }

    /// Notes a file that an operating system left there; not more of them than problems.
    pub(super) fn leave(&mut self, file: &str) {
        if self.leavings.len() < MOST_FINDINGS {
            self.leavings.push(file.to_owned());
        }
    }

    /// Notes that a file was read to its end and compared.
    pub(super) fn checked(&mut self, bytes: u64) {
        self.checked_files += 1;
        self.checked_bytes += bytes;
    }

    /// Goes on unless the caller cancelled.
    pub(super) fn proceed(&self) -> Result<(), BackupError> {
        proceed(self.monitor)
    }

    /// Tells the caller how many bytes were compared and returns whether to stop.
    pub(super) fn hashing(&self, done: u64, total: u64) -> bool {
        self.monitor.progress(Progress {
            phase: "comparing with the record".into(),
            done,
            total: Some(total),
        });
        self.monitor.cancelled()
    }

    /// Whether nothing was found in a folder of the snapshot.
    fn is_clean(&self, folder: &str) -> bool {
        !self.findings.iter().any(|finding| {
            finding.file.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    /// Puts it all into the result.
    pub(super) fn conclude(mut self, clock: &dyn Clock) -> Validation {
        if self.left_out > 0 {
            let problem = format!("more_problems: {} more are not listed", self.left_out);
            self.findings.push(SnapshotFinding { depth: Depth::Structure, file: String::new(), problem });
        }
        let holds = |depth: &Depth| !self.findings.iter().any(|finding| finding.depth <= *depth);
        Validation {
            stamp: self.stamp,
            exists: self.exists,
            db_ok: self.db_whole && self.is_clean("db"),
            registry_ok: self.has_registry.then(|| self.is_clean("config")),
            chroma_ok: self.has_vectors.then(|| self.is_clean("chroma")),
            depth_asked: self.depth,
            depth_reached: Depth::ALL.into_iter().rfind(|depth| *depth <= self.depth && holds(depth)),
            path: self.dir,
            metadata: self.metadata,
            metadata_blake3: self.metadata_blake3,
            findings: self.findings,
            leavings: self.leavings,
            checked_files: self.checked_files,
            checked_bytes: self.checked_bytes,
            verified_at: clock.now(),
            unasked: None,
            unrecorded: None,
        }
    }
}
