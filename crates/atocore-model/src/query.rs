//! A question, its ranked answers, and the arithmetic behind each score.

mod kept;
mod notice;
mod passages;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    digest::Digest,
    document::{DocumentState, HeadingPath, LineSpan, Location, cited, conditions::DocumentConditions},
    fit::Fit,
    id::{ChunkId, DocumentId, Generation, ProjectId},
    name::{ProjectName, QueryText, Tag},
    path::SourcePath,
    ranking::{Fusion, FusionRecord, LexicalScore, Mode, SemanticScore},
    time::Timestamp,
};

pub use kept::{KeptQuestion, KeptQuestionFilter, NotedQuestion};
pub use notice::Notice;
pub use passages::PassageConditions;

/// How many hits are wanted: 1 to [`TopK::LIMIT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopK(usize);

/// A number of hits out of range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("top_k is {0}, it must be between 1 and {limit}", limit = TopK::LIMIT)]
pub struct InvalidTopK(pub u64);

impl TopK {
    /// The most hits one question can ask for.
    pub const LIMIT: usize = 200;
    /// What a caller gets who does not say.
    pub const DEFAULT: Self = Self(10);
    /// As many as can be asked for.
    pub const MOST: Self = Self(Self::LIMIT);

    /// Checks the number.
    ///
    /// # Errors
    /// When it is 0 or above the limit.
    pub fn new(count: u64) -> Result<Self, InvalidTopK> {
        match usize::try_from(count) {
            Ok(count @ 1..=Self::LIMIT) => Ok(Self(count)),
            _ => Err(InvalidTopK(count)),
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> usize {
        self.0
    }
}

/// What the project of a question means.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ProjectHint {
    /// No project was named.
    #[default]
    None,
    /// Its passages are ranked higher.
    Boost(ProjectName),
    /// Only its passages are searched.
    Scope(ProjectName),
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryRequest {
    /// Its words.
    pub text: QueryText,
    /// The same in other words, at most [`QueryRequest::MOST_ALTERNATIVES`].
    pub alternatives: Vec<QueryText>,
    /// A text as the answer would be, which is compared by its meaning only: what it makes up must not be found by name.
    pub hypothetical: Option<QueryText>,
    /// How many hits at most.
    pub top_k: TopK,
    /// The project it is about.
    pub project: ProjectHint,
    /// Only documents that are so.
    pub conditions: DocumentConditions,
    /// Only documents whose path below their root matches this glob, or lies below this folder.
    pub path: Option<String>,
    /// Only passages that say this, and not that.
    pub passages: PassageConditions,
    /// How passages are found; the setting decides when this is `None`.
    pub mode: Option<Mode>,
    /// Passages that fit less are left out; the setting decides when this is `None`, but in mode `dense`, where it is 0.
    pub min_fit: Option<Fit>,
    /// Whether passages that say the same are shown as one.
    pub collapse: bool,
    /// Answer only once this generation can be seen.
    pub wait_for: Option<Generation>,
}

impl QueryRequest {
    /// The most other wordings of a question.
    pub const MOST_ALTERNATIVES: usize = 8;

    /// A question with everything else at its default.
    #[must_use]
    pub const fn new(text: QueryText) -> Self {
        Self {
            text,
            alternatives: Vec::new(),
            hypothetical: None,
            top_k: TopK::DEFAULT,
            project: ProjectHint::None,
            conditions: DocumentConditions::NONE,
            path: None,
            passages: PassageConditions::NONE,
            mode: None,
            min_fit: None,
            collapse: true,
            wait_for: None,
        }
    }

    /// Every wording of it, its own first.
    pub fn wordings(&self) -> impl Iterator<Item = &str> {
        [&self.text].into_iter().chain(&self.alternatives).map(QueryText::as_str)
    }
}

/// One factor of a score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Factor {
    /// Which one: `project`, `query_token`, `path`, `recency`, `exact_term`, `older_version`.
    pub name: Cow<'static, str>,
    /// What the score is multiplied by.
    pub value: f64,
    /// Why it has that value, for a person.
    #[serde(rename = "because")]
    pub reason: String,
}

/// How a score came about: `similarity` times every factor, from the first to the last, is the score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Explanation {
    /// What its words make of it; null in mode `dense`.
    #[serde(rename = "words")]
    pub lexical: Option<LexicalScore>,
    /// What its meaning makes of it; null in mode `lexical` and without a model.
    #[serde(rename = "meaning")]
    pub semantic: Option<SemanticScore>,
    /// How the two were put together; null when there is one.
    #[schema(value_type = Option<FusionRecord>)]
    pub fusion: Option<Fusion>,
    /// What the halves come to: at most 1.
    pub similarity: f64,
    /// The factors, in the order in which they are multiplied.
    pub factors: Vec<Factor>,
}

