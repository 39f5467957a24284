//! Recovery points beside writers that change the database, the registry and the vectors in step, each time in one
//! write: whatever is copied, the three must be of the same step.
//!
//! Beside that writer another one makes the log grow, and a reader holds it back by fits and starts, so that every way
//! of copying has its turn.

mod counts;
mod proof;
mod writers;

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::Duration,
};

use atocore_backup::{
    snapshot_directory::SnapshotDirectory,
    take::{SnapshotSource, TakeOptions, take},
    verify::verify,
};
use atocore_engine::{Copier, Layout, SystemClock};
use atocore_model::{monitor::Silent, snapshot::Depth};
use atocore_storage::{
    files,
    sqlite::{Store, inspect},
};

use super::{SoakFailure, Violation, random::Random, subject::store_options};
use proof::{Copy, step_of};
use writers::{Steps, make_noise, read_slowly};

pub use counts::PointCounts;

/// How many recovery points to take, and how.
#[derive(Debug, Clone)]
pub struct PointOptions<'a> {
    /// The process that copies.
    pub copier: Copier,
    /// How many recovery points.
    pub points: u64,
    /// Determines what is drawn by lot; not the moments.
    pub seed: u64,
    /// An empty folder for everything; left as it is for whoever wants to look.
    pub scratch: &'a Path,
}

/// Each so many recovery points, a whole snapshot is taken and proven.
const SNAPSHOT_EVERY: u64 = 8;

/// Each so many, the copy goes through SQLite's backup interface.
const WITHIN_EVERY: u64 = 5;

/// Each so many, writers rest right before it, so that the log can be checkpointed to its end.
const LULL_EVERY: u64 = 9;

/// How long: readers that hold the log back are gone by then.
const LULL: Duration = Duration::from_millis(60);

/// When the registry is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RegistryRead {
    /// Under the write barrier, as the product does.
    WithinTheBarrier,
    /// Once writers have gone on: what must be found out.
    AfterIt,
}

/// Takes the recovery points. `report` is told now and then how far it is.
///
/// # Errors
/// At the first that is not of one step, not whole, or older than what was acknowledged before it was taken; and when
/// anything is missing after all of them.
pub fn run(options: &PointOptions<'_>, report: &mut dyn FnMut(String)) -> Result<PointCounts, SoakFailure> {
    let mut counts = PointCounts::default();
    soak(options, RegistryRead::WithinTheBarrier, &mut counts, report).map_err(|violation| SoakFailure {
        seed: options.seed,
        round: counts.points + 1,
        operation: "recovery point",
        violation,
        scratch: options.scratch.to_owned(),
    })?;
    Ok(counts)
}

fn soak(
    options: &PointOptions<'_>,
    read: RegistryRead,
    counts: &mut PointCounts,
    report: &mut dyn FnMut(String),
) -> Result<(), Violation> {
    let layout = Layout::in_home(options.scratch);
    let store = Store::open(&layout.database(), store_options())?;
    let steps = Steps::begin(&store, &layout)?;
    let running =
        PointsRun { stop: AtomicBool::new(false), lull: AtomicBool::new(false), steps: AtomicU64::new(1) };
    let taken = thread::scope(|scope| {
        // Dropped when this ends, however it does: otherwise the writers would go on for ever.
        let end = End(&running.stop);
        let writers = [
            scope.spawn(|| steps.go_on(&store, &running)),
            scope.spawn(|| make_noise(&store, &running, Random::new(options.seed ^ 1))),
            scope.spawn(|| read_slowly(&store, &running, Random::new(options.seed ^ 2))),
        ];
        let taker = Taker { options, layout: &layout, store: &store, running: &running, read };
        let taken = taker.take_all(counts, report);
        drop(end);
        for writer in writers {
            writer.join().map_err(|_| Violation::new("a writer panicked".to_owned()))??;
        }
        taken
    });
    taken?;
    let (steps, generation) = (running.steps.load(Ordering::SeqCst), store.generation()?);
    drop(store);
    counts.steps = steps;
    // As the next start finds it.
    let store = Store::open(&layout.database(), store_options())?;
    if store.generation()? != generation || step_of(&store, &registry_bytes(&layout)?)? != steps {
        return Err(Violation::new("the store is not as it was left".to_owned()));
    }
    Ok(())
}

/// What writers and the taker of recovery points tell each other.
#[derive(Debug)]
struct PointsRun {
    stop: AtomicBool,
    /// Writers rest.
    lull: AtomicBool,
    /// The last step that was acknowledged.
    steps: AtomicU64,
}

