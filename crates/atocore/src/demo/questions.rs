//! What the demo asks: set questions of AtoCore's own documents, and questions found in the user's.

use atocore_model::{document::HeadingPath, monitor::Silent, query::Hit, refresh::FileState};

use super::{PROJECT, Runner};
use crate::operations::{ApiError, Query, RefreshResult};

/// What AtoCore's own documents are asked.
pub(super) const OWN: &[&str] = &[
    "what makes a snapshot valid?",
    "why must the live database never be opened with a file call?",
    "what decides the rank of a passage?",
];

/// Questions whose answer in AtoCore's own documents has none of their words; the first that still has such an answer is
/// asked, because documents change.
const BY_MEANING: &[&str] =
    &["accidental erasure?", "overlapping directories?", "subdirectories within subdirectories?"];

/// A cosine below this is no answer that would convince anybody.
const CONVINCING: f64 = 0.35;

/// How many questions are asked.
const COUNT: usize = 3;
/// How many documents are looked at to find them.
const LOOKED_AT: usize = 24;
/// A heading of more words is no question.
const WORDS: usize = 12;

/// Questions whose answers are somewhere in what was just read: headings of documents from all over it.
pub(super) fn about(runner: &Runner, read: &RefreshResult) -> Result<Vec<String>, ApiError> {
    let files: Vec<_> = read
        .roots
        .iter()
        .flat_map(|root| &root.files)
        .filter(|file| file.state == FileState::Ingested)
        .collect();
    let step = files.len().div_ceil(LOOKED_AT).max(1);
    let names: Vec<_> = files.iter().step_by(step).map(|file| words_of(&file.path)).collect();
    let mut questions: Vec<String> = Vec::new();
    let mut fallback = None;
    // From both ends and the middle, so that three questions are about different parts.
    for name in spread(&names) {
        if name.is_empty() {
            continue;
        }
        fallback.get_or_insert_with(|| name.clone());
        let query = Query {
            query: name.clone(),
            top_k: Some(1),
            project: Some(PROJECT.to_owned()),
            ..Query::default()
        };
        let answer = runner.run(query, &Silent)?;
        let Some(question) = answer.hits.first().and_then(question_of) else { continue };
        if !questions.contains(&question) {
            questions.push(question);
        }
        if questions.len() == COUNT {
            break;
        }
    }
    if questions.is_empty() {
        questions.extend(fallback);
    }
    Ok(questions)
}

/// A question that only meaning can answer.
pub(super) fn by_meaning(runner: &Runner) -> Result<Option<String>, ApiError> {
    for question in BY_MEANING.iter().map(ToString::to_string) {
        let asked = super::ask(runner, std::slice::from_ref(&question))?;
        let best = asked.iter().find_map(|asked| asked.answer.hits.first());
        if best.is_some_and(|hit| is_by_meaning(hit) && cosine(hit) >= CONVINCING) {
            return Ok(Some(question));
        }
    }
    Ok(None)
}

/// Whether a passage was found although it has no word of the question.
pub(super) fn is_by_meaning(hit: &Hit) -> bool {
    let halves = hit.explanation.as_ref().map(|explained| (&explained.lexical, &explained.semantic));
    matches!(halves, Some((Some(words), Some(meaning))) if words.bm25 == 0.0 && !meaning.assumed)
}

fn cosine(hit: &Hit) -> f64 {
    let meaning = hit.explanation.as_ref().and_then(|explained| explained.semantic.as_ref());
    meaning.map_or(-1.0, |meaning| meaning.cosine)
}

/// The words of the name of a file, without its folders and ending.
fn words_of(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let words = stem.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// The innermost heading of a passage, else its title, when it reads like a question's subject.
fn question_of(hit: &Hit) -> Option<String> {
    let headings = hit
        .heading_path
        .as_str()
        .split(HeadingPath::SEPARATOR)
        .chain([hit.title.as_str()])
        .map(crate::cli::plain);
    let mut told: Vec<_> = headings.filter(|heading| heading.chars().any(char::is_alphanumeric)).collect();
    told.sort_by_key(|heading| heading.split_whitespace().count() < 2);
    told.into_iter().find(|heading| heading.split_whitespace().count() <= WORDS)
}

/// All of `names`, thirds of them by turns.
fn spread(names: &[String]) -> Vec<&String> {
    let third = names.len().div_ceil(COUNT).max(1);
    let parts: Vec<&[String]> = names.chunks(third).collect();
    (0..third).flat_map(|index| parts.iter().filter_map(move |part| part.get(index))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_become_words() {
        assert_eq!(words_of("a/0003-snapshot_by-child.md"), "0003 snapshot by child");
        assert_eq!(words_of("---.md"), "");
    }

    #[test]
    fn questions_come_from_all_over() {
        let names: Vec<String> = (0..7).map(|n| n.to_string()).collect();
        let spread: Vec<_> = spread(&names).into_iter().map(String::as_str).collect();
        assert_eq!(spread, ["0", "3", "6", "1", "4", "2", "5"]);
    }
}