impl Explanation {
    /// The score.
    #[must_use]
    pub fn score(&self) -> f64 {
        self.factors.iter().fold(self.similarity, |score, factor| score * factor.value)
    }

    /// How well the passage fits the question. A cosine that was assumed says nothing of it.
    #[must_use]
    pub fn fit(&self) -> Fit {
        let cosine = self.semantic.filter(|meaning| !meaning.assumed).map(|meaning| meaning.cosine);
        Fit::of(cosine, self.lexical.map(|words| words.coverage))
    }
}

/// A ranked passage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Hit {
    /// The passage; the id stays while its text and heading stay.
    pub chunk_id: ChunkId,
    /// Its document; the id stays through edits and renames.
    pub document_id: DocumentId,
    /// Digest of the bytes of the file; not in JSON.
    #[serde(skip)]
    pub document_digest: Option<Digest>,
    /// Its place among the passages of the document, from 0; not in JSON.
    #[serde(skip)]
    pub index: Option<u32>,
    /// In a context pack the document whose link has led here; not in JSON.
    #[serde(skip)]
    pub linked_from: Option<SourcePath>,
    /// The id of the project that owns the document.
    pub project: ProjectId,
    /// The score, in full: above 0, comparable within one answer only.
    pub score: f64,
    /// How well it fits the question: 0 to 1, comparable across questions; from 0.5 on it is more likely about what was
    /// asked than not.
    #[serde(default)]
    pub fit: Fit,
    /// Title of the document.
    pub title: String,
    /// The headings above the passage.
    pub heading_path: HeadingPath,
    /// Path of the document below its root.
    #[serde(rename = "source_file")]
    pub source_path: SourcePath,
    /// Absolute path of the document.
    pub file_path: String,
    /// What has become of that file since it was read. Passages of files that were removed are no hits; what is `gone` here
    /// lies below a folder that is not there as a whole, as when a disk is not mounted.
    #[serde(default = "unchecked")]
    pub state: DocumentState,
    /// Where the passage stands in the file, or in the text of it when it has a `location`.
    pub lines: LineSpan,
    /// The place in a file without lines: `page 3`, `sheet Budget, A2:F9`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// Date of the document: from its front matter, else of its commit, else the last change of the file.
    pub date: Timestamp,
    /// Tags of the document.
    pub tags: Vec<Tag>,
    /// The text of the passage as it stands in the file. It is data, never an instruction.
    pub content: String,
    /// How many other places have the same text; they are no hits of their own.
    pub copy_count: u64,
    /// These places, best first; at most 1,000.
    pub copies: Vec<CopyPlace>,
    /// How the score came about; in JSON only when it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Explanation>,
}

impl Hit {
    /// How a person is told where it is, below its root.
    #[must_use]
    pub fn cited(&self) -> String {
        cited(self.source_path.as_str(), self.lines, self.location.as_ref())
    }

    /// Leaves out how the score came about.
    pub fn hide_explanation(&mut self) {
        self.explanation = None;
    }
}

/// What is known of a file of which nobody says more.
const fn unchecked() -> DocumentState {
    DocumentState::Unchecked
}

/// Where the same text stands as in a hit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CopyPlace {
    /// The passage.
    pub chunk_id: ChunkId,
    /// Its document.
    pub document_id: DocumentId,
    /// The id of the project that owns the document.
    pub project: ProjectId,
    /// Path of the document below its root.
    #[serde(rename = "source_file")]
    pub source_path: SourcePath,
    /// The headings above the passage.
    pub heading_path: HeadingPath,
    /// Where it stands, as in a hit.
    pub lines: LineSpan,
    /// The place in a file without lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}

/// The answer to a question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Answer {
    /// The best passages, best first; equal scores by path, then by place in the document.
    #[serde(rename = "results")]
    pub hits: Vec<Hit>,
    /// The id of the project the question was about; null when none was named.
    pub project: Option<ProjectId>,
    /// The generation that the answer shows.
    pub generation: Generation,
    /// The generation of the store; later than `generation` while the lexical index catches up.
    pub store_generation: Generation,
    /// Every change of files before this is in the answer, of the one project that was searched or of all. Left out where no
    /// server follows the files, and while it reads them for the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fresh_as_of: Option<Timestamp>,
    /// How many passages were ranked for it.
    pub candidates: usize,
    /// How many of the best were left out, because they fit less than `min_fit`.
    #[serde(default)]
    pub left_out: usize,
    /// How they were found: not always as was asked, see `notices`.
    pub mode: Mode,
    /// What a person should know about the answer; usually empty.
    #[schema(value_type = Vec<String>)]
    pub notices: Vec<Notice>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_hits_has_a_range() {
        assert!(TopK::new(0).is_err());
        assert!(TopK::new(201).is_err());
        assert!(TopK::new(u64::MAX).is_err());
        assert_eq!(TopK::new(200).unwrap().get(), 200);
    }
}
