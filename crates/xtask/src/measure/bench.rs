//! `cargo xtask bench`: how fast the product is, each figure beside a baseline that was measured in the same run.
//!
//! It asserts nothing: a figure that misses its goal is printed as such, and the exit code stays 0.

mod bare;
mod chroma;
mod contention;
mod corpus;
mod embedding;
mod formats;
mod home;
mod ingest;
mod machine;
mod mcp;
mod meaning;
mod memory;
mod opening;
mod packing;
mod query;
mod refresh;
mod server;
mod snapshot;
mod table;
mod timing;
mod vectors;
mod watch;

use std::{cell::OnceCell, error::Error, path::Path, thread, time::Duration};

use atocore_engine::Copier;
use atocore_model::error::with_causes;
use atocore_model::query::{ProjectHint, QueryRequest};
use atocore_storage::files;
use tempfile::TempDir;

use crate::{failure::Failure, terminal};

use self::{
    corpus::Corpus,
    home::{Amount, Home},
    machine::Use,
    vectors::Mixture,
};

/// One measurement.
struct Measurement {
    name: &'static str,
    does: &'static str,
    run: fn(&Bench) -> Result<(), Failure>,
}

const MEASUREMENTS: &[Measurement] = &[
    Measurement { name: "refresh", does: "a refresh that finds nothing new", run: refresh::run },
    Measurement { name: "watch", does: "saved files, until they are found by themselves", run: watch::run },
    Measurement { name: "formats", does: "documents of every format", run: formats::run },
    Measurement { name: "ingest", does: "a first ingestion", run: ingest::run },
    Measurement { name: "embedding", does: "texts to vectors", run: embedding::run },
    Measurement { name: "vectors", does: "the vector index alone", run: vectors::run },
    Measurement { name: "chroma", does: "the vector index on a Chroma server", run: chroma::run },
    Measurement { name: "query", does: "answers from a small and a large store", run: query::run },
    Measurement { name: "pack", does: "context packs, beside the questions in them", run: packing::run },
    Measurement { name: "opening", does: "a start, to its first answer, and its memory", run: opening::run },
    Measurement { name: "snapshot", does: "snapshot, proof, restore", run: snapshot::run },
    Measurement {
        name: "query-while-ingesting",
        does: "answers while other work runs",
        run: contention::run,
    },
    Measurement { name: "mcp", does: "answers for many MCP clients at once", run: mcp::run },
];

/// How much is measured.
struct Scale {
    /// Files of the large tree.
    files: usize,
    /// Files that are ingested for the first time.
    new_files: usize,
    /// Sentences in a document of each format.
    sentences: usize,
    small_chunks: usize,
    large_chunks: usize,
    questions: usize,
    /// Passages that are embedded again and again.
    passages: usize,
    /// Made vectors that are searched.
    vectors: &'static [usize],
    /// Made vectors that are searched on a Chroma server.
    on_server: usize,
    /// Real passages whose vectors are searched.
    real_vectors: usize,
    /// Chunks of the stores of which snapshots are taken: with vectors 200 MB and 2 GB.
    stores: &'static [usize],
    /// Repetitions of what takes less than a second.
    rounds: usize,
    /// Repetitions of what takes longer.
    long_rounds: usize,
}

const FULL: Scale = Scale {
    files: 10_000,
    new_files: 3_000,
    sentences: 10_000,
    small_chunks: 10_000,
    large_chunks: 100_000,
    questions: 600,
    passages: 64,
    vectors: &[10_000, 100_000, 1_000_000],
    on_server: 100_000,
    real_vectors: 3_000,
    stores: &[75_000, 750_000],
    rounds: 11,
    long_rounds: 5,
};

const QUICK: Scale = Scale {
    files: 1_000,
    new_files: 300,
    sentences: 1_000,
    small_chunks: 2_000,
    large_chunks: 10_000,
    questions: 120,
    passages: 16,
    vectors: &[10_000, 100_000],
    on_server: 5_000,
    real_vectors: 300,
    stores: &[5_000],
    rounds: 5,
    long_rounds: 3,
};

/// What the measurements share. Homes are made when the first one asks for them.
struct Bench {
    scale: Scale,
    corpus: Corpus,
    dir: TempDir,
    whole: OnceCell<Home>,
    small: OnceCell<Home>,
    large: OnceCell<Home>,
    mixture: OnceCell<Mixture>,
    small_vectors: OnceCell<()>,
    large_vectors: OnceCell<()>,
}

impl Bench {
    fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// One project with the large tree.
    fn whole(&self) -> Result<&Home, Failure> {
        self.filled(&self.whole, "whole", Amount::Files(self.scale.files))
    }

    /// Three projects with few chunks.
    fn small(&self) -> Result<&Home, Failure> {
        self.filled(&self.small, "small", Amount::Chunks(self.scale.small_chunks))
    }

