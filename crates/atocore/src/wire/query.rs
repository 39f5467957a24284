//! The answer to a question as JSON.

use atocore_model::{id::ProjectId, name::Tag, query as model, ranking};
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
    /// The generation of the store; later than `generation` while the lexical index catches up.
    pub store_generation: u64,
    /// How many passages were ranked for it.
    pub candidates: u64,
    /// How they were found: `hybrid`, `dense` or `lexical`; not always as was asked, see `notices`.
    pub mode: String,
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
    /// How many other places have the same text; they are no hits of their own.
    pub copy_count: u64,
    /// These places, best first.
    pub copies: Vec<CopyPlace>,
    /// How the score came about; only when it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Explanation>,
}

/// Where the same text stands as in a hit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CopyPlace {
    /// The passage.
    pub chunk_id: String,
    /// Its document.
    pub document_id: String,
    /// The id of the project that owns the document.
    pub project: String,
    /// Path of the document below its root.
    pub source_file: String,
    /// The headings above the passage.
    pub heading_path: String,
    /// Where it stands in the file.
    pub lines: Lines,
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
    /// What its words make of it; null in mode `dense`.
    pub words: Option<WordHalf>,
    /// What its meaning makes of it; null in mode `lexical`.
    pub meaning: Option<MeaningHalf>,
    /// How the two were put together; null when there is one.
    pub fusion: Option<Fusion>,
    /// What the halves come to: at most 1.
    pub similarity: f64,
    /// The factors, in the order in which they are multiplied.
    pub factors: Vec<Factor>,
}

/// What its words make of a passage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WordHalf {
    /// BM25 of the passage; 0 when it has no word of the question, or ranks below the candidates.
    pub bm25: f64,
    /// The highest BM25 that any passage reached for this question, under the same filters.
    pub bm25_max: f64,
    /// `bm25 / bm25_max`: 0 to 1.
    pub part: f64,
    /// Its rank among the candidates by words, from 1; null when it is not among them.
    pub rank: Option<u64>,
}

/// What its meaning makes of a passage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MeaningHalf {
    /// Cosine of the vectors of passage and question.
    pub cosine: f64,
    /// The highest cosine that any passage reached for this question, under the same filters.
    pub cosine_max: f64,
    /// `cosine / cosine_max`: 0 to 1; 0 below 0.
    pub part: f64,
    /// Its rank among the candidates by meaning, from 1; null when it is not among them.
    pub rank: Option<u64>,
    /// Whether the passage has no vector yet, and its cosine is assumed from its words.
    pub assumed: bool,
}

/// How two halves were put together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Fusion {
    /// `convex`: `meaning_weight` times the part of the meaning, and the rest of 1 times the part of the words.
    /// `rrf`: half of `(k + 1) / (k + rank)` of each.
    #[schema(example = "convex")]
    pub kind: String,
    /// The weight of the meaning; null for `rrf`.
    pub meaning_weight: Option<f64>,
    /// How slowly a rank loses weight; null for `convex`.
    pub k: Option<f64>,
}

/// One factor of a score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Factor {
    /// Which one: `project`, `query_token`, `path`, `exact_term`.
    pub name: String,
    /// What the score is multiplied by.
    pub value: f64,
    /// Why it has that value, for a person.
    #[serde(rename = "because")]
    pub reason: String,
}

impl Answer {
    /// The JSON of `answer`; hits carry their explanation only when `explain` says so.
    #[must_use]
    pub fn new(answer: model::Answer, explain: bool) -> Self {
        let notices = answer.notices.iter().map(notice).collect();
        let hits = answer.hits.into_iter().map(Hit::from);
        Self {
            results: hits
                .map(|hit| Hit { explanation: hit.explanation.filter(|_| explain), ..hit })
                .collect(),
            project: answer.project.map(|id| id.to_string()),
            generation: answer.generation.0,
            store_generation: answer.store_generation.0,
            candidates: answer.candidates as u64,
            mode: answer.mode.as_str().to_owned(),
            notices,
        }
    }
}

