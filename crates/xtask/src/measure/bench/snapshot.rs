//! A snapshot, beside copying the same file and syncing the copy, and beside Python's `Connection.backup`; and how long
//! it holds writers back.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use atocore_engine::{Caller, Copier, Engine, IncludeVectors, ProjectChange, SystemClock};
use atocore_model::monitor::Silent;
use atocore_storage::{
    files,
    sqlite::{Committed, Operation, StorageError, Store, StoreOptions},
};

use super::{
    Bench, cannot,
    home::{BUSY, Home},
    table::{Table, megabytes},
    timing::{Spent, in_turns, percentile, spent},
};
use crate::{
    failure::Failure,
    measure,
    process::{output_of, program},
};

/// The longest time that a recovery point may hold writers back.
const BARRIER_GOAL: Duration = Duration::from_millis(5);

/// Recovery points that are taken for it.
const BARRIERS: usize = 20;

pub(super) fn run(bench: &Bench) -> Result<(), Failure> {
    let home = bench.whole()?;
    let same = bench.dir().join("same.db");
    let mut engine = home.engine(child()?)?;
    // The file is copied from another one with the same bytes: no file call may touch the live one.
    let first = engine.create_snapshot(IncludeVectors::No, &Silent).map_err(cannot("take a snapshot"))?;
    let _bytes =
        files::copy_synced(&first.path.join("db/atocore.db"), &same).map_err(cannot("copy a file"))?;
    clear(home)?;
    let size = std::fs::metadata(&same).map_err(cannot("look at a file"))?.len();
    let mut table = Table::new(format!("snapshot: a store of {}", megabytes(size)));

    let copied = bench.dir().join("copied");
    files::create_dirs(&copied).map_err(cannot("make a folder"))?;
    let mut copy = || copy(&same, &copied);
    let rounds = bench.scale.long_rounds;
    let commits = std::sync::Mutex::new(Vec::new());
    {
        let mut quiet = || snapshot(home, &engine);
        let mut busy = || {
            let (taken, times) = under_a_writer(home, &engine)?;
            commits.lock().unwrap_or_else(std::sync::PoisonError::into_inner).extend(times);
            Ok(taken)
        };
        let mut python = || backup_of_python(&same, &copied);
        let [quiet, busy, copied, python] =
            in_turns(rounds, [&mut quiet, &mut busy, &mut copy, &mut python])?;
        table.compare("snapshot", quiet.wall, copied.wall, COPY, Some(1.3));
        table.compare("under a writer", busy.wall, copied.wall, COPY, Some(1.3));
        table.compare("the same snapshot", quiet.wall, python.wall, PYTHON, Some(0.6));
    }
    drop(engine);
    engine = home.engine(Copier::InProcess)?;
    let mut inside = || snapshot(home, &engine);
    let [inside, copied] = in_turns(rounds, [&mut inside, &mut copy])?;
    table.compare("copied within the process", inside.wall, copied.wall, COPY, None);

    let alone = commit_times(home, &engine, || {
        thread::sleep(Duration::from_millis(500));
        Ok(())
    })?;
    let commits = commits.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    for (percent, name) in [(50, "p50"), (99, "p99"), (100, "longest")] {
        let of = |times: &[Duration]| percentile(times.iter().copied(), percent);
        let what = format!("a write meanwhile, {name} of {}", commits.len());
        table.compare(&what, of(&commits), of(&alone), "the same write alone", None);
    }
    drop(engine);
    barriers(home, &bench.dir().join("copied"), &mut table)?;
    table.print();
    Ok(())
}

const COPY: &str = "copy of the file with sync";
const PYTHON: &str = "Python's Connection.backup";

