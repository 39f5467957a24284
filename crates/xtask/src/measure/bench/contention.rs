//! Answers while other work runs, beside answers while nothing does.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use atocore_engine::{Engine, IncludeVectors};
use atocore_model::{
    monitor::Silent,
    query::{ProjectHint, Query},
};
use atocore_storage::files;

use super::{
    Bench, cannot,
    query::{answer_time, query},
    snapshot,
    table::Table,
    timing::percentile,
};
use crate::failure::Failure;

/// How long questions are asked while nothing else runs.
const IDLE: Duration = Duration::from_secs(3);

pub(super) fn run(bench: &Bench) -> Result<(), Failure> {
    let home = bench.large()?;
    let engine = home.engine(snapshot::child()?)?;
    let projects = home.projects()?;
    let questions = bench.corpus.questions(bench.scale.questions);
    let queries = questions.iter().enumerate();
    let queries = queries
        .map(|(number, question)| {
            query(question, ProjectHint::Boost(projects[number % projects.len()].clone()))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let idle = || {
        thread::sleep(IDLE);
        Ok(())
    };
    let _warm = asked_during(&engine, &queries, idle)?;
    let before = asked_during(&engine, &queries, idle)?;
    let rounds = bench.scale.long_rounds;
    let during_snapshots = asked_during(&engine, &queries, || {
        for _ in 0..rounds {
            let _taken =
                engine.create_snapshot(IncludeVectors::No, &Silent).map_err(cannot("take a snapshot"))?;
        }
        Ok(())
    })?;
    files::remove_tree(&home.layout().backups).map_err(cannot("remove snapshots"))?;
    home.edit_every_file(&bench.corpus, 1)?;
    let during_refresh = asked_during(&engine, &queries, || home.refresh_all(&engine))?;
    let after = asked_during(&engine, &queries, idle)?;
    let idle = [before, after].concat();

    let mut table = Table::new(format!(
        "query-while-ingesting: one caller, project as hint, {} files, {} answers while idle",
        home.files(),
        idle.len()
    ));
    for (work, times) in [("snapshots", &during_snapshots), ("refresh, all files changed", &during_refresh)] {
        for (percent, name) in [(50, "p50"), (99, "p99"), (100, "longest")] {
            let of = |times: &[Duration]| percentile(times.iter().copied(), percent);
            let what = format!("during {work}, {name} of {}", times.len());
            table.compare(&what, of(times), of(&idle), "the same questions while idle", None);
        }
    }
    table.print();
    Ok(())
}

/// Asks one question after the other until `work` is done; returns how long each answer took.
fn asked_during(
    engine: &Engine,
    queries: &[Query],
    work: impl FnOnce() -> Result<(), Failure> + Send,
) -> Result<Vec<Duration>, Failure> {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let working = scope.spawn(|| {
            let result = work();
            done.store(true, Ordering::SeqCst);
            result
        });
        let mut times = Vec::new();
        for query in queries.iter().cycle() {
            if done.load(Ordering::SeqCst) {
                break;
            }
            times.push(answer_time(engine, query)?);
        }
        working.join().map_err(|_| Failure::failed("the work beside the questions panicked"))??;
        Ok(times)
    })
}
