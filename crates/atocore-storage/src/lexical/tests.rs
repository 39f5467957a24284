//! The promises of the lexical index, by what can happen to it.

mod catching_up;
mod determinism;
mod killed;
mod notebook;
mod opening;
mod phrases;
mod reopened;
mod searching;
mod whole_documents;

use std::path::Path;

use atocore_model::monitor::Silent;

use self::notebook::Notebook;
use super::{IndexAccess, LexicalFilter, LexicalIndex, LexicalMatches, LexicalQuery};

fn open(dir: &Path) -> LexicalIndex {
    LexicalIndex::open(dir, IndexAccess::Write).unwrap()
}

/// A new index of everything in the notebook.
fn rebuilt(notebook: &Notebook) -> (tempfile::TempDir, LexicalIndex) {
    let dir = tempfile::tempdir().unwrap();
    let index = open(dir.path());
    index.catch_up(notebook, &Silent).unwrap();
    (dir, index)
}

fn ask(index: &LexicalIndex, text: &str, filter: &LexicalFilter<'_>, limit: usize) -> LexicalMatches {
    index.search(&LexicalQuery { text, phrases: &[], filter, limit }).unwrap()
}

/// The same, with the whole question as a phrase too.
fn ask_in_order(
    index: &LexicalIndex,
    text: &str,
    filter: &LexicalFilter<'_>,
    limit: usize,
) -> LexicalMatches {
    index.search(&LexicalQuery { text, phrases: &[text.to_owned()], filter, limit }).unwrap()
}

/// The chunk keys that match, best first.
fn found(index: &LexicalIndex, text: &str) -> Vec<u64> {
    let matches = ask(index, text, &LexicalFilter::default(), 1000).matches;
    matches.iter().map(|found| found.chunk_key).collect()
}