impl PointsRun {
    /// Whether a writer goes on; returns only when it may.
    fn goes_on(&self) -> bool {
        while self.lull.load(Ordering::SeqCst) && !self.stop.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(1));
        }
        !self.stop.load(Ordering::SeqCst)
    }
}

struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

struct Taker<'a> {
    options: &'a PointOptions<'a>,
    layout: &'a Layout,
    store: &'a Store,
    running: &'a PointsRun,
    read: RegistryRead,
}

impl Taker<'_> {
    fn take_all(&self, counts: &mut PointCounts, report: &mut dyn FnMut(String)) -> Result<(), Violation> {
        for number in 1..=self.options.points {
            let acknowledged = self.running.steps.load(Ordering::SeqCst);
            let step = if number.is_multiple_of(SNAPSHOT_EVERY) {
                counts.snapshots += 1;
                self.snapshot()?
            } else {
                self.point(number, counts)?
            };
            if step < acknowledged {
                let what = format!("step {acknowledged} was acknowledged, and step {step} was copied later");
                return Err(Violation::new(what));
            }
            counts.points += 1;
            if number.is_multiple_of(200) {
                report(format!("{number:>5} recovery points, the writer is at step {step}"));
            }
        }
        Ok(())
    }

    /// A recovery point and its copy; returns the step that all of it is of.
    fn point(&self, number: u64, counts: &mut PointCounts) -> Result<u64, Violation> {
        if number.is_multiple_of(LULL_EVERY) {
            self.running.lull.store(true, Ordering::SeqCst);
            thread::sleep(LULL);
        }
        let taken = self.store.recovery_point(|| registry_bytes(self.layout));
        self.running.lull.store(false, Ordering::SeqCst);
        let (read_snapshot, mut registry) = taken?;
        if self.read == RegistryRead::AfterIt {
            writers::wait_for_the_next_step(self.running)?;
            registry = registry_bytes(self.layout);
        }
        let within = number.is_multiple_of(WITHIN_EVERY);
        counts.barrier(read_snapshot.held_back());
        match (within, read_snapshot.needs_log()) {
            (true, _) => counts.within += 1,
            (false, true) => counts.with_log += 1,
            (false, false) => counts.file_alone += 1,
        }
        let to = self.options.scratch.join("point.db");
        let copier = if within { &Copier::InProcess } else { &self.options.copier };
        read_snapshot.copy_to(&to, copier, &Silent)?.sync()?;
        let copy = Copy { database: &to, registry: &registry?, record: read_snapshot.record() };
        let step = copy.prove()?;
        drop(read_snapshot);
        files::remove_file(&to)?;
        Ok(step)
    }

    /// A snapshot as the product takes it.
    fn snapshot(&self) -> Result<u64, Violation> {
        let vault = SnapshotDirectory::new(&self.layout.backups);
        let source = SnapshotSource { store: self.store, layout: self.layout };
        let clock = std::sync::Arc::new(SystemClock);
        let options = TakeOptions { copier: self.options.copier.clone(), ..TakeOptions::new(clock) };
        let taken = take(&vault, &source, &options, &Silent)?;
        let validation = verify(&vault, taken.id, Depth::Content, &SystemClock, &Silent)?;
        if !validation.valid() {
            return Err(Violation::new(format!("{}: {}", taken.id, validation.errors().join("; "))));
        }
        let database: PathBuf = taken.path.join("db/atocore.db");
        let registry = Layout::in_home(&taken.path).registry;
        let registry = files::read_if_present(&registry)?.unwrap_or_default();
        let record = inspect::record(&database)?;
        let step = Copy { database: &database, registry: &registry, record: &record }.prove()?;
        files::remove_tree(&taken.path)?;
        Ok(step)
    }
}

fn registry_bytes(layout: &Layout) -> Result<Vec<u8>, Violation> {
    Ok(files::read_if_present(&layout.registry)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_that_is_read_after_the_barrier_is_noticed() {
        let scratch = tempfile::tempdir().unwrap();
        let options = PointOptions { copier: Copier::InProcess, points: 1, seed: 7, scratch: scratch.path() };
        let mut counts = PointCounts::default();
        let failure = soak(&options, RegistryRead::AfterIt, &mut counts, &mut |_| {}).unwrap_err();
        assert!(failure.to_string().contains("are not of one step"), "{failure}");
        assert_eq!(counts.points, 0);
    }
}
