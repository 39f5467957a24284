//! How many questions have their answer in a context pack, beside the same passages as a plain list that is cut at the
//! same size.
//!
//! A question has its answer when a whole passage of a document that was judged to answer it is in the text. The list
//! has nothing but the passages, with a blank line between two; the pack also has its tags, and where each stands.

use atocore_engine::{
    Engine,
    embed::{Embedder, Precision, model::locate},
};
use atocore_model::{
    error::with_causes,
    pack::{Budget, Origin, PackRequest, Unit},
    query::{Hit, QueryRequest, TopK},
};
use atocore_testkit::model;

use super::collection::{Collection, Question};
use crate::{failure::Failure, terminal};

/// The sizes that are compared.
const SIZES: [(u64, Unit); 2] = [(3_000, Unit::Chars), (2_000, Unit::Tokens)];
/// More passages than fit, for both.
const TOP_K: u64 = 50;

/// How many questions have their answer in one and in the other.
#[derive(Debug, Default)]
struct Count {
    packed: usize,
    listed: usize,
    /// Passages, of all questions together.
    packed_passages: usize,
    listed_passages: usize,
}

/// Prints a line for every size.
pub(super) fn print(name: &str, engine: &Engine, collection: &Collection) -> Result<(), Failure> {
    let choice = model::choice();
    let folder = locate(&choice.name, &choice.folders).map_err(|error| failed(&error))?;
    let embedder = Embedder::load(&folder, Precision::F32).map_err(|error| failed(&error))?;
    for (amount, unit) in SIZES {
        let length = |text: &str| match unit {
            Unit::Chars => Ok(text.chars().count()),
            Unit::Tokens => embedder.tokens(text).map_err(|error| failed(&error)),
        };
        let budget = Budget::new(amount, unit).map_err(|error| failed(&error))?;
        let mut count = Count::default();
        for question in &collection.questions {
            count_in(&mut count, engine, collection, question, budget, length)?;
        }
        let all = collection.questions.len();
        #[expect(clippy::cast_precision_loss, reason = "there are few questions")]
        let part = |of: usize| of as f64 / all as f64;
        terminal::line(&format!(
            "{name:<16} {amount} {unit:<6}  in the pack {:.4} ({:.1} passages)  in the list {:.4} ({:.1} passages)",
            part(count.packed),
            part(count.packed_passages),
            part(count.listed),
            part(count.listed_passages),
        ));
    }
    Ok(())
}

fn count_in(
    count: &mut Count,
    engine: &Engine,
    collection: &Collection,
    question: &Question,
    budget: Budget,
    length: impl Fn(&str) -> Result<usize, Failure>,
) -> Result<(), Failure> {
    let top_k = TopK::new(TOP_K).map_err(|error| failed(&error))?;
    let request = PackRequest {
        budget,
        top_k: Some(top_k),
        ..PackRequest::new(question.text.parse().map_err(|error| failed(&error))?)
    };
    let pack = engine.build_context(&request).map_err(|error| failed(&error))?;
    let packed: Vec<&Hit> =
        pack.items.iter().filter(|item| !item.cut).flat_map(|item| hits(&item.origin)).collect();
    let query =
        QueryRequest { top_k, ..QueryRequest::new(question.text.parse().map_err(|error| failed(&error))?) };
    let answer = engine.query(&query).map_err(|error| failed(&error))?;
    let mut text = String::new();
    let mut listed = Vec::new();
    for hit in &answer.hits {
        text.push_str(if text.is_empty() { "" } else { "\n\n" });
        text.push_str(&hit.content);
        // The list is cut where it is full, and a passage that is cut is not counted.
        if length(&text)? > budget.amount() {
            break;
        }
        listed.push(hit);
    }
    count.packed_passages += packed.len();
    count.listed_passages += listed.len();
    count.packed += usize::from(answers(collection, question, &packed));
    count.listed += usize::from(answers(collection, question, &listed));
    Ok(())
}

fn hits(origin: &Origin) -> &[Hit] {
    match origin {
        Origin::Chunk(passage) => &passage.hits,
        _ => &[],
    }
}

/// Whether one of the passages, or one that says the same, is of a document that answers the question.
fn answers(collection: &Collection, question: &Question, hits: &[&Hit]) -> bool {
    let is_relevant = |path: &str| {
        collection.document_at(path).is_some_and(|document| question.relevant.contains_key(document))
    };
    hits.iter().any(|hit| {
        is_relevant(hit.source_path.as_str())
            || hit.copies.iter().any(|copy| is_relevant(copy.source_path.as_str()))
    })
}

fn failed(error: &dyn std::error::Error) -> Failure {
    Failure::failed(with_causes(error))
}
