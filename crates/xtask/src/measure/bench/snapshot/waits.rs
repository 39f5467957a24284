//! Who waits for a snapshot: writers and questions, and what becomes of the log meanwhile.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use atocore_engine::{Caller, Engine, ProjectChange, SystemClock};
use atocore_model::{monitor::Silent, name::ProjectName};
use atocore_storage::{
    files,
    sqlite::{Committed, LoggedOperation, StorageError, Store, StoreOptions, copy::UnsyncedCopy},
};

use crate::{
    failure::Failure,
    measure::bench::{
        Bench, cannot,
        contention::QuestionLoop,
        home::{BUSY, Home},
        table::{Table, megabytes},
        timing::percentile,
    },
};

/// One write begins so long after the one before: 200 in a second.
const BETWEEN_WRITES: Duration = Duration::from_millis(5);

/// Questions leave so much time between them.
const BETWEEN_QUESTIONS: Duration = Duration::from_millis(20);

/// The longest time that a recovery point may hold writers back.
const BARRIER_GOAL: Duration = Duration::from_millis(5);

/// Recovery points that are taken for it.
const BARRIERS: usize = 20;

/// How long writes and questions are watched while nothing else runs.
const ALONE: Duration = Duration::from_secs(3);

/// Changes a project 200 times a second: registry and store.
pub(super) struct Writer<'e> {
    engine: &'e Engine,
    project: ProjectName,
}

impl<'e> Writer<'e> {
    pub(super) fn new(home: &Home, engine: &'e Engine) -> Result<Self, Failure> {
        let project = home.projects()?.into_iter().next();
        let project = project.ok_or_else(|| Failure::failed("the home has no project"))?;
        Ok(Self { engine, project })
    }

    /// Writes until `work` is done; returns what it made, and how long each write took.
    pub(super) fn beside<T>(
        &self,
        work: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<(T, Vec<Duration>), Failure> {
        let done = AtomicBool::new(false);
        let (result, times) = thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let mut times = Vec::new();
                while !done.load(Ordering::SeqCst) {
                    let took = self.write(times.len())?;
                    times.push(took);
                    thread::sleep(BETWEEN_WRITES.saturating_sub(took));
                }
                Ok(times)
            });
            let result = work();
            done.store(true, Ordering::SeqCst);
            (result, writer.join())
        });
        let times = times.map_err(|_| Failure::failed("the writer panicked"))??;
        Ok((result?, times))
    }

    fn write(&self, number: usize) -> Result<Duration, Failure> {
        let started = Instant::now();
        let description = Some(format!("Changed {number} times."));
        let change = ProjectChange { description, ..ProjectChange::default() };
        let changed = self.engine.update_project(&self.project, change, Caller::Local);
        changed.map(|_project| started.elapsed()).map_err(cannot("change a project"))
    }
}

/// Sets how long writes and questions take while one snapshot after the other is taken, beside the same while none is.
pub(super) fn measure(
    bench: &Bench,
    home: &Home,
    engine: &Engine,
    writer: &Writer<'_>,
    table: &mut Table,
) -> Result<(), Failure> {
    let asked = QuestionLoop { engine, queries: &bench.queries(home)?, pause: BETWEEN_QUESTIONS };
    let _warm = asked.during(|| rest(ALONE))?;
    let mut writes_alone = Vec::new();
    let asked_alone = asked.during(|| {
        writes_alone = writer.beside(|| rest(ALONE))?.1;
        Ok(())
    })?;
    let (mut writes, mut log) = (Vec::new(), 0);
    let rounds = bench.scale.long_rounds;
    let asked = asked.during(|| {
        let snapshots = || (0..rounds).try_for_each(|_| super::snapshot(home, engine).map(drop));
        let (largest, times) = writer.beside(|| largest_log(home, snapshots))?;
        (writes, log) = (times, largest);
        Ok(())
    })?;
    for (percent, name) in [(50, "p50"), (99, "p99"), (100, "longest")] {
        let of = |times: &[Duration]| percentile(times.iter().copied(), percent);
        let what = format!("a write meanwhile, {name} of {}", writes.len());
        table.compare(&what, of(&writes), of(&writes_alone), "the same while no snapshot is taken", None);
    }
    for (percent, name) in [(50, "p50"), (99, "p99"), (100, "longest")] {
        let of = |times: &[Duration]| percentile(times.iter().copied(), percent);
        let what = format!("a question meanwhile, {name} of {}", asked.len());
        table.compare(&what, of(&asked), of(&asked_alone), "the same while no snapshot is taken", None);
    }
    let size = std::fs::metadata(home.layout().database()).map_err(cannot("look at a file"))?.len();
    table.show("the log at its largest", megabytes(log), megabytes(size), "the store");
    Ok(())
}

/// The largest size of the log of the store while `work` is done.
fn largest_log(home: &Home, work: impl FnOnce() -> Result<(), Failure>) -> Result<u64, Failure> {
    let log = files::with_ending(&home.layout().database(), "-wal");
    let (done, largest) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        let _watching = scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                let size = std::fs::metadata(&log).map_or(0, |data| data.len());
                let _before = largest.fetch_max(size, Ordering::SeqCst);
                thread::sleep(Duration::from_millis(2));
            }
        });
        let result = work();
        done.store(true, Ordering::SeqCst);
        result
    })?;
    Ok(largest.into_inner())
}

/// How long recovery points hold writers back while one commits all the time.
pub(super) fn barriers(home: &Home, folder: &Path, table: &mut Table) -> Result<(), Failure> {
    let options = StoreOptions { busy_timeout: BUSY, clock: Arc::new(SystemClock) };
    let store = Store::open(&home.layout().database(), options).map_err(cannot("open a store"))?;
    let operation = LoggedOperation { interface: "bench", action: "write", subject: "nothing" };
    let commit = || -> Result<Duration, Failure> {
        let started = Instant::now();
        let _done: Committed<()> =
            store.write(&operation, |_| Ok::<_, StorageError>(())).map_err(cannot("write"))?;
        Ok(started.elapsed())
    };
    let mut alone = Vec::new();
    for _ in 0..10 * BARRIERS {
        alone.push(commit()?);
    }
    let (copier, to, stop) = (super::child()?, folder.join("pinned.db"), AtomicBool::new(false));
    let mut held_back = Vec::new();
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            while !stop.load(Ordering::SeqCst) {
                let _took = commit()?;
            }
            Ok::<_, Failure>(())
        });
        let taken = (0..BARRIERS).try_for_each(|_| {
            let (read_snapshot, ()) = store.recovery_point(|| ()).map_err(cannot("take a recovery point"))?;
            held_back.push(read_snapshot.held_back());
            let copied = read_snapshot.copy_to(&to, &copier, &Silent).and_then(UnsyncedCopy::sync);
            copied.map_err(cannot("copy a store"))?;
            drop(read_snapshot);
            files::remove_file(&to).map_err(cannot("remove a file"))
        });
        stop.store(true, Ordering::SeqCst);
        taken.and(writer.join().map_err(|_| Failure::failed("the writer panicked"))?)
    })?;
    let write = percentile(alone.into_iter(), 50);
    for (percent, name) in [(50, "p50"), (100, "longest")] {
        let held_back = percentile(held_back.iter().copied(), percent);
        let what = format!("writers held back, {name} of {BARRIERS}");
        table.limit(&what, held_back, write, "one write", BARRIER_GOAL);
    }
    Ok(())
}

fn rest(time: Duration) -> Result<(), Failure> {
    thread::sleep(time);
    Ok(())
}
