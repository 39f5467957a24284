//! Quality of retrieval on folders of questions with judged answers, in the layout of BEIR.
//!
//! Every document becomes a file and goes through the real pipeline with the stock settings and the real model; a
//! document counts with its best passage. The installation of a collection is kept in `target/eval`, so that its
//! vectors are made once. With `--chroma` they are searched on a Chroma server that is started for it. An answer has 200 passages at most: where documents are long, that can be fewer than the 100
//! documents that recall looks at, and recall is lower than it could be. `--code` and `--office` ask for passages instead, see
//! [`judged`].

mod collection;
mod fit;
mod home;
mod identifiers;
mod judged;
mod packs;
mod quality;
mod variants;

use std::path::Path;

use atocore_engine::{Engine, RankWeights};
use atocore_model::{
    query::{Hit, Notice, QueryRequest, TopK},
    ranking::{Fusion, Mode},
};
use serde_json::{Map, json};

use crate::{failure::Failure, terminal};
use collection::Collection;
use quality::{Quality, Scores};

const USAGE: &str = "usage: cargo xtask eval FOLDER… [--chroma] [--json | --fusion-sweep | --packs | --fit | --variants], each with \
                     corpus.jsonl, queries.jsonl and qrels/test.tsv; or --code; or --identifiers; or --office FOLDER";

/// The modes in the order of the report.
const MODES: [Mode; 3] = [Mode::Lexical, Mode::Dense, Mode::Hybrid];

/// What is printed of a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Report {
    Table,
    Json,
    /// nDCG@10 for every way of putting the halves together, to choose the stock one.
    FusionSweep,
    /// How many questions have their answer in a context pack.
    Packs,
    /// What the least fit costs questions that have an answer, and what becomes of those of the other collections.
    Fit,
    /// The same questions as other people type them.
    Variants,
}

/// Runs `cargo xtask eval FOLDER…`.
///
/// # Errors
/// A folder is not such a collection, the model cannot be had, or the pipeline failed.
pub(super) fn run(args: &[String]) -> Result<(), Failure> {
    let mut report = Report::Table;
    let (mut server, mut is_office) = (None, false);
    let mut folders = Vec::new();
    for arg in args {
        match arg.as_str() {
            "--json" => report = Report::Json,
            "--fusion-sweep" => report = Report::FusionSweep,
            "--fit" => report = Report::Fit,
            "--variants" => report = Report::Variants,
            "--packs" => report = Report::Packs,
            "--code" => return judged::code(),
            "--identifiers" => return identifiers::run(),
            "--office" => is_office = true,
            "--chroma" => server = Some(home::ServerInUse::start()?),
            option if option.starts_with("--") => {
                return Err(Failure::usage(format!("`{option}` is not an option")).with_hint(USAGE));
            }
            folder => folders.push(Path::new(folder)),
        }
    }
    if folders.is_empty() {
        return Err(Failure::usage("no folder was named").with_hint(USAGE));
    }
    for folder in &folders {
        if is_office {
            judged::office(folder)?;
            continue;
        }
        let collection = Collection::read(folder)?;
        let engine = home::open(folder, &collection, server.as_ref(), report == Report::Table)?;
        match report {
            Report::Table => print_table(folder, &engine, &collection)?,
            Report::Json => print_json(&engine, &collection)?,
            Report::FusionSweep => print_sweep(folder, &engine, &collection)?,
            Report::Fit => fit::print(folder, &engine, &collection, &folders)?,
            Report::Variants => variants::print(name(folder).as_str(), &engine, &collection)?,
            Report::Packs => packs::print(name(folder).as_str(), &engine, &collection)?,
        }
    }
    Ok(())
}

fn print_table(folder: &Path, engine: &Engine, collection: &Collection) -> Result<(), Failure> {
    for mode in MODES {
        let quality = quality(engine, collection, mode, &RankWeights::default())?;
        terminal::line(&format!("{:<16} {:<8} {quality}", name(folder), mode.as_str()));
    }
    Ok(())
}

