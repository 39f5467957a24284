//! Answers by words and by meaning together, and what each of their parts takes alone.

use std::time::{Duration, Instant};

use atocore_engine::{Copier, Precision};
use atocore_model::{
    query::{ProjectHint, QueryRequest},
    ranking::Mode,
};
use atocore_storage::vector::{IndexAccess, ScanIndex, VectorFilter, VectorIndex, VectorQuery};

use super::{answer_time, query};
use crate::{
    failure::Failure,
    measure::bench::{
        Bench,
        bare::BareSearch,
        cannot,
        home::Home,
        meaning,
        table::Table,
        timing::{Spent, cpu_time, percentile, spent},
    },
};

/// The longest that half of all questions may take, and nearly all.
const GOALS: [(usize, Duration); 2] = [(50, Duration::from_millis(10)), (99, Duration::from_millis(30))];

/// As many candidates as an answer is made of.
const CANDIDATES: usize = 200;

const PARTS: &str = "model, index and bare tantivy alone, added up";

/// The parts of an answer, called one by one from outside.
struct Parts {
    embedder: atocore_engine::embed::Embedder,
    index: ScanIndex,
    words: BareSearch,
}

/// What the parts took for one question.
#[derive(Debug, Clone, Copy)]
struct StageTimes {
    embedding: Duration,
    scan: Duration,
    words: Duration,
    /// Processor time of all three.
    cpu: Duration,
}

impl StageTimes {
    fn sum(self) -> Duration {
        self.embedding + self.scan + self.words
    }
}

impl Parts {
    fn open(home: &Home) -> Result<Self, Failure> {
        let index = ScanIndex::open(&home.layout().vector_index(), IndexAccess::Read);
        Ok(Self {
            embedder: meaning::load(Precision::F32, 1)?,
            index: index.map_err(cannot("open a vector index"))?,
            words: BareSearch::open(&home.layout().lexical_index())?,
        })
    }

    fn run(&mut self, question: &str) -> Result<StageTimes, Failure> {
        let (cpu, started) = (cpu_time(), Instant::now());
        let vector = self.embedder.embed_one(question).map_err(cannot("embed a question"))?;
        let embedding = started.elapsed();
        let filter = VectorFilter::default();
        let near = VectorQuery { vector: &vector, filter: &filter, limit: CANDIDATES };
        let started = Instant::now();
        let _matches = self.index.search(&near).map_err(cannot("search a vector index"))?;
        let scan = started.elapsed();
        let started = Instant::now();
        let _found = self.words.search(question, None)?;
        let words = started.elapsed();
        Ok(StageTimes { embedding, scan, words, cpu: cpu_time().saturating_sub(cpu) })
    }
}

pub(super) fn at(bench: &Bench, home: &Home) -> Result<(), Failure> {
    let engine = home.engine_with_meaning(Copier::InProcess)?;
    let projects = home.projects()?;
    let questions = bench.corpus.questions(bench.scale.questions);
    let mut parts = Parts::open(home)?;
    let hint = |number: usize| ProjectHint::Boost(projects[number % projects.len()].clone());
    let mut taken = Vec::new();
    let kinds = [("hybrid", Mode::Hybrid), ("dense", Mode::Dense), ("lexical", Mode::Lexical)];
    let mut times: [Vec<Spent>; 4] = Default::default();
    // The first round only fills the caches.
    for round in 0..=3 {
        for (number, question) in questions.iter().enumerate() {
            // Whoever comes second finds the vectors in the caches of the processor.
            let before = (round % 2 == 0).then(|| parts.run(question)).transpose()?;
            let mut asked = Vec::new();
            for (_, mode) in kinds {
                let query = QueryRequest { mode: Some(mode), ..query(question, ProjectHint::None)? };
                asked.push(spent(|| answer_time(&engine, &query))?);
            }
            let query = query(question, hint(number))?;
            asked.push(spent(|| answer_time(&engine, &query))?);
            let of_parts = before.map_or_else(|| parts.run(question), Ok)?;
            if round > 0 {
                taken.push(of_parts);
                times.iter_mut().zip(asked).for_each(|(times, time)| times.push(time));
            }
        }
    }
    let [hybrid, dense, lexical, hinted] = &times;
    let mut table = Table::new(format!(
        "query with meaning: {} chunks with made vectors in the space of the real model, {} questions, the best ten each",
        parts.index.vectors(),
        questions.len()
    ));
    let of = |times: &[Spent], percent| percentile(times.iter().map(|spent| spent.wall), percent);
    let cpu = |times: &[Spent], percent| percentile(times.iter().map(|spent| spent.cpu), percent);
    let part = |part: fn(&StageTimes) -> Duration, percent| percentile(taken.iter().map(part), percent);
    for (percent, most) in GOALS {
        let sum = part(|taken| taken.sum(), percent);
        table.limit(&format!("hybrid, p{percent}"), of(hybrid, percent), sum, PARTS, most);
        table.limit(&format!("hybrid, project as hint, p{percent}"), of(hinted, percent), sum, PARTS, most);
        let cpu_sum = part(|taken| taken.cpu, percent);
        table.compare(
            &format!("hybrid, processor time, p{percent}"),
            cpu(hybrid, percent),
            cpu_sum,
            PARTS,
            None,
        );
    }
    for (percent, _) in GOALS {
        let whole = of(hybrid, percent);
        let mut share = |what: &str, time| {
            table.compare(&format!("{what}, p{percent}"), time, whole, "the whole hybrid answer", None);
        };
        share("embedding alone", part(|taken| taken.embedding, percent));
        share("scan alone", part(|taken| taken.scan, percent));
        share("lexical only, bare tantivy", part(|taken| taken.words, percent));
        share("mode dense", of(dense, percent));
        share("mode lexical", of(lexical, percent));
        let rest = hybrid.iter().zip(&taken).map(|(whole, taken)| whole.wall.saturating_sub(taken.sum()));
        share("the rest: store, ranking, passages", percentile(rest, percent));
    }
    table.print();
    Ok(())
}
