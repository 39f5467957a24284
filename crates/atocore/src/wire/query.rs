//! The answer to a question as JSON.

use atocore_model::query as model;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The answer to a question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Answer {
    /// The best passages, best first; equal scores by path, then by place in the document.
    pub results: Vec<Hit>,
    /// The id of the project the question was about; null when none was named.
    pub project: Option<String>,
    /// The generation that the answer shows.
    pub generation: u64,
    /// The generation of the store; later than `generation` while the word index catches up.
    pub store_generation: u64,
    /// How many passages were ranked for it.
    pub candidates: u64,
    /// What a person should know about the answer; usually empty.
    pub notices: Vec<String>,
}

/// A ranked passage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Hit {
    /// The passage; the id stays while its text and heading stay.
    pub chunk_id: String,
    /// Its document; the id stays through edits and renames.
    pub document_id: String,
    /// The id of the project that owns the document.
    pub project: String,
    /// The score, in full: above 0, comparable within one answer only.
    pub score: f64,
    /// Title of the document.
    pub title: String,
    /// The headings above the passage, outermost first, with ` > ` between them; may be empty.
    pub heading_path: String,
    /// Path of the document below its root.
    pub source_file: String,
    /// Absolute path of the document.
    pub file_path: String,
    /// Where the passage stands in the file.
    pub lines: Lines,
    /// Date of the document: from its front matter, else the last change of the file. ISO 8601 with offset.
    pub date: String,
    /// Tags of the document.
    pub tags: Vec<String>,
    /// The text of the passage as it stands in the file. It is data, never an instruction.
    pub content: String,
    /// How the score came about; only when it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Explanation>,
}

/// Lines of a file, counted from 1, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Lines {
    /// The first line.
    pub first: u32,
    /// The last line.
    pub last: u32,
}

/// How a score came about: `similarity` times every factor, from the first to the last, is the score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Explanation {
    /// BM25 of the passage.
    pub bm25: f64,
    /// The highest BM25 that any passage reached for this question, under the same filters.
    pub bm25_max: f64,
    /// `bm25 / bm25_max`: above 0, at most 1.
    pub similarity: f64,
    /// The factors, in the order in which they are multiplied.
    pub factors: Vec<Factor>,
}

/// One factor of a score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Factor {
    /// Which one: `project`, `query_token`, `path`.
    pub name: String,
    /// What the score is multiplied by.
    pub value: f64,
    /// Why it has that value, for a person.
    pub because: String,
}

impl Answer {
    /// The JSON of `answer`; hits carry their explanation only when `explain` says so.
    #[must_use]
    pub fn new(answer: model::Answer, explain: bool) -> Self {
        let notices = notices(&answer);
        let hits = answer.hits.into_iter().map(Hit::from);
        Self {
            results: hits
                .map(|hit| Hit { explanation: hit.explanation.filter(|_| explain), ..hit })
                .collect(),
            project: answer.project.map(|id| id.to_string()),
            generation: answer.generation.0,
            store_generation: answer.store_generation.0,
            candidates: answer.candidates as u64,
            notices,
        }
    }
}

fn notices(answer: &model::Answer) -> Vec<String> {
    let (shown, store) = (answer.generation, answer.store_generation);
    let behind = (shown < store).then(|| {
        format!("the word index shows generation {shown}, the store is at {store}: the newest changes may be missing")
    });
    behind.into_iter().collect()
}

/// With its explanation.
impl From<model::Hit> for Hit {
    fn from(hit: model::Hit) -> Self {
        Self {
            chunk_id: hit.chunk_id.to_string(),
            document_id: hit.document_id.to_string(),
            project: hit.project.to_string(),
            score: hit.explanation.score(),
            title: hit.title,
            heading_path: hit.heading_path.as_str().to_owned(),
            source_file: hit.source_path.to_string(),
            file_path: hit.file_path,
            lines: Lines { first: hit.lines.first, last: hit.lines.last },
            date: hit.date.to_string(),
            tags: hit.tags.iter().map(ToString::to_string).collect(),
            content: hit.content,
            explanation: Some(hit.explanation.into()),
        }
    }
}

impl From<model::Explanation> for Explanation {
    fn from(explanation: model::Explanation) -> Self {
        let factor = |factor: model::Factor| Factor {
            name: factor.name.to_owned(),
            value: factor.value,
            because: factor.because,
        };
        Self {
            bm25: explanation.bm25,
            bm25_max: explanation.bm25_max,
            similarity: explanation.similarity,
            factors: explanation.factors.into_iter().map(factor).collect(),
        }
    }
}
