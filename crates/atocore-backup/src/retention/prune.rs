//! Carries a plan out: a snapshot that is removed leaves the list whole, in one step, before anything of it is deleted.

use std::path::{Path, PathBuf};

use atocore_model::{error::with_causes, id::SnapshotId, monitor::Monitor, snapshot::Depth, time::Timestamp};
use atocore_storage::{
    files::{self, FileError, Kind, Locked},
    layout::Layout,
};

use super::{
    plan::{Decision, Facts, Reason},
    policy::Policy,
    survey::{Plan, Survey, plan},
};
use crate::{
    BackupError,
    ledger::Ledger,
    manifest::FILE_NAME,
    notes,
    stage::{self, clear_leftovers, mark_of},
    take::proceed,
    tree,
    vault::Vault,
};

/// What a removal did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pruned {
    /// What was decided.
    pub plan: Plan,
    /// What was removed, in the order of the plan.
    pub removed: Vec<SnapshotId>,
    /// What that took on the disk.
    pub freed_bytes: u64,
    /// What was to be removed and was not, or not altogether.
    pub failed: Vec<Failure>,
}

/// A snapshot that was to be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Its stamp.
    pub stamp: SnapshotId,
    /// Whether it is still a snapshot, whole and listed. Otherwise what is left of it is cleared by a later run.
    pub still_listed: bool,
    /// Why.
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
    vault: &Vault,
    layout: &Layout,
    policy: &Policy,
    now: Timestamp,
    monitor: &dyn Monitor,
) -> Result<Pruned, BackupError> {
    if !vault.snapshots().is_dir() {
        let plan = plan(vault, layout, policy, now, monitor)?;
        return Ok(Pruned { plan, removed: Vec::new(), freed_bytes: 0, failed: Vec::new() });
    }
    let partial = vault.prepare()?;
    let choosing = stage::lock(&vault.lock_file(), monitor)?;
    clear_leftovers(&partial)?;
    let plan = plan(vault, layout, policy, now, monitor)?;
    drop(choosing);
    let (mut removed, mut freed_bytes, mut failed) = (Vec::new(), 0, Vec::new());
    let removal = Removal { vault, layout, plan: &plan };
    for facts in plan.decisions.iter().filter(|decision| decision.removes()).map(|decision| &decision.facts) {
        match removal.remove(facts, monitor) {
            Ok(()) => {
                removed.push(facts.stamp);
                freed_bytes += facts.bytes;
            }
            Err(Stopped { still_listed, why }) => {
                failed.push(Failure { stamp: facts.stamp, still_listed, why });
            }
        }
    }
    Ok(Pruned { plan, removed, freed_bytes, failed })
}

/// Why a snapshot was not removed.
struct Stopped {
    still_listed: bool,
    why: String,
}

impl Stopped {
    fn before(why: impl Into<String>) -> Self {
        Self { still_listed: true, why: why.into() }
    }
}

impl From<BackupError> for Stopped {
    fn from(error: BackupError) -> Self {
        Self::before(with_causes(&error))
    }
}

impl From<FileError> for Stopped {
    fn from(error: FileError) -> Self {
        Self::before(with_causes(&error))
    }
}

/// A snapshot that has left the list.
struct Doomed {
    dir: PathBuf,
    mark: PathBuf,
    _lock: Locked,
}

struct Removal<'a> {
    vault: &'a Vault,
    layout: &'a Layout,
    plan: &'a Plan,
}

impl Removal<'_> {
    fn remove(&self, facts: &Facts, monitor: &dyn Monitor) -> Result<(), Stopped> {
        proceed(monitor)?;
        let doomed = {
            // Nobody pins it or chooses a stamp between the look and the step.
            let _choosing = stage::lock(&self.vault.lock_file(), monitor)?;
            self.look_again(facts)?;
            self.take_off_the_list(facts.stamp)?
        };
        // From here on no error puts it back; the first one is told, and all is tried.
        let forgotten =
            Ledger::of(self.vault).forget(facts.stamp).and(notes::forget(self.vault, facts.stamp));
        let deleted = files::remove_tree(&doomed.dir).and_then(|()| files::remove_file(&doomed.mark));
        let after = |why: String| Stopped { still_listed: false, why };
        forgotten.map_err(|error| after(with_causes(&error)))?;
        deleted.map_err(|error| after(with_causes(&error)))
    }

    /// Whether what decided about it still holds.
    fn look_again(&self, facts: &Facts) -> Result<(), Stopped> {
        let path = self.vault.snapshot(facts.stamp);
        let survey = Survey::new(self.vault, self.layout)?;
        let present = survey.look(&path)?.map_err(Stopped::before)?;
        if present != *facts {
            return Err(Stopped::before("it has changed since it was decided about: run it again"));
        }
        if facts.proven < Some(Depth::Content) {
            return Ok(());
        }
        // A newer one is proven too; but is it still?
        let protects = |decision: &&Decision| {
            decision.facts.store == facts.store
                && decision.kept.iter().any(|reason| matches!(reason, Reason::NewestProven(_)))
        };
        for newer in self.plan.decisions.iter().filter(protects) {
            let path = self.vault.snapshot(newer.facts.stamp);
            let proven = survey.look(&path)?.ok().and_then(|facts| facts.proven);
            if proven >= Some(Depth::Content) {
                return Ok(());
            }
        }
        Err(Stopped::before("the newer proof that let it go is gone: run it again"))
    }

    /// Moves it to where nobody lists it, in one step. While the mark is locked, nobody clears it away either.
    fn take_off_the_list(&self, stamp: SnapshotId) -> Result<Doomed, Stopped> {
        let (path, partial) = (self.vault.snapshot(stamp), self.vault.partial());
        refuse_read_only(&path)?;
        let in_use = || Stopped::before("it is in use: somebody validates or restores it");
        let _unused = files::try_lock(&path.join(FILE_NAME))?.ok_or_else(in_use)?;
        let (dir, mark) = (partial.join(stamp.to_string()), mark_of(&partial, stamp));
        let lock = files::try_lock(&mark)?.ok_or_else(|| {
            Stopped::before("another process is at work on what is left of one with the same stamp")
        })?;
        if let Err(error) = files::rename_new(&path, &dir) {
            let still_listed = !matches!(files::kind(&path), Ok(None));
            if still_listed && matches!(files::kind(&dir), Ok(None)) {
                // What is left of an earlier one keeps its mark.
                drop(files::remove_file(&mark));
            }
            // When it was moved and only not synced, nothing of it is deleted before a later run has another try.
            return Err(Stopped { still_listed, why: with_causes(&error) });
        }
        Ok(Doomed { dir, mark, _lock: lock })
    }
}

/// A folder that somebody has made read-only is meant to stay, and would be deleted by half otherwise.
fn refuse_read_only(snapshot: &Path) -> Result<(), Stopped> {
    let check = |folder: &Path, shown: &str| {
        if files::is_read_only(folder)? {
            let what = if shown.is_empty() { "its folder".to_owned() } else { format!("`{shown}` in it") };
            return Err(Stopped::before(format!("{what} is read-only: make it writable, then run it again")));
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
