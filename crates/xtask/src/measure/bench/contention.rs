//! Answers while other work runs, beside answers while nothing does: by words, and by words and meaning.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use atocore_engine::{Engine, IncludeVectors};
use atocore_model::{monitor::Silent, query::QueryRequest};
use atocore_storage::files;

use super::{Bench, cannot, home::Home, query::answer_time, snapshot, table::Table, timing::percentile};
use crate::failure::Failure;

/// How long questions are asked while nothing else runs.
const IDLE: Duration = Duration::from_secs(3);

/// The same with meaning, where a caller waits between two questions.
const IDLE_WITH_MEANING: Duration = Duration::from_secs(12);

/// How long a caller waits between two questions: without, the vectors behind the commits would hardly be made.
const PAUSE: Duration = Duration::from_millis(20);

/// The most that answers may take of what they take while nothing else runs, all but one in a hundred.
const GOAL: f64 = 3.0;

pub(super) fn run(bench: &Bench) -> Result<(), Failure> {
    let home = bench.large()?;
    by_words(bench, home)?;
    bench.give_vectors(home)?;
    with_meaning(bench, home)
}

fn by_words(bench: &Bench, home: &Home) -> Result<(), Failure> {
    let engine = home.engine(snapshot::child()?)?;
    let asked = QuestionLoop { engine: &engine, queries: &bench.queries(home)?, pause: Duration::ZERO };
    let idle = || rest(IDLE);
    let _warm = asked.during(idle)?;
    let before = asked.during(idle)?;
    let rounds = bench.scale.long_rounds;
    let during_snapshots = asked.during(|| (0..rounds).try_for_each(|_| take_snapshot(&engine)))?;
    clear(home)?;
    home.edit_every_file(&bench.corpus, 1)?;
    let during_refresh = asked.during(|| home.refresh_all(&engine))?;
    let after = asked.during(idle)?;
    let idle = [before, after].concat();
    print(
        &format!(
            "query-while-ingesting: one caller, project as hint, {} files, {} answers while idle",
            home.files(),
            idle.len()
        ),
        &idle,
        &[("snapshots", during_snapshots, None), ("refresh, all files changed", during_refresh, None)],
    );
    Ok(())
}

fn with_meaning(bench: &Bench, home: &Home) -> Result<(), Failure> {
    let mut engine = home.engine_with_meaning(snapshot::child()?)?;
    engine.start_embedding();
    let engine = &engine;
    let asked = QuestionLoop { engine, queries: &bench.queries(home)?, pause: PAUSE };
    let idle = || rest(IDLE_WITH_MEANING);
    let _warm = asked.during(idle)?;
    let before = asked.during(idle)?;
    let during_snapshots = asked.during(|| {
        let started = Instant::now();
        while started.elapsed() < IDLE_WITH_MEANING {
            take_snapshot(engine)?;
        }
        Ok(())
    })?;
    clear(home)?;
    let after = asked.during(idle)?;
    home.edit_every_file(&bench.corpus, 2)?;
    let during_refresh = asked.during(|| home.refresh_all(engine))?;
    let status = || engine.status().map_err(cannot("look at the status"));
    let missing = status()?.embedding;
    let during_embedding = asked.during(idle)?;
    let made = status()?.embedding;
    let idle = [before, after].concat();
    print(
        &format!(
            "query-while-ingesting with meaning: one caller, project as hint, {} ms between questions, {} chunks, {} \
             answers while idle; of {} missing vectors {} were made meanwhile",
            PAUSE.as_millis(),
            made.passages,
            idle.len(),
            missing.passages - missing.embedded,
            made.embedded.saturating_sub(missing.embedded),
        ),
        &idle,
        &[
            ("snapshots", during_snapshots, Some(GOAL)),
            ("refresh, all files changed", during_refresh, Some(GOAL)),
            ("making vectors behind it", during_embedding, Some(GOAL)),
        ],
    );
    Ok(())
}

fn print(title: &str, idle: &[Duration], works: &[(&str, Vec<Duration>, Option<f64>)]) {
    let mut table = Table::new(title);
    for (work, times, goal) in works {
        for (percent, name) in [(50, "p50"), (99, "p99"), (100, "longest")] {
            let of = |times: &[Duration]| percentile(times.iter().copied(), percent);
            let what = format!("during {work}, {name} of {}", times.len());
            let goal = goal.filter(|_| percent == 99);
            table.compare(&what, of(times), of(idle), "the same questions while idle", goal);
        }
    }
    table.print();
}

fn rest(time: Duration) -> Result<(), Failure> {
    thread::sleep(time);
    Ok(())
}

fn take_snapshot(engine: &Engine) -> Result<(), Failure> {
    engine.create_snapshot(IncludeVectors::No, &Silent).map(drop).map_err(cannot("take a snapshot"))
}

fn clear(home: &Home) -> Result<(), Failure> {
    files::remove_tree(&home.layout().backups).map_err(cannot("remove snapshots"))
}

/// Questions that are asked again and again.
pub(super) struct QuestionLoop<'a> {
    pub(super) engine: &'a Engine,
    pub(super) queries: &'a [QueryRequest],
    /// The time between an answer and the next question.
    pub(super) pause: Duration,
}

impl QuestionLoop<'_> {
    /// Asks one question after the other until `work` is done; returns how long each answer took.
    pub(super) fn during(
        &self,
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
            for query in self.queries.iter().cycle() {
                if done.load(Ordering::SeqCst) {
                    break;
                }
                times.push(answer_time(self.engine, query)?);
                thread::sleep(self.pause);
            }
            working.join().map_err(|_| Failure::failed("the work beside the questions panicked"))??;
            Ok(times)
        })
    }
}
