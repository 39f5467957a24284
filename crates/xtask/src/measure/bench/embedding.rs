//! The forward pass, text to vector, beside a fast library multiplying the same matrices and doing nothing else.

pub(super) mod product;

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Instant,
};

use atocore_engine::{Precision, embed::Embedder};
use atocore_model::monitor::Silent;

use super::{
    Bench, cannot, meaning,
    table::{Table, rate},
    timing::{Spent, cpu_time, in_turns, percentile, spent},
};
use crate::failure::Failure;

use product::Products;

const BASELINE: &str = "`gemm`, its products alone";

/// The most that the whole pass may take of what its products take.
const GOAL: f64 = 1.3;

pub(super) fn run(bench: &Bench) -> Result<(), Failure> {
    passages(bench)?;
    questions(bench)
}

/// Passages, on one core and on all.
fn passages(bench: &Bench) -> Result<(), Failure> {
    let texts = bench.corpus.passages(bench.scale.passages);
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let lengths = lengths(&meaning::load(Precision::F32, 1)?, &texts)?;
    let tokens: usize = lengths.iter().sum();
    let mut table = Table::new(format!(
        "embedding: {} passages of the texts, {:.0} tokens on average, all-MiniLM-L6-v2, tokenizer included",
        texts.len(),
        tokens as f64 / texts.len().max(1) as f64
    ));
    let rates = [1, cores].map(|threads| {
        let (float, int8) =
            (meaning::load(Precision::F32, threads)?, meaning::load(Precision::Int8, threads)?);
        let mut float = || embed(&float, &texts);
        let mut int8 = || embed(&int8, &texts);
        let mut products = || multiply(&lengths, threads);
        let _warm = (float()?, int8()?, products()?);
        let rounds = bench.scale.long_rounds;
        let [float, int8, products] = in_turns(rounds, [&mut float, &mut int8, &mut products])?;
        let each = |spent: Spent| spent.cpu.div_f64(texts.len().max(1) as f64);
        let on = format!("{threads} thread{}", if threads == 1 { "" } else { "s" });
        let cpu = each(products);
        table.compare(
            &format!("{on}, processor time per passage, fp32"),
            each(float),
            cpu,
            BASELINE,
            Some(GOAL),
        );
        table.compare(&format!("{on}, processor time per passage, int8"), each(int8), cpu, BASELINE, None);
        let row = |name: &str, ours: Spent| {
            let figure = |spent: Spent| format!("{:.1}", rate(texts.len() as u64, spent.wall));
            (format!("{on}, passages per second, {name}"), figure(ours), figure(products))
        };
        Ok::<_, Failure>([row("fp32", float), row("int8", int8)])
    });
    for rate in rates {
        for (what, figure, baseline) in rate? {
            table.show(&what, figure, baseline, BASELINE);
        }
    }
    table.print();
    Ok(())
}

/// Questions one at a time, as a caller waits for them.
fn questions(bench: &Bench) -> Result<(), Failure> {
    let (float, int8) = (meaning::load(Precision::F32, 1)?, meaning::load(Precision::Int8, 1)?);
    let questions = bench.corpus.questions(bench.scale.questions);
    let texts: Vec<&str> = questions.iter().map(String::as_str).collect();
    let lengths = lengths(&float, &texts)?;
    let tokens: usize = lengths.iter().sum();
    let mut products = Products::new(float.window());
    let mut times: [Vec<Spent>; 3] = Default::default();
    for round in 0..=bench.scale.rounds.min(3) {
        for (text, length) in texts.iter().zip(&lengths) {
            let taken = [
                spent(|| float.embed_one(text).map_err(cannot("embed a question")))?,
                spent(|| int8.embed_one(text).map_err(cannot("embed a question")))?,
                spent(|| {
                    products.pass(*length);
                    Ok(())
                })?,
            ];
            // The first round only fills the caches.
            if round > 0 {
                times.iter_mut().zip(taken).for_each(|(times, taken)| times.push(taken));
            }
        }
    }
    let mut table = Table::new(format!(
        "embedding: {} questions, {:.0} tokens on average, one at a time",
        texts.len(),
        tokens as f64 / texts.len().max(1) as f64
    ));
    let [float, int8, products] = times;
    for percent in [50, 99] {
        let wall = |times: &[Spent]| percentile(times.iter().map(|spent| spent.wall), percent);
        table.compare(&format!("fp32, p{percent}"), wall(&float), wall(&products), BASELINE, None);
        table.compare(&format!("int8, p{percent}"), wall(&int8), wall(&products), BASELINE, None);
    }
    let cpu = |times: &[Spent]| percentile(times.iter().map(|spent| spent.cpu), 50);
    table.compare("fp32, processor time", cpu(&float), cpu(&products), BASELINE, None);
    table.print();
    Ok(())
}

/// How many tokens the model sees of each.
fn lengths(embedder: &Embedder, texts: &[&str]) -> Result<Vec<usize>, Failure> {
    let lengths = texts.iter().map(|text| {
        let tokens = embedder.tokens(text).map_err(cannot("count the tokens of a text"))?;
        Ok(tokens.min(embedder.window()))
    });
    lengths.collect()
}

fn embed(embedder: &Embedder, texts: &[&str]) -> Result<Spent, Failure> {
    spent(|| embedder.embed_many(texts, &Silent).map_err(cannot("embed passages")))
}

/// The products of all sequences, the longest first, one per thread at a time, as our own pass takes them.
fn multiply(lengths: &[usize], threads: usize) -> Result<Spent, Failure> {
    let mut lengths = lengths.to_vec();
    lengths.sort_unstable_by(|a, b| b.cmp(a));
    let window = lengths.first().copied().unwrap_or(1);
    let mut products: Vec<Products> = (0..threads).map(|_| Products::new(window)).collect();
    let next = AtomicUsize::new(0);
    // Filling the weights with numbers is not counted.
    let (cpu, started) = (cpu_time(), Instant::now());
    thread::scope(|scope| {
        for products in &mut products {
            let _thread = scope.spawn(|| {
                while let Some(length) = lengths.get(next.fetch_add(1, Ordering::Relaxed)) {
                    products.pass(*length);
                }
            });
        }
    });
    Ok(Spent { wall: started.elapsed(), cpu: cpu_time().saturating_sub(cpu) })
}
