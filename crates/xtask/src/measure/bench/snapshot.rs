//! A snapshot, beside copying the same file and syncing the copy.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use atocore_engine::{Caller, Copier, Engine, IncludeVectors, ProjectChange};
use atocore_model::monitor::Silent;
use atocore_storage::files;

use super::{
    Bench, cannot,
    home::Home,
    table::{Table, megabytes},
    timing::{Spent, in_turns, percentile, spent},
};
use crate::{failure::Failure, measure};

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
        let [quiet, busy, copied] = in_turns(rounds, [&mut quiet, &mut busy, &mut copy])?;
        table.compare("snapshot", quiet.wall, copied.wall, COPY, Some(2.0));
        table.compare("under a writer", busy.wall, copied.wall, COPY, Some(2.0));
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
    table.print();
    Ok(())
}

const COPY: &str = "copy of the file with sync";

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
