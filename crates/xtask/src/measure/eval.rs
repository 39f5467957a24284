//! Quality of retrieval on folders of questions with judged answers, in the layout of BEIR.
//!
//! Every document becomes a file and goes through the real pipeline with the stock settings; a document counts with
//! its best passage.

mod collection;
mod quality;

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use atocore_engine::{
    Access, Caller, Copier, Engine, EngineConfig, Layout, RankWeights, SystemClock, ingest::ChunkLimits,
};
use atocore_model::{
    monitor::Silent,
    project::{Project, Root, RootLocation},
    query::{Query, TopK},
};
use serde_json::json;

use crate::{failure::Failure, terminal};
use collection::Collection;
use quality::{Quality, Scores};

/// Runs `cargo xtask eval FOLDER… [--json]`.
///
/// # Errors
/// A folder is not such a collection, or the pipeline failed.
pub(super) fn run(args: &[String]) -> Result<(), Failure> {
    let as_json = args.iter().any(|arg| arg == "--json");
    let folders: Vec<&String> = args.iter().filter(|arg| !arg.starts_with("--")).collect();
    let unknown = args.iter().find(|arg| arg.starts_with("--") && *arg != "--json");
    if let Some(unknown) = unknown {
        return Err(Failure::usage(format!("`{unknown}` is not an option")).with_hint(USAGE));
    }
    if folders.is_empty() {
        return Err(Failure::usage("no folder was named").with_hint(USAGE));
    }
    for folder in folders {
        let quality = evaluate(Path::new(folder))?;
        if as_json {
            terminal::line(&json!({ "lexical": quality.to_json() }).to_string());
        } else {
            terminal::line(&format!("{folder}  lexical  {quality}"));
        }
    }
    Ok(())
}

const USAGE: &str =
    "usage: cargo xtask eval FOLDER… [--json], each with corpus.jsonl, queries.jsonl and qrels/test.tsv";

/// Ingests a collection and asks all its judged questions.
fn evaluate(folder: &Path) -> Result<Quality, Failure> {
    let collection = Collection::read(folder)?;
    let scratch = tempfile::tempdir().map_err(|error| Failure::failed(error.to_string()))?;
    let documents = scratch.path().join("documents");
    collection.write_documents(&documents)?;
    let engine = ingest(scratch.path(), documents)?;
    let mut scores = Scores::default();
    for question in &collection.questions {
        let ranking = ask(&engine, &question.text)?;
        let documents: Vec<&str> = ranking.iter().filter_map(|path| collection.document_at(path)).collect();
        scores.add(&documents, &question.relevant);
    }
    Ok(scores.mean())
}

fn ingest(home: &Path, documents: PathBuf) -> Result<Engine, Failure> {
    let config = EngineConfig {
        layout: Layout::in_home(home),
        vault_dir: None,
        drive_dir: None,
        busy_timeout: Duration::from_secs(5),
        chunks: ChunkLimits::default(),
        max_file_bytes: 16 << 20,
        weights: RankWeights::default(),
        copier: Copier::InProcess,
        clock: Arc::new(SystemClock),
    };
    let failed = |error: atocore_engine::Error| Failure::failed(error.to_string());
    let access = Access::Own { activity: "eval".to_owned(), socket: None };
    let engine = Engine::open(config, access, &Silent).map_err(failed)?;
    let not_named = |_| Failure::failed("`judged` is a project id");
    let project = Project {
        id: "judged".parse().map_err(not_named)?,
        aliases: Vec::new(),
        description: String::new(),
        roots: vec![Root { location: RootLocation::Folder(documents), label: String::new() }],
    };
    let project = engine.add_project(project, Caller::Local).map_err(failed)?;
    let name = project.id.as_str().parse().map_err(|_| Failure::failed("an id is a name"))?;
    let _report = engine.refresh(&name, Caller::Local, &Silent).map_err(failed)?;
    Ok(engine)
}

/// The paths of the documents that answer a question, best first, each once.
fn ask(engine: &Engine, text: &str) -> Result<Vec<String>, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::failed(format!("`{text}`: {error}"));
    let top_k = TopK::new(TopK::LIMIT as u64).map_err(|error| failed(&error))?;
    let query = Query { top_k, ..Query::new(text.parse().map_err(|error| failed(&error))?) };
    let answer = engine.query(&query).map_err(|error| failed(&error))?;
    let mut seen = HashSet::new();
    let paths = answer.hits.into_iter().map(|hit| hit.source_path.as_str().to_owned());
    Ok(paths.filter(|path| seen.insert(path.clone())).collect())
}
