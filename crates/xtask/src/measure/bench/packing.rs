//! Context packs, beside the questions that they contain: what facts, choosing and setting cost.

use std::time::{Duration, Instant};

use atocore_engine::{Copier, Engine};
use atocore_model::{
    pack::{Budget, PackRequest, Unit},
    query::{ProjectHint, QueryRequest, TopK},
    ranking::Mode,
};

use super::{
    Bench, cannot,
    home::Home,
    query::{answer_time, query},
    table::Table,
    timing::percentile,
};
use crate::failure::Failure;

/// The most that half of all packs may take, as a multiple of the question in them.
const MOST: f64 = 1.5;
/// As many passages as a pack of 3,000 characters looks at.
const TOP_K: u64 = 20;
const CONTAINED: &str = "the question in it, asked alone";

pub(super) fn run(bench: &Bench) -> Result<(), Failure> {
    at(bench, bench.small_with_vectors()?)?;
    at(bench, bench.large_with_vectors()?)
}

fn at(bench: &Bench, home: &Home) -> Result<(), Failure> {
    let engine = home.engine_with_meaning(Copier::InProcess)?;
    let projects = home.projects()?;
    let questions = bench.corpus.questions(bench.scale.questions);
    let top_k = TopK::new(TOP_K).map_err(cannot("ask a question"))?;
    let budgets = [(3_000, Unit::Chars), (2_000, Unit::Tokens)];
    let mut table = Table::new(format!(
        "pack: {} questions with a project as hint, {TOP_K} passages looked at",
        questions.len()
    ));
    for mode in [Mode::Hybrid, Mode::Lexical] {
        for (amount, unit) in budgets {
            let budget = Budget::new(amount, unit).map_err(cannot("set a budget"))?;
            let (mut packs, mut asked) = (Vec::new(), Vec::new());
            // The first round only fills the caches.
            for round in 0..=3 {
                for (number, question) in questions.iter().enumerate() {
                    let project = ProjectHint::Boost(projects[number % projects.len()].clone());
                    let contained = QueryRequest { top_k, mode: Some(mode), ..query(question, project)? };
                    // Whoever comes second finds the indexes in the caches of the processor.
                    let first = (round % 2 == 0).then(|| answer_time(&engine, &contained)).transpose()?;
                    let packed = pack_time(&engine, &contained, budget)?;
                    let alone = first.map_or_else(|| answer_time(&engine, &contained), Ok)?;
                    if round > 0 {
                        packs.push(packed);
                        asked.push(alone);
                    }
                }
            }
            for percent in [50, 99] {
                let of = |times: &[Duration]| percentile(times.iter().copied(), percent);
                let what = format!("{mode}, {amount} {unit}, p{percent}");
                let goal = (percent == 50).then_some(MOST);
                table.compare(&what, of(&packs), of(&asked), CONTAINED, goal);
            }
        }
    }
    table.print();
    Ok(())
}

/// How long one pack takes.
fn pack_time(engine: &Engine, query: &QueryRequest, budget: Budget) -> Result<Duration, Failure> {
    let prompt = query.text.as_str().parse().map_err(cannot("ask a question"))?;
    let request = PackRequest {
        project: query.project.clone(),
        budget,
        top_k: Some(query.top_k),
        mode: query.mode,
        ..PackRequest::new(prompt)
    };
    let started = Instant::now();
    let _pack = engine.build_context(&request).map_err(cannot("make a pack"))?;
    Ok(started.elapsed())
}
