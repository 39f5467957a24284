//! Questions drawn from the corpus: the same ones whenever the store holds the same.

use atocore_model::{
    query::{ProjectHint, QueryRequest},
    text,
};
use atocore_storage::sqlite::{Store, StoredChunk};

use crate::{engine::Engine, error::Error};

/// How many questions are drawn when there are fewer projects than that: more would take the processor from the copy,
/// and the snapshot of a small store would wait for them.
const QUESTIONS: usize = 6;

/// More projects than these get none of their own.
const MOST_PROJECTS: usize = 100;

/// How many words make a phrase.
const PHRASE_WORDS: usize = 5;

/// Questions about passages of every project; the first about each is asked within the project.
pub(super) fn sample(engine: &Engine, store: &Store) -> Result<Vec<QueryRequest>, Error> {
    let registered: Vec<String> =
        engine.registered().iter().map(|project| project.id.as_str().to_owned()).collect();
    let mut projects = store.read(|read| read.projects_with_documents())?;
    projects.truncate(MOST_PROJECTS);
    let share = (QUESTIONS / projects.len().max(1)).max(1);
    let mut questions: Vec<QueryRequest> = Vec::new();
    for project in projects {
        let passages = store.read(|read| read.sampled_chunks(&project, share))?;
        for (turn, passage) in passages.iter().enumerate() {
            let Some(mut query) = question(passage, turn) else { continue };
            if turn == 0
                && registered.contains(&project)
                && let Ok(name) = project.parse()
            {
                query.project = ProjectHint::Scope(name);
            }
            if !questions.contains(&query) {
                questions.push(query);
            }
        }
    }
    Ok(questions)
}

/// By turns its rarest-looking words and the heading above it.
fn question(passage: &StoredChunk, turn: usize) -> Option<QueryRequest> {
    let phrase = phrase(&passage.content);
    let heading = passage.heading_path.clone();
    let order = if turn.is_multiple_of(2) { [phrase, heading] } else { [heading, phrase] };
    order.into_iter().find_map(|text| Some(QueryRequest::new(text.parse().ok()?)))
}

/// The longest words of a text, in their order; long words are rare ones.
fn phrase(content: &str) -> String {
    let mut words: Vec<(usize, &str)> = Vec::new();
    for word in text::words(content) {
        let is_new = words.iter().all(|(_, known)| *known != word);
        if is_new && word.chars().count() <= 40 && words.len() < 500 {
            words.push((words.len(), word));
        }
    }
    words.sort_by_key(|(place, word)| (usize::MAX - word.chars().count(), *place));
    words.truncate(PHRASE_WORDS);
    words.sort_by_key(|(place, _)| *place);
    words.into_iter().map(|(_, word)| word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phrase_is_made_of_the_longest_words_in_their_order() {
        let text = "The keys are rotated every spring, by whoever administrates the certificates. The keys!";
        assert_eq!(phrase(text), "rotated spring whoever administrates certificates");
        assert_eq!(phrase("… — !"), "");
    }
}
