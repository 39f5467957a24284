//! A question, its ranked answers, and the arithmetic behind each score.

use crate::{
    digest::Digest,
    document::{HeadingPath, LineSpan},
    id::{ChunkId, DocumentId, Generation, ProjectId},
    name::{ProjectName, QueryText, Tag},
    path::SourcePath,
    ranking::{Fusion, LexicalScore, Mode, SemanticScore},
    time::Timestamp,
};

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
pub struct Query {
    /// Its words.
    pub text: QueryText,
    /// How many hits at most.
    pub top_k: TopK,
    /// The project it is about.
    pub project: ProjectHint,
    /// Only documents that carry every one of these tags.
    pub tags: Vec<Tag>,
    /// Only documents whose path below their root matches this glob, or lies below this folder.
    pub path: Option<String>,
    /// How passages are found; the setting decides when this is `None`.
    pub mode: Option<Mode>,
    /// Whether passages that say the same are shown as one.
    pub collapse: bool,
    /// Answer only once this generation can be seen.
    pub wait_for: Option<Generation>,
}

impl Query {
    /// A question with everything else at its default.
    #[must_use]
    pub const fn new(text: QueryText) -> Self {
        Self {
            text,
            top_k: TopK::DEFAULT,
            project: ProjectHint::None,
            tags: Vec::new(),
            path: None,
            mode: None,
            collapse: true,
            wait_for: None,
        }
    }
}

/// One factor of a score.
#[derive(Debug, Clone, PartialEq)]
pub struct Factor {
    /// Which one: `project`, `query_token`, `path`.
    pub name: &'static str,
    /// What the score is multiplied by.
    pub value: f64,
    /// Why it has that value, for a person.
    pub reason: String,
}

/// How a score came about: `similarity` times every factor, from left to right, is the score.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// What its words make of it; `None` in mode `dense`.
    pub lexical: Option<LexicalScore>,
    /// What its meaning makes of it; `None` in mode `lexical` and without a model.
    pub semantic: Option<SemanticScore>,
    /// How both halves were put together; `None` when there is one.
    pub fusion: Option<Fusion>,
    /// From the halves alone: at most 1.
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
}

/// A ranked passage.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The passage.
    pub chunk_id: ChunkId,
    /// Its document.
    pub document_id: DocumentId,
    /// Digest of the bytes of the file.
    pub document_digest: Digest,
    /// Its place among the passages of the document, from 0.
    pub index: u32,
    /// The project that owns the document.
    pub project: ProjectId,
    /// Title of the document.
    pub title: String,
    /// Tags of the document.
    pub tags: Vec<Tag>,
    /// Path below the root.
    pub source_path: SourcePath,
    /// Absolute path of the file.
    pub file_path: String,
    /// The headings above the passage.
    pub heading_path: HeadingPath,
    /// Where it stands in the file.
    pub lines: LineSpan,
    /// Date of the document.
    pub date: Timestamp,
    /// The text of the passage.
    pub content: String,
    /// How its score came about.
    pub explanation: Explanation,
    /// Where the same text stands too, best first: passages that would have been hits of their own.
    pub near_duplicates: Vec<Location>,
}

/// Where a passage stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The passage.
    pub chunk_id: ChunkId,
    /// Its document.
    pub document_id: DocumentId,
    /// The project that owns the document.
    pub project: ProjectId,
    /// Path below the root.
    pub source_path: SourcePath,
    /// The headings above the passage.
    pub heading_path: HeadingPath,
    /// Where it stands in the file.
    pub lines: LineSpan,
}

/// The answer to a question.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The best passages, best first; equal scores by path, then by place in the document.
    pub hits: Vec<Hit>,
    /// The project the question was about, by its id.
    pub project: Option<ProjectId>,
    /// The generation that the answer shows.
    pub generation: Generation,
    /// The generation of the store; later than `generation` while the index catches up.
    pub store_generation: Generation,
    /// How many passages were ranked for it.
    pub candidates: usize,
    /// How they were found: not always as was asked, see `notices`.
    pub mode: Mode,
    /// What a person should know about the answer; usually nothing.
    pub notices: Vec<Notice>,
}

/// Something about an answer that its hits do not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Path and tags of the question fit no document, so there was nothing to search in.
    NoDocument {
        /// The path that was asked for.
        path: Option<String>,
        /// Whether documents lie there, and only their tags do not fit.
        lies_there: bool,
        /// The tags that were asked for.
        tags: Vec<Tag>,
        /// The only project that was searched.
        scope: Option<ProjectId>,
    },
    /// The lexical index is behind the store.
    LexicalIndexBehind {
        /// What the answer shows.
        shown: Generation,
        /// What the store has.
        store: Generation,
    },
    /// An index could not be brought up to date, because the disk does not let it be written.
    IndexBehind {
        /// Which one, and what is wrong.
        why: String,
        /// What helps.
        hint: String,
    },
    /// There is no model, so only words were searched.
    NoModel {
        /// Why there is none.
        why: String,
        /// The command that helps.
        hint: String,
    },
    /// The server of the vectors is of no use at present, so only words were searched.
    VectorsUnavailable {
        /// When that was first seen.
        since: Timestamp,
        /// What is wrong.
        why: String,
        /// What helps.
        hint: String,
    },
    /// Some passages have no vector yet, or one that the index does not show yet, and were found by their words only.
    VectorsMissing {
        /// How many.
        missing: u64,
        /// Of how many.
        chunks: u64,
    },
    /// The model knows next to no word of the question, so only words were searched.
    QuestionNotUnderstood,
    /// The question is longer than the model's window: its end was lexical search only.
    QuestionCut {
        /// How many tokens it has.
        tokens: usize,
        /// How many the model sees.
        window: usize,
    },
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
