//! The vectors on a Chroma server, beside the same calls straight to the server and beside the index in files.

mod straight;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use atocore_chroma::{ChromaIndex, ChromaServer};
use atocore_engine::SystemClock;
use atocore_model::monitor::Silent;
use atocore_storage::vector::{IndexAccess, ScanIndex, VectorFilter, VectorIndex, VectorQuery};
use atocore_testkit::chroma::Server;

use super::{
    Bench, cannot,
    table::Table,
    timing::percentile,
    vectors::{DIMENSIONS, Made, Mixture},
};
use crate::failure::Failure;
use straight::Straight;

/// As many candidates as an answer is made of.
const CANDIDATES: usize = 200;
/// What going through AtoCore may cost, as the issue asks for.
const GOAL: Option<f64> = Some(1.2);
const STRAIGHT: &str = "the same calls, straight to the server";
const FILES: &str = "the index in files";

pub(super) fn run(bench: &Bench) -> Result<(), Failure> {
    let dir = bench.dir().join("chroma");
    let server = Server::start(&dir.join("server"));
    let (count, mixture) = (bench.scale.on_server, bench.mixture.get_or_init(Mixture::new));
    let made = |numbers: std::ops::Range<usize>| mixture.vectors(numbers.start, numbers.len());
    let source = Made::new(count, &made);
    let (mut ours, mut theirs) = (Duration::ZERO, Duration::ZERO);
    // Once in each order, so that neither always has the fuller server.
    for round in 0..2 {
        let ours_first = round == 0;
        let mut through = || {
            let started = Instant::now();
            let index = index(&server, &format!("ours-{round}"));
            let _mark = index.catch_up(&source, &Silent).map_err(cannot("write to the server"))?;
            ours += started.elapsed();
            Ok::<_, Failure>(())
        };
        if ours_first {
            through()?;
        }
        let started = Instant::now();
        let mut straight = Straight::connect(&server.url(), &format!("theirs-{round}"))?;
        for first in (0..count).step_by(straight::BATCH) {
            straight.write(first, &made(first..count.min(first + straight::BATCH)))?;
        }
        theirs += started.elapsed();
        if !ours_first {
            through()?;
        }
    }
    let files = ScanIndex::open(&dir.join("files"), IndexAccess::Write).map_err(cannot("make an index"))?;
    let started = Instant::now();
    let _mark = files.catch_up(&source, &Silent).map_err(cannot("fill an index"))?;
    let filled = started.elapsed();

    let (index, mut straight) = (index(&server, "ours-0"), Straight::connect(&server.url(), "theirs-0")?);
    let _mark = index.refresh().map_err(cannot("ask the server"))?;
    let [mut through, mut direct, mut in_files] = [const { Vec::new() }; 3];
    for (number, question) in mixture.vectors(count, bench.scale.questions).iter().enumerate() {
        let mut direct = || straight.ask(question, CANDIDATES).map(|time| direct.push(time));
        if number % 2 == 0 {
            direct()?;
        }
        through.push(search(&index, question)?);
        if number % 2 == 1 {
            direct()?;
        }
        in_files.push(search(&files, question)?);
    }
    let questions = through.len();
    let title = format!("chroma: {count} made vectors of {DIMENSIONS} dimensions, {questions} questions");
    let mut table = Table::new(format!("{title}, {CANDIDATES} candidates"));
    table.compare("writing all of them", ours / 2, theirs / 2, STRAIGHT, GOAL);
    table.compare("writing all of them", ours / 2, filled, FILES, None);
    for percent in [50, 99] {
        let of = |times: &[Duration]| percentile(times.iter().copied(), percent);
        table.compare(&format!("search, p{percent}"), of(&through), of(&direct), STRAIGHT, GOAL);
        table.compare(&format!("search, p{percent}"), of(&through), of(&in_files), FILES, None);
    }
    table.print();
    drop((server, files));
    super::remove(&dir)
}

fn index(server: &Server, collection: &str) -> ChromaIndex {
    let at = ChromaServer {
        url: server.url(),
        tenant: "default_tenant".to_owned(),
        database: "default_database".to_owned(),
        collection: collection.to_owned(),
        token: None,
        authorities: None,
        timeout: Duration::from_secs(60),
    };
    ChromaIndex::new(at, IndexAccess::Write, Arc::new(SystemClock))
}

fn search(index: &dyn VectorIndex, vector: &[f32]) -> Result<Duration, Failure> {
    let filter = VectorFilter::default();
    let started = Instant::now();
    let query = VectorQuery { vector, filter: &filter, limit: CANDIDATES };
    let found = index.search(&query).map_err(cannot("search"))?;
    let time = started.elapsed();
    if found.matches.len() == CANDIDATES {
        Ok(time)
    } else {
        Err(Failure::failed(format!("{} instead of {CANDIDATES} are found", found.matches.len())))
    }
}