/// What a notice says to a person.
pub(crate) fn notice(notice: &model::Notice) -> String {
    match notice {
        model::Notice::NoDocument { path, lies_there, tags, scope } => {
            no_document(path.as_deref(), *lies_there, tags, scope.as_ref())
        }
        model::Notice::LexicalIndexBehind { shown, store } => format!(
            "the lexical index shows generation {shown}, the store is at {store}: the newest changes may be missing"
        ),
        model::Notice::IndexBehind { why, hint } => format!("{why}; {hint}"),
        model::Notice::NoModel { why, hint } => {
            format!("lexical search only: {why}; `{hint}` helps")
        }
        model::Notice::VectorsUnavailable { since, why, hint } => {
            format!("vectors unavailable since {since}, lexical search only: {why}; {hint}")
        }
        model::Notice::VectorsMissing { missing, chunks: passages } => format!(
            "{missing} of {passages} passages have no vector yet and are found by lexical search only; `atocore status` shows how far it is"
        ),
        model::Notice::QuestionNotUnderstood => "lexical search only: the model knows next to no word of the question; one for more languages can be set with ATOCORE_EMBEDDING_MODEL".to_owned(),
        model::Notice::QuestionCut { tokens, window } => format!(
            "the question has {tokens} tokens and the model sees the first {window}: the rest was searched lexically"
        ),
    }
}

/// Which part of a question fits no document.
fn no_document(path: Option<&str>, lies_there: bool, tags: &[Tag], scope: Option<&ProjectId>) -> String {
    let of = scope.map(|id| format!(" of project `{id}`")).unwrap_or_default();
    let tags: Vec<String> = tags.iter().map(|tag| format!("`{tag}`")).collect();
    let tagged = match &tags[..] {
        [tag] => format!("has the tag {tag}"),
        tags => format!("has all of the tags {}", tags.join(", ")),
    };
    match path {
        Some(path) if lies_there => format!("no document{of} at the path `{path}` {tagged}"),
        Some(path) => format!("no document{of} lies at the path `{path}` or matches it"),
        None => format!("no document{of} {tagged}"),
    }
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
            copy_count: hit.near_duplicates.len() as u64,
            copies: hit.near_duplicates.into_iter().map(CopyPlace::from).collect(),
            explanation: Some(hit.explanation.into()),
        }
    }
}

impl From<model::Location> for CopyPlace {
    fn from(place: model::Location) -> Self {
        Self {
            chunk_id: place.chunk_id.to_string(),
            document_id: place.document_id.to_string(),
            project: place.project.to_string(),
            source_file: place.source_path.to_string(),
            heading_path: place.heading_path.as_str().to_owned(),
            lines: Lines { first: place.lines.first, last: place.lines.last },
        }
    }
}

impl From<model::Explanation> for Explanation {
    fn from(explanation: model::Explanation) -> Self {
        let factor = |factor: model::Factor| Factor {
            name: factor.name.to_owned(),
            value: factor.value,
            reason: factor.reason,
        };
        Self {
            words: explanation.lexical.map(WordHalf::from),
            meaning: explanation.semantic.map(MeaningHalf::from),
            fusion: explanation.fusion.map(Fusion::from),
            similarity: explanation.similarity,
            factors: explanation.factors.into_iter().map(factor).collect(),
        }
    }
}

impl From<ranking::LexicalScore> for WordHalf {
    fn from(half: ranking::LexicalScore) -> Self {
        let rank = half.rank.map(|rank| rank as u64);
        Self { bm25: half.bm25, bm25_max: half.best, part: half.part(), rank }
    }
}

impl From<ranking::SemanticScore> for MeaningHalf {
    fn from(half: ranking::SemanticScore) -> Self {
        Self {
            cosine: half.cosine,
            cosine_max: half.best,
            part: half.part(),
            rank: half.rank.map(|rank| rank as u64),
            assumed: half.assumed,
        }
    }
}

impl From<ranking::Fusion> for Fusion {
    fn from(fusion: ranking::Fusion) -> Self {
        match fusion {
            ranking::Fusion::Convex { meaning_weight } => {
                Self { kind: "convex".to_owned(), meaning_weight: Some(meaning_weight), k: None }
            }
            ranking::Fusion::Reciprocal { k } => {
                Self { kind: "rrf".to_owned(), meaning_weight: None, k: Some(k) }
            }
        }
    }
}
