//! Carries a plan out: a snapshot that is removed leaves the list whole, in one step, before anything of it is deleted.

use std::path::{Path, PathBuf};

use atocore_model::{error::with_causes, id::SnapshotId, monitor::Monitor, snapshot::Depth, time::Timestamp};
use atocore_storage::{
    files::{self, FileError, Kind, Locked},
    layout::Layout,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    plan::{Decision, KeepReason, SnapshotFacts},
    policy::RetentionRules,
    survey::{PrunePlan, Survey, plan},
};
use crate::{
    BackupError,
    ledger::Ledger,
    manifest::FILE_NAME,
    notes,
    snapshot_directory::SnapshotDirectory,
    stage::{self, clear_leftovers, lock_path_of},
    take::proceed,
    tree,
};

/// What a removal did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pruned {
    /// What was decided.
    pub plan: PrunePlan,
    /// What was removed, in the order of the plan.
    pub removed: Vec<SnapshotId>,
    /// What that took on the disk.
    pub freed_bytes: u64,
    /// What was to be removed and was not, or not altogether.
    pub failed: Vec<PruneFailure>,
}

/// A snapshot that was to be removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PruneFailure {
    /// Its stamp.
    pub stamp: SnapshotId,
    /// Whether it is still a snapshot, whole and listed. Otherwise what is left of it is cleared by a later run.
    pub still_listed: bool,
    /// Why.
    #[serde(rename = "reason")]
    pub why: String,
}

/// Removes every snapshot that the policy does not keep. One that cannot be removed does not stop the others.
///
/// # Errors
/// As [`plan`]; or when the backup directory cannot be locked. Nothing was removed then.
///
/// # Durability
/// A snapshot in `removed` is gone from the disk when this returns `Ok`. A process that dies in between leaves whole
/// snapshots in the list, and beside it what the next run, or the next snapshot, clears.
///
/// # Cancellation
/// Between two snapshots: what was not reached stays and is reported as such.
pub fn prune(
    directory: &SnapshotDirectory,
    layout: &Layout,
    policy: &RetentionRules,
    now: Timestamp,
    monitor: &dyn Monitor,
) -> Result<Pruned, BackupError> {
    if !directory.snapshots().is_dir() {
        let plan = plan(directory, layout, policy, now, monitor)?;
        return Ok(Pruned { plan, removed: Vec::new(), freed_bytes: 0, failed: Vec::new() });
    }
    let partial = directory.prepare()?;
    let choosing = stage::lock(&directory.lock_file(), monitor)?;
    clear_leftovers(&partial)?;
    let plan = plan(directory, layout, policy, now, monitor)?;
    drop(choosing);
    let (mut removed, mut freed_bytes, mut failed) = (Vec::new(), 0, Vec::new());
    let removal = SnapshotRemoval { directory, layout, plan: &plan };
    for facts in plan.decisions.iter().filter(|decision| decision.removes()).map(|decision| &decision.facts) {
        match removal.remove(facts, monitor) {
            Ok(()) => {
                removed.push(facts.stamp);
                freed_bytes += facts.bytes;
            }
            Err(PruneStop { still_listed, why }) => {
                failed.push(PruneFailure { stamp: facts.stamp, still_listed, why });
            }
        }
    }
    Ok(Pruned { plan, removed, freed_bytes, failed })
}

/// Why a snapshot was not removed.
struct PruneStop {
    still_listed: bool,
    why: String,
}

impl PruneStop {
    fn before(why: impl Into<String>) -> Self {
        Self { still_listed: true, why: why.into() }
    }
}

impl From<BackupError> for PruneStop {
    fn from(error: BackupError) -> Self {
        Self::before(with_causes(&error))
    }
}

impl From<FileError> for PruneStop {
    fn from(error: FileError) -> Self {
        Self::before(with_causes(&error))
    }
}

/// A snapshot that has left the list.
struct Doomed {
    dir: PathBuf,
    lock_path: PathBuf,
    _lock: Locked,
}

struct SnapshotRemoval<'a> {
    directory: &'a SnapshotDirectory,
    layout: &'a Layout,
    plan: &'a PrunePlan,
}

