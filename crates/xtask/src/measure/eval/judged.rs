//! Questions whose answer is a certain passage, over the source code of this repository and over a folder of documents. The
//! arithmetic and the format of the questions are those of `atocore eval`.

use std::path::{Path, PathBuf};

use atocore_engine::{Engine, RankWeights, evaluation};
use atocore_model::{monitor::Silent, query::TopK};
use atocore_storage::files;

use super::{MODES, home};
use crate::{failure::Failure, repository::Repository, terminal};

/// Forty questions over the crates of this repository.
const CODE: &str = include_str!("judged/code.toml");

/// Forty questions over PDF and Word files that are not part of this repository.
const OFFICE: &str = include_str!("judged/office.toml");

/// Where source code lies; paths of [`CODE`] begin below it.
const SOURCES: &str = "crates/";

/// An ending of source code whose language is not known, so that it is cut at lines.
const CUT_AT_LINES: &str = ".zig";

/// Asks about the source code of this repository, cut at its definitions and, to compare with, at lines.
pub(super) fn code() -> Result<(), Failure> {
    let repository = Repository::open()?;
    for (name, ending) in [("definitions", ".rs"), ("lines", CUT_AT_LINES)] {
        let place = home::place(&format!("code-{name}"))?;
        let documents = place.join("documents");
        files::remove_tree(&documents).map_err(|error| Failure::failed(error.to_string()))?;
        for (path, text) in repository.texts(".rs") {
            if let Some(path) = path.strip_prefix(SOURCES) {
                write(&documents, &renamed(path, ending), text)?;
            }
        }
        let engine = home::open_folder(&place, documents)?;
        print(&format!("code, {name}"), &engine, &CODE.replace(".rs\"", &format!("{ending}\"")))?;
    }
    Ok(())
}

/// Asks about the documents in a folder.
pub(super) fn office(folder: &Path) -> Result<(), Failure> {
    let folder = folder.canonicalize().map_err(|error| Failure::failed(error.to_string()))?;
    let engine = home::open_folder(&home::place("office")?, folder)?;
    print("office", &engine, OFFICE)
}

fn renamed(path: &str, ending: &str) -> PathBuf {
    PathBuf::from(format!("{}{ending}", path.strip_suffix(".rs").unwrap_or(path)))
}

fn write(folder: &Path, path: &Path, text: &str) -> Result<(), Failure> {
    let file = folder.join(path);
    let failed = |error: files::FileError| Failure::failed(error.to_string());
    files::create_dirs(file.parent().unwrap_or(folder)).map_err(failed)?;
    files::write_atomic_unsynced(&file, text.as_bytes()).map_err(failed)
}

/// A line for each mode.
fn print(name: &str, engine: &Engine, questions: &str) -> Result<(), Failure> {
    let questions = evaluation::question_file::read(questions)
        .map_err(|faults| Failure::failed(format!("the questions are wrong: {faults:?}")))?;
    let failed = |error: &dyn std::fmt::Display| Failure::failed(error.to_string());
    let top_k = TopK::new(10).map_err(|error| failed(&error))?;
    for mode in MODES {
        let weights = RankWeights { mode, ..RankWeights::default() };
        let asked = evaluation::evaluate(engine, &questions, &weights, top_k, &Silent);
        let means = asked.map_err(|error| failed(&error))?.means();
        let figures = means.ok_or_else(|| Failure::failed("no question expects anything"))?;
        terminal::line(&format!(
            "{name:<18} {:<8} {} questions  nDCG@10 {:.4}  recall@10 {:.4}  MRR@10 {:.4}",
            mode.as_str(),
            questions.len(),
            figures.ndcg_at_10,
            figures.recall,
            figures.mrr_at_10
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A question about a line that is gone would count as missed.
    #[test]
    fn questions_are_about_lines_that_are_there() {
        let repository = Repository::open().unwrap();
        let questions = evaluation::question_file::read(CODE).unwrap();
        assert_eq!((questions.len(), evaluation::question_file::read(OFFICE).unwrap().len()), (40, 40));
        for question in questions {
            for expectation in &question.expect {
                let fits = |(path, text): (&str, &str)| {
                    let path = path.strip_prefix(SOURCES);
                    path.is_some_and(|path| expectation.passage.fits_document(path))
                        && expectation.passage.fits_text(text)
                };
                assert!(repository.texts(".rs").any(fits), "line {}", question.line);
            }
        }
    }
}
