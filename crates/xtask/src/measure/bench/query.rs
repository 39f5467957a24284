//! Answers by words, beside the same words searched by the library alone in the same index; then by meaning as well.

mod hybrid;

use std::time::{Duration, Instant};

use atocore_engine::{Copier, Engine};
use atocore_model::query::{ProjectHint, QueryRequest};

use super::{Bench, bare::BareSearch, cannot, home::Home, table::Table, timing::percentile};
use crate::failure::Failure;

pub(super) fn run(bench: &Bench) -> Result<(), Failure> {
    at(bench, bench.small()?)?;
    at(bench, bench.large()?)?;
    hybrid::at(bench, bench.small_with_vectors()?)?;
    hybrid::at(bench, bench.large_with_vectors()?)
}

fn at(bench: &Bench, home: &Home) -> Result<(), Failure> {
    let engine = home.engine(Copier::InProcess)?;
    let mut bare = BareSearch::open(&home.layout().lexical_index())?;
    let projects = home.projects()?;
    let questions = bench.corpus.questions(bench.scale.questions);
    let (chunks, segments) = bare.size();
    let mut table = Table::new(format!(
        "query: {chunks} chunks in {segments} segments, {} questions of 3 to 6 words, the best ten each",
        questions.len()
    ));
    let named = |number: usize| projects[number % projects.len()].clone();
    let anything = |_: usize| ProjectHint::None;
    let hinted = |number: usize| ProjectHint::Boost(named(number));
    let inside = |number: usize| ProjectHint::Scope(named(number));
    let kinds: [(&str, &dyn Fn(usize) -> ProjectHint); 3] =
        [("no project", &anything), ("project as hint", &hinted), ("project as scope", &inside)];
    for (kind, hint) in kinds {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        // The first round only fills the caches.
        for round in 0..=4 {
            for (number, question) in questions.iter().enumerate() {
                let query = query(question, hint(number))?;
                let scope = match &query.project {
                    ProjectHint::Scope(name) => Some(name.as_str()),
                    _ => None,
                };
                // Whoever comes second finds the index in the caches of the processor.
                let ours_first = round % 2 == 0;
                let mut answered = Duration::ZERO;
                if ours_first {
                    answered = answer_time(&engine, &query)?;
                }
                let started = Instant::now();
                let _found = bare.search(question, scope)?;
                let found = started.elapsed();
                if !ours_first {
                    answered = answer_time(&engine, &query)?;
                }
                if round > 0 {
                    ours.push(answered);
                    theirs.push(found);
                }
            }
        }
        for percent in [50, 99] {
            let of = |times: &[Duration]| percentile(times.iter().copied(), percent);
            let what = format!("{kind}, p{percent}");
            table.compare(&what, of(&ours), of(&theirs), "bare tantivy, OR of the words", None);
        }
    }
    table.print();
    Ok(())
}

/// A question with everything else as a caller gets it who does not say.
pub(super) fn query(question: &str, project: ProjectHint) -> Result<QueryRequest, Failure> {
    let text = question.parse().map_err(cannot("ask a question"))?;
    Ok(QueryRequest { project, ..QueryRequest::new(text) })
}

/// How long one answer takes.
pub(super) fn answer_time(engine: &Engine, query: &QueryRequest) -> Result<Duration, Failure> {
    let started = Instant::now();
    let _answer = engine.query(query).map_err(cannot("answer a question"))?;
    Ok(started.elapsed())
}