impl SnapshotRemoval<'_> {
    fn remove(&self, facts: &SnapshotFacts, monitor: &dyn Monitor) -> Result<(), PruneStop> {
        proceed(monitor)?;
        let doomed = {
            // Nobody pins it or chooses a stamp between the look and the step.
            let _choosing = stage::lock(&self.directory.lock_file(), monitor)?;
            self.look_again(facts)?;
            self.take_off_the_list(facts.stamp)?
        };
        // From here on no error puts it back; the first one is told, and all is tried.
        let forgotten =
            Ledger::of(self.directory).forget(facts.stamp).and(notes::forget(self.directory, facts.stamp));
        let deleted = files::remove_tree(&doomed.dir).and_then(|()| files::remove_file(&doomed.lock_path));
        let after = |why: String| PruneStop { still_listed: false, why };
        forgotten.map_err(|error| after(with_causes(&error)))?;
        deleted.map_err(|error| after(with_causes(&error)))
    }

    /// Whether what decided about it still holds.
    fn look_again(&self, facts: &SnapshotFacts) -> Result<(), PruneStop> {
        let path = self.directory.snapshot(facts.stamp);
        let survey = Survey::new(self.directory, self.layout)?;
        let present = survey.look(&path)?.map_err(PruneStop::before)?;
        if present != *facts {
            return Err(PruneStop::before("it has changed since it was decided about: run it again"));
        }
        if facts.proven < Some(Depth::Content) {
            return Ok(());
        }
        // A newer one is proven too; but is it still?
        let protects = |decision: &&Decision| {
            decision.facts.store == facts.store
                && decision.kept.iter().any(|reason| matches!(reason, KeepReason::NewestProven(_)))
        };
        for newer in self.plan.decisions.iter().filter(protects) {
            let path = self.directory.snapshot(newer.facts.stamp);
            let proven = survey.look(&path)?.ok().and_then(|facts| facts.proven);
            if proven >= Some(Depth::Content) {
                return Ok(());
            }
        }
        Err(PruneStop::before("the newer proof that let it go is gone: run it again"))
    }

    /// Moves it to where nobody lists it, in one step. While the mark is locked, nobody clears it away either.
    fn take_off_the_list(&self, stamp: SnapshotId) -> Result<Doomed, PruneStop> {
        let (path, partial) = (self.directory.snapshot(stamp), self.directory.partial());
        refuse_read_only(&path)?;
        let in_use = || PruneStop::before("it is in use: somebody validates or restores it");
        let _unused = files::try_lock(&path.join(FILE_NAME))?.ok_or_else(in_use)?;
        let (dir, lock_path) = (partial.join(stamp.to_string()), lock_path_of(&partial, stamp));
        let lock = files::try_lock(&lock_path)?.ok_or_else(|| {
            PruneStop::before("another process is at work on what is left of one with the same stamp")
        })?;
        if let Err(error) = files::rename_new(&path, &dir) {
            let still_listed = !matches!(files::kind(&path), Ok(None));
            if still_listed && matches!(files::kind(&dir), Ok(None)) {
                // What is left of an earlier one keeps its mark.
                drop(files::remove_file(&lock_path));
            }
            // When it was moved and only not synced, nothing of it is deleted before a later run has another try.
            return Err(PruneStop { still_listed, why: with_causes(&error) });
        }
        Ok(Doomed { dir, lock_path, _lock: lock })
    }
}

/// A folder that somebody has made read-only is meant to stay, and would be deleted by half otherwise.
fn refuse_read_only(snapshot: &Path) -> Result<(), PruneStop> {
    let check = |folder: &Path, shown: &str| {
        if files::is_read_only(folder)? {
            let what = if shown.is_empty() { "its folder".to_owned() } else { format!("`{shown}` in it") };
            return Err(PruneStop::before(format!(
                "{what} is read-only: make it writable, then run it again"
            )));
        }
        Ok(())
    };
    check(snapshot, "")?;
    tree::walk(snapshot, &mut |entry| match entry {
        Ok(entry) if entry.kind == Kind::Folder => check(&entry.path, &entry.shown),
        Ok(_) => Ok(()),
        Err((_, error)) => Err(error.into()),
    })
}