fn print_json(engine: &Engine, collection: &Collection) -> Result<(), Failure> {
    let mut modes = Map::new();
    for mode in MODES {
        let quality = quality(engine, collection, mode, &RankWeights::default())?;
        let _before = modes.insert(mode.as_str().to_owned(), quality.to_json());
    }
    terminal::line(&json!(modes).to_string());
    Ok(())
}

/// One line with the stock factors and one without any, which shows what the factors do to each fusion.
fn print_sweep(folder: &Path, engine: &Engine, collection: &Collection) -> Result<(), Failure> {
    let stock = RankWeights::default();
    let plain = RankWeights {
        query_token_cap: 1.0,
        path_high_signal_boost: 1.0,
        path_low_signal_penalty: 1.0,
        ..RankWeights::default()
    };
    for (factors, weights) in [("stock factors", stock), ("no factors", plain)] {
        let mut cells = vec![format!("{:<16} {factors:<13}", name(folder))];
        let convex = (0..=10).map(|tenths| Fusion::Convex { meaning_weight: f64::from(tenths) / 10.0 });
        for fusion in convex.chain([Fusion::Reciprocal { k: 60.0 }]) {
            let weights = RankWeights { fusion, ..weights.clone() };
            let ndcg = quality(engine, collection, Mode::Hybrid, &weights)?.ndcg_at_10;
            cells.push(match fusion {
                Fusion::Convex { meaning_weight } => format!("{meaning_weight:.1}: {ndcg:.4}"),
                Fusion::Reciprocal { k } => format!("rrf {k}: {ndcg:.4}"),
            });
        }
        terminal::line(&cells.join("  "));
    }
    Ok(())
}

fn name(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Asks all judged questions of a collection.
fn quality(
    engine: &Engine,
    collection: &Collection,
    mode: Mode,
    weights: &RankWeights,
) -> Result<Quality, Failure> {
    quality_typed(engine, collection, mode, weights, |_, text| text.to_owned())
}

/// Asks them as `typed` makes each of its number and its text.
fn quality_typed(
    engine: &Engine,
    collection: &Collection,
    mode: Mode,
    weights: &RankWeights,
    typed: impl Fn(usize, &str) -> String,
) -> Result<Quality, Failure> {
    let mut scores = Scores::default();
    for (number, question) in collection.questions.iter().enumerate() {
        let ranking = ask(engine, &typed(number, &question.text), mode, weights)?;
        let documents: Vec<&str> = ranking.iter().filter_map(|path| collection.document_at(path)).collect();
        scores.add(&documents, &question.relevant);
    }
    Ok(scores.mean())
}

/// The paths of the documents that answer a question, best first, each once: a document with a passage that was
/// collapsed into another comes directly after it.
fn ask(engine: &Engine, text: &str, mode: Mode, weights: &RankWeights) -> Result<Vec<String>, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::failed(format!("`{text}`: {error}"));
    let top_k = TopK::new(TopK::LIMIT as u64).map_err(|error| failed(&error))?;
    let text = text.parse().map_err(|error| failed(&error))?;
    let query = QueryRequest { top_k, mode: Some(mode), ..QueryRequest::new(text) };
    let answer = engine.query_with(&query, weights).map_err(|error| failed(&error))?;
    let is_whole =
        |notice: &Notice| notice.says_nothing_fits() || matches!(notice, Notice::QuestionCut { .. });
    if answer.mode != mode || !answer.notices.iter().all(is_whole) {
        return Err(failed(&format!("was answered in mode {}: {:?}", answer.mode, answer.notices)));
    }
    Ok(paths(&answer.hits))
}

/// The paths of the documents of hits, best first, each once.
fn paths(hits: &[Hit]) -> Vec<String> {
    let mut paths: Vec<String> = Vec::new();
    for hit in hits {
        for path in std::iter::once(&hit.source_path).chain(hit.copies.iter().map(|copy| &copy.source_path)) {
            if paths.iter().all(|known| known != path.as_str()) {
                paths.push(path.as_str().to_owned());
            }
        }
    }
    paths
}