/// How long recovery points hold writers back while one commits all the time, and how large the log becomes.
fn barriers(home: &Home, folder: &Path, table: &mut Table) -> Result<(), Failure> {
    let options = StoreOptions { busy_timeout: BUSY, clock: std::sync::Arc::new(SystemClock) };
    let store = Store::open(&home.layout().database(), options).map_err(cannot("open a store"))?;
    let operation = Operation { door: "bench", verb: "write", subject: "nothing" };
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
    let (copier, to, stop) = (child()?, folder.join("pinned.db"), AtomicBool::new(false));
    let mut held_back = Vec::new();
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            while !stop.load(Ordering::SeqCst) {
                let _took = commit()?;
            }
            Ok::<_, Failure>(())
        });
        let taken = (0..BARRIERS).try_for_each(|_| {
            let (pin, ()) = store.recovery_point(|| ()).map_err(cannot("take a recovery point"))?;
            held_back.push(pin.held_back());
            pin.copy_to(&to, &copier, &Silent)
                .and_then(atocore_storage::sqlite::copy::UnsyncedCopy::sync)
                .map_err(cannot("copy a store"))?;
            drop(pin);
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

/// What the original does, without the start of Python.
fn backup_of_python(from: &Path, folder: &Path) -> Result<Spent, Failure> {
    const SCRIPT: &str = "import sqlite3, sys, time
source, target = sqlite3.connect(sys.argv[1]), sqlite3.connect(sys.argv[2])
began = time.perf_counter()
source.backup(target)
target.close()
print(time.perf_counter() - began)";
    let to = folder.join("python.db");
    let said = output_of(program("python3", &["-c", SCRIPT]).args([from, &to]))?;
    files::remove_file(&to).map_err(cannot("remove a file"))?;
    let seconds: f64 = said.trim().parse().map_err(cannot("understand Python"))?;
    Ok(Spent { wall: Duration::from_secs_f64(seconds), ..Spent::default() })
}

/// Copies as the product does: in a child process, here this program itself.
pub(super) fn child() -> Result<Copier, Failure> {
    let program = std::env::current_exe().map_err(cannot("find this program"))?;
    Ok(Copier::Child { program, arguments: vec![measure::COPY_PAGES.to_owned()] })
}

fn snapshot(home: &Home, engine: &Engine) -> Result<Spent, Failure> {
    let taken =
        spent(|| engine.create_snapshot(IncludeVectors::No, &Silent).map_err(cannot("take a snapshot")))?;
    clear(home)?;
    Ok(taken)
}

/// A snapshot while another thread writes as fast as it can, and how long its writes took.
fn under_a_writer(home: &Home, engine: &Engine) -> Result<(Spent, Vec<Duration>), Failure> {
    let mut taken = Spent::default();
    let times = commit_times(home, engine, || {
        taken = snapshot(home, engine)?;
        Ok(())
    })?;
    Ok((taken, times))
}

/// Writes small changes until `work` is done; returns how long each took.
fn commit_times(
    home: &Home,
    engine: &Engine,
    work: impl FnOnce() -> Result<(), Failure>,
) -> Result<Vec<Duration>, Failure> {
    let Some(project) = home.projects()?.into_iter().next() else { return work().map(|()| Vec::new()) };
    let done = AtomicBool::new(false);
    let (result, times) = thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut times = Vec::new();
            while !done.load(Ordering::SeqCst) {
                let started = Instant::now();
                let description = Some(format!("Changed {} times.", times.len()));
                let change = ProjectChange { description, ..ProjectChange::default() };
                let _project = engine
                    .update_project(&project, change, Caller::Local)
                    .map_err(cannot("change a project"))?;
                times.push(started.elapsed());
            }
            Ok(times)
        });
        let result = work();
        done.store(true, Ordering::SeqCst);
        (result, writer.join())
    });
    result?;
    times.map_err(|_| Failure::failed("the writer panicked"))?
}

fn copy(from: &Path, folder: &Path) -> Result<Spent, Failure> {
    let to = folder.join("copy.db");
    let copied = spent(|| {
        let _bytes = files::copy_synced(from, &to).map_err(cannot("copy a file"))?;
        files::sync(folder).map_err(cannot("sync a folder"))
    })?;
    files::remove_file(&to).map_err(cannot("remove a file"))?;
    Ok(copied)
}

fn clear(home: &Home) -> Result<(), Failure> {
    files::remove_tree(&home.layout().backups).map_err(cannot("remove snapshots"))
}