    /// Three projects with many chunks.
    fn large(&self) -> Result<&Home, Failure> {
        self.filled(&self.large, "large", Amount::Chunks(self.scale.large_chunks))
    }

    /// The same, every passage with a vector.
    fn small_with_vectors(&self) -> Result<&Home, Failure> {
        self.with_vectors(&self.small_vectors, self.small()?)
    }

    /// The same, every passage with a vector.
    fn large_with_vectors(&self) -> Result<&Home, Failure> {
        self.with_vectors(&self.large_vectors, self.large()?)
    }

    fn with_vectors<'b>(&self, given: &OnceCell<()>, home: &'b Home) -> Result<&'b Home, Failure> {
        if given.set(()).is_ok() {
            self.give_vectors(home)?;
        }
        Ok(home)
    }

    /// What is asked: each question with one of the projects as a hint.
    fn queries(&self, home: &Home) -> Result<Vec<QueryRequest>, Failure> {
        let projects = home.projects()?;
        let questions = self.corpus.questions(self.scale.questions);
        let hint = |number: usize| ProjectHint::Boost(projects[number % projects.len()].clone());
        questions.iter().enumerate().map(|(number, question)| query::query(question, hint(number))).collect()
    }

    /// Gives made vectors to the passages that have none.
    fn give_vectors(&self, home: &Home) -> Result<(), Failure> {
        meaning::give_vectors(home, self.mixture.get_or_init(Mixture::new))?;
        // The index takes them up when the installation is opened.
        home.engine_with_meaning(Copier::InProcess).map(drop)
    }

    fn filled<'b>(&self, place: &'b OnceCell<Home>, name: &str, amount: Amount) -> Result<&'b Home, Failure> {
        if let Some(home) = place.get() {
            return Ok(home);
        }
        let home = Home::write(&self.dir().join(name), &self.corpus, amount)?;
        home.refresh_all(&home.engine(Copier::InProcess)?)?;
        Ok(place.get_or_init(|| home))
    }
}

/// Runs the measurements that were named, or all of them.
///
/// # Errors
/// An argument is not understood, or a measurement could not be made.
pub(super) fn run(args: &[String]) -> Result<(), Failure> {
    let mut chosen = Vec::new();
    let mut scale = FULL;
    for arg in args {
        match MEASUREMENTS.iter().find(|measurement| measurement.name == arg) {
            Some(measurement) => chosen.push(measurement),
            None if arg == "--quick" => scale = QUICK,
            None => return Err(Failure::usage(format!("there is no bench `{arg}`")).with_hint(usage())),
        }
    }
    if chosen.is_empty() {
        chosen.extend(MEASUREMENTS);
    }
    // Beside the program, because the usual folder for temporary files may be in memory.
    let program = std::env::current_exe().map_err(cannot("find this program"))?;
    let beside = program.parent().unwrap_or(Path::new("."));
    let dir =
        tempfile::Builder::new().prefix("bench-").tempdir_in(beside).map_err(cannot("make a folder"))?;
    let corpus = Corpus::load(&dir.path().join("unpacked"))?;
    terminal::line(&machine::describe(dir.path()));
    terminal::line(&corpus.describe());
    let bench = Bench {
        scale,
        corpus,
        dir,
        whole: OnceCell::new(),
        small: OnceCell::new(),
        large: OnceCell::new(),
        mixture: OnceCell::new(),
        small_vectors: OnceCell::new(),
        large_vectors: OnceCell::new(),
    };
    for measurement in chosen {
        let before = Use::now();
        (measurement.run)(&bench)?;
        terminal::line(&format!("  {}", Use::of_others_since(before)));
    }
    remove(bench.dir())?;
    terminal::line(&format!("\n{}", machine::load()));
    Ok(())
}

pub(super) use formats::{READER, read_documents};
pub(super) use opening::{FIRST_ANSWER, first_answer};

fn usage() -> String {
    let mut text = String::from("usage: cargo xtask bench [--quick] [NAME]…\n\nbenches:");
    for measurement in MEASUREMENTS {
        text.push_str(&format!("\n  {:<23}{}", measurement.name, measurement.does));
    }
    text
}

/// Removes a folder. A lexical index that was closed breaks its merges off, and may write a last file meanwhile.
fn remove(dir: &Path) -> Result<(), Failure> {
    for _ in 0..50 {
        if files::remove_tree(dir).is_ok() {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(20));
    }
    files::remove_tree(dir).map_err(cannot("remove a folder"))
}

/// Makes a failure that says what could not be done, and every cause of it.
fn cannot<E: Error>(what: &str) -> impl FnOnce(E) -> Failure {
    move |error| Failure::failed(format!("cannot {what}: {}", with_causes(&error)))
}
