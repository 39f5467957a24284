//! The vector index alone, without embedding, beside a plain scan over the same vectors in 32-bit numbers.

mod exact;
pub(super) mod mixture;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use atocore_engine::Precision;
use atocore_model::monitor::Silent;
use atocore_storage::{
    files,
    vector::{IndexAccess, ScanIndex, VectorFilter, VectorIndex, VectorQuery},
};

use super::{Bench, cannot, machine::Resident, meaning, table::Table, timing::percentile};
use crate::failure::Failure;

pub(super) use mixture::{DIMENSIONS, Made, Mixture};

/// As many candidates as an answer is made of.
const CANDIDATES: usize = 200;

/// As many as are shown.
const SHOWN: usize = 10;

/// The least part of the best ten that must be found.
const RECALL: f64 = 0.999;

const PLAIN: &str = "plain scan in f32, one thread";

pub(super) fn run(bench: &Bench) -> Result<(), Failure> {
    let mixture = Mixture::new();
    for count in bench.scale.vectors {
        // The questions are vectors of the same mixture that the index does not have.
        let questions = mixture.vectors(*count, if *count > 200_000 { 100 } else { 400 });
        let made = |numbers: std::ops::Range<usize>| mixture.vectors(numbers.start, numbers.len());
        let title = format!(
            "vectors: {count} made ones, {DIMENSIONS} dimensions, 1000 clusters, variance of direction n is 1/n"
        );
        measure(&bench.dir().join(format!("vectors-{count}")), &title, *count, &made, &questions)?;
    }
    real(bench)
}

/// Vectors of real passages and questions: as many as can be made in a minute.
fn real(bench: &Bench) -> Result<(), Failure> {
    let embedder =
        meaning::load(Precision::F32, std::thread::available_parallelism().map_or(1, usize::from))?;
    let embed = |texts: Vec<String>| {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        embedder.embed_many(&texts, &Silent).map_err(cannot("embed texts"))
    };
    let vectors = embed(bench.corpus.passages(bench.scale.real_vectors))?;
    let questions = embed(bench.corpus.questions(400))?;
    let made = |numbers: std::ops::Range<usize>| vectors[numbers].to_vec();
    let title = format!("vectors: those of {} real passages, 400 questions of 3 to 6 words", vectors.len());
    measure(&bench.dir().join("vectors-real"), &title, vectors.len(), &made, &questions)
}

fn measure(
    dir: &Path,
    title: &str,
    count: usize,
    made: &dyn Fn(std::ops::Range<usize>) -> Vec<Vec<f32>>,
    questions: &[Vec<f32>],
) -> Result<(), Failure> {
    let (opened, growth) = {
        let index = ScanIndex::open(dir, IndexAccess::Write).map_err(cannot("make a vector index"))?;
        let _mark =
            index.catch_up(&Made::new(count, made), &Silent).map_err(cannot("fill a vector index"))?;
        drop(index);
        // A copy: what a process has written itself it does not check again.
        let (copy, before) = (copied(dir)?, Resident::now());
        let started = Instant::now();
        let index = open(&copy)?;
        let opened = started.elapsed();
        questions.iter().try_for_each(|question| search(&index, question).map(drop))?;
        let growth = Resident::now().since(before);
        drop(index);
        super::remove(&copy)?;
        (opened, growth)
    };
    let started = Instant::now();
    for path in files::list(dir).map_err(cannot("list a folder"))? {
        let _bytes = std::fs::read(path).map_err(cannot("read a vector index"))?;
    }
    let read = started.elapsed();

    let index = open(dir)?;
    let vectors: Vec<f32> =
        (0..count).step_by(1000).flat_map(|at| made(at..count.min(at + 1000))).flatten().collect();
    let (mut ours, mut rescored, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    let (mut found, mut wanted) = (0, 0);
    for (number, question) in questions.iter().enumerate() {
        let mut plain = || {
            let started = Instant::now();
            let nearest = exact::nearest(&vectors, question, CANDIDATES);
            theirs.push(started.elapsed());
            nearest
        };
        // Whoever comes second finds the caches of the processor filled by the other one.
        let first = (number % 2 == 0).then(&mut plain);
        let started = Instant::now();
        let matches = search(&index, question)?;
        ours.push(started.elapsed());
        let best = rescore(&vectors, question, &matches);
        rescored.push(started.elapsed());
        let best_of_all = first.unwrap_or_else(plain);
        let best_of_all = &best_of_all[..SHOWN.min(best_of_all.len())];
        wanted += best_of_all.len();
        found += best_of_all.iter().filter(|(_, number)| best.contains(number)).count();
    }
    let mut table = Table::new(format!("{title}, {} questions, {CANDIDATES} candidates", questions.len()));
    for percent in [50, 99] {
        let of = |times: &[Duration]| percentile(times.iter().copied(), percent);
        table.compare(&format!("search, p{percent}"), of(&ours), of(&theirs), PLAIN, None);
        table.compare(&format!("and scored again, p{percent}"), of(&rescored), of(&theirs), PLAIN, None);
    }
    table.part("recall@10", found as f64 / wanted.max(1) as f64, 1.0, PLAIN, RECALL);
    table.memory("memory of the index", growth.all, (vectors.len() * 4) as u64, "the vectors in f32", None);
    table.compare("opening, every byte checked", opened, read, "reading its files", None);
    table.print();
    drop(index);
    super::remove(dir)
}

/// A copy of the files of an index.
fn copied(dir: &Path) -> Result<PathBuf, Failure> {
    let copy = dir.with_extension("copy");
    files::create_dirs(&copy).map_err(cannot("make a folder"))?;
    for path in files::list(dir).map_err(cannot("list a folder"))? {
        let to = copy.join(path.file_name().unwrap_or_default());
        let _bytes = files::stream::copy_unsynced(&path, &to).map_err(cannot("copy a vector index"))?;
    }
    Ok(copy)
}

fn open(dir: &Path) -> Result<ScanIndex, Failure> {
    ScanIndex::open(dir, IndexAccess::Read).map_err(cannot("open a vector index"))
}

/// The numbers of the candidates.
fn search(index: &ScanIndex, vector: &[f32]) -> Result<Vec<usize>, Failure> {
    let filter = VectorFilter::default();
    let query = VectorQuery { vector, filter: &filter, limit: CANDIDATES };
    let found = index.search(&query).map_err(cannot("search a vector index"))?;
    Ok(found.matches.iter().map(|found| found.chunk_key as usize).collect())
}

/// The best of the candidates by their exact products. The product reads them from the store, here they are in memory.
fn rescore(vectors: &[f32], question: &[f32], candidates: &[usize]) -> Vec<usize> {
    let score = |number: &usize| exact::product(&vectors[number * DIMENSIONS..][..DIMENSIONS], question);
    let mut scored: Vec<_> = candidates.iter().map(|number| (score(number), *number)).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    scored.into_iter().take(SHOWN).map(|(_, number)| number).collect()
}
