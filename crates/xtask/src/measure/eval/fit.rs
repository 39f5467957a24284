//! Whether a fit tells questions that a collection answers from those about something else.
//!
//! The questions of the other collections stand for the second kind: up to 200, as many of each. Where two collections are
//! about the same subject, that is no test; such pairs are left to whoever names the folders.

use std::{collections::BTreeMap, path::Path, slice};

use atocore_engine::{Engine, evaluation::metrics::mean};
use atocore_model::{
    fit::Fit,
    query::{Answer, Notice, QueryRequest, TopK},
};

use super::{
    collection::{Collection, Question},
    name, paths,
};
use crate::{failure::Failure, terminal};

/// How many questions of other collections are asked.
const FOREIGN: usize = 200;
/// The rank down to which documents count.
const DEPTH: usize = 10;
/// The least fits of which the cost is shown.
const FLOORS: [f64; 5] = [0.05, 0.1, 0.2, 0.3, 0.5];

/// Prints what each floor costs the questions of a collection, and how many answers to the others are empty or flagged.
pub(super) fn print(
    folder: &Path,
    engine: &Engine,
    collection: &Collection,
    folders: &[&Path],
) -> Result<(), Failure> {
    let name = name(folder);
    let fits = fits(engine, collection)?;
    let all = recall(&fits, Fit::ZERO);
    for floor in FLOORS {
        let floor = Fit::new(floor).map_err(|error| Failure::failed(error.to_string()))?;
        let kept = recall(&fits, floor);
        terminal::line(&format!(
            "{name:<16} min_fit {floor:<5} recall@{DEPTH} {kept:.4} of {all:.4}, {:.1} % less",
            (1.0 - kept / all) * 100.0
        ));
    }
    let own: Vec<Outcome> =
        collection.questions.iter().map(|question| outcome(engine, question)).collect::<Result<_, _>>()?;
    print_outcomes(&name, "its own questions", &own);
    let others: Vec<Collection> = folders
        .iter()
        .filter(|other| **other != folder)
        .map(|other| Collection::read(other))
        .collect::<Result<_, _>>()?;
    let foreign = foreign(&others);
    let foreign: Vec<Outcome> =
        foreign.into_iter().map(|question| outcome(engine, question)).collect::<Result<_, _>>()?;
    print_outcomes(&name, "questions of others", &foreign);
    Ok(())
}

/// What became of a question with the stock settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Answered,
    /// Answered, with the notice that nothing fits well.
    Flagged,
    Empty,
}

fn print_outcomes(name: &str, of: &str, outcomes: &[Outcome]) {
    let count = |wanted: Outcome| outcomes.iter().filter(|outcome| **outcome == wanted).count();
    let (flagged, empty) = (count(Outcome::Flagged), count(Outcome::Empty));
    #[expect(clippy::cast_precision_loss, reason = "there are few questions")]
    let part = (flagged + empty) as f64 / outcomes.len().max(1) as f64;
    terminal::line(&format!(
        "{name:<16} {of:<20} {:4}: {empty} empty, {flagged} flagged, together {:.1} %",
        outcomes.len(),
        part * 100.0
    ));
}

fn outcome(engine: &Engine, question: &Question) -> Result<Outcome, Failure> {
    let answer = answer(engine, question, TopK::DEFAULT, None)?;
    let is_flagged = answer.notices.iter().any(Notice::says_nothing_fits);
    Ok(match (answer.hits.is_empty(), is_flagged) {
        (true, _) => Outcome::Empty,
        (false, true) => Outcome::Flagged,
        (false, false) => Outcome::Answered,
    })
}

/// How well the judged documents fit that are among the first ten, over how many there are, by question.
fn fits(engine: &Engine, collection: &Collection) -> Result<Vec<(Vec<Fit>, usize)>, Failure> {
    let fits = |question: &Question| {
        let answer = answer(engine, question, TopK::MOST, Some(Fit::ZERO))?;
        let mut documents: BTreeMap<&str, Fit> = BTreeMap::new();
        for hit in &answer.hits {
            for document in paths(slice::from_ref(hit)).iter().filter_map(|path| collection.document_at(path))
            {
                let is_known = documents.contains_key(document);
                if is_known || documents.len() < DEPTH {
                    let fit = documents.entry(document).or_default();
                    *fit = hit.fit.max(*fit);
                }
            }
        }
        documents.retain(|document, _| question.relevant.contains_key(*document));
        Ok((documents.into_values().collect(), question.relevant.len()))
    };
    collection.questions.iter().map(fits).collect()
}

/// The mean part of the judged documents that is found and fits at least so well.
fn recall(fits: &[(Vec<Fit>, usize)], floor: Fit) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "there are few documents")]
    let of_question = |(fits, relevant): &(Vec<Fit>, usize)| {
        fits.iter().filter(|fit| **fit >= floor).count() as f64 / (*relevant).max(1) as f64
    };
    mean(fits.iter().map(of_question)).unwrap_or(0.0)
}

/// Questions of other collections, evenly from each and from all over it.
fn foreign(others: &[Collection]) -> Vec<&Question> {
    let each = FOREIGN.div_ceil(others.len().max(1));
    let spread = |other: &Collection| {
        let (all, wanted) = (other.questions.len(), each.min(other.questions.len()));
        (0..wanted).map(move |at| at * all / wanted)
    };
    let questions = |other| spread(other).map(|at| &other.questions[at]);
    others.iter().flat_map(questions).take(FOREIGN).collect()
}

fn answer(
    engine: &Engine,
    question: &Question,
    top_k: TopK,
    min_fit: Option<Fit>,
) -> Result<Answer, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::failed(format!("`{}`: {error}", question.text));
    let text = question.text.parse().map_err(|error| failed(&error))?;
    let query = QueryRequest { top_k, min_fit, ..QueryRequest::new(text) };
    engine.query(&query).map_err(|error| failed(&error))
}
