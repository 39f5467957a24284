//! What an answer says of itself beside its hits.

use std::{convert::Infallible, fmt, str::FromStr};

use super::PassageConditions;
use crate::{
    document::conditions::DocumentConditions,
    fit::Fit,
    id::{Generation, ProjectId},
    json::{read_from_text, written_as_text},
    time::Timestamp,
};

/// Something about an answer that its hits do not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Path and conditions of the question fit no document, so there was nothing to search in.
    NoDocument {
        /// The path that was asked for.
        path: Option<String>,
        /// Whether documents lie there, and only the conditions do not fit.
        lies_there: bool,
        /// Whether it is an absolute path that lies below no root of a project.
        outside: bool,
        /// What else was asked for.
        conditions: DocumentConditions,
        /// The only project that was searched.
        scope: Option<ProjectId>,
    },
    /// None of the passages that could be searched is as the question wants it.
    NoPassage {
        /// What was wanted.
        passages: PassageConditions,
        /// Whether only some documents were searched.
        is_filtered: bool,
        /// The only project that was searched.
        scope: Option<ProjectId>,
    },
    /// The project that was searched has no document, because none of its files could be read.
    NothingRead {
        /// The project.
        project: ProjectId,
        /// What was found instead, by reason.
        found: String,
    },
    /// No passage that was found fits the question well, or as well as was asked.
    NothingFits {
        /// Where the nearest stands, as a person is told.
        place: String,
        /// The project it belongs to.
        project: ProjectId,
        /// How well it fits.
        fit: Fit,
        /// What it would have to reach to be shown; `None` when it is.
        floor: Option<Fit>,
    },
    /// Passages were left out, because their files are no longer there.
    FilesGone {
        /// How many.
        passages: u64,
    },
    /// Passages stand in files that have changed since they were read.
    FilesChanged {
        /// How many.
        passages: u64,
    },
    /// Passages stand in files below a folder that is not there, or is empty.
    FolderGone {
        /// How many.
        passages: u64,
        /// The folder.
        folder: String,
    },
    /// All words of the question, or of a term of it that has to be found as it is, are left out of the lexical index.
    TooCommon(String),
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
    /// What another process said, in its words.
    Said(String),
}

impl Notice {
    /// Whether it says that nothing fits the question, and nothing of how it was searched for.
    #[must_use]
    pub const fn says_nothing_fits(&self) -> bool {
        matches!(self, Self::NothingFits { .. })
    }
}

/// A number of passages, and what they stand in.
fn counted(passages: u64) -> (String, &'static str) {
    match passages {
        1 => ("1 passage".to_owned(), "its file"),
        many => (format!("{many} passages"), "the file of each"),
    }
}

/// For a person.
impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDocument { path, lies_there, outside, conditions, scope } => {
                let why = if *outside { "; it lies below no root of a project" } else { "" };
                f.write_str(&no_document(path.as_deref(), *lies_there, conditions, scope.as_ref()))?;
                f.write_str(why)
            }
            Self::NoPassage { passages, is_filtered, scope } => {
                let of = scope.as_ref().map(|id| format!(" of project `{id}`")).unwrap_or_default();
                let among = if *is_filtered { " among the documents that were asked for" } else { "" };
                match passages.contains.is_empty() {
                    true => write!(f, "every passage{of}{among} contains {}", passages.excluded()),
                    false => write!(f, "no passage{of}{among} {}", passages.said()),
                }
            }
            Self::NothingRead { project, found } => write!(
                f,
                "no file of project `{project}` could be read ({found}); `atocore formats` lists what is read"
            ),
            Self::NothingFits { place, project, fit, floor } => {
                match floor {
                    Some(floor) if *fit >= Fit::WELL => write!(f, "nothing fits as well as {floor}")?,
                    _ => f.write_str("nothing fits the question well")?,
                }
                write!(f, "; the nearest is {place} of project `{project}`, with a fit of {fit}")?;
                floor.map_or(Ok(()), |floor| write!(f, ", which `min_fit` {floor} leaves out"))
            }
            Self::FilesGone { passages } => {
                let (passages, their) = counted(*passages);
                write!(f, "{passages} left out: {their} is no longer there; `atocore refresh` brings all up to date")
            }
            Self::FilesChanged { passages } => {
                let (passages, their) = counted(*passages);
                write!(f, "{passages} may be out of date: {their} has changed since it was read; `atocore refresh` reads it again")
            }
            Self::FolderGone { passages, folder } => {
                let (passages, _) = counted(*passages);
                write!(f, "{passages} shown as last read: the folder `{folder}` is missing or empty; is its disk mounted?")
            }
            Self::TooCommon(text) => {
                let text: String = text.chars().take(80).collect();
                write!(f, "the words of `{text}` are too common to be searched for; add others that stand near them")
            }
            Self::LexicalIndexBehind { shown, store } => write!(
                    f,
                "the lexical index shows generation {shown}, the store is at {store}: the newest changes may be missing"
            ),
            Self::IndexBehind { why, hint } => write!(
                    f,"{why}; {hint}"),
            Self::NoModel { why, hint } => {
                write!(
                    f,"lexical search only: {why}; `{hint}` helps")
            }
            Self::VectorsUnavailable { since, why, hint } => {
                write!(
                    f,"vectors unavailable since {since}, lexical search only: {why}; {hint}")
            }
            Self::VectorsMissing { missing, chunks: passages } => write!(
                    f,
                "{missing} of {passages} passages have no vector yet and are found by lexical search only; `atocore status` shows how far it is"
            ),
            Self::QuestionNotUnderstood => f.write_str(
                    "lexical search only: the model knows next to no word of the question; one for more languages can be \
                     set with ATOCORE_EMBEDDING_MODEL",
                ),
            Self::QuestionCut { tokens, window } => write!(
                    f,
                "the question has {tokens} tokens and the model sees the first {window}: the rest was searched lexically"
            ),
                Self::Said(text) => f.write_str(text),
            }
    }
}

/// A notice that comes from another process is what it said.
impl FromStr for Notice {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self::Said(text.to_owned()))
    }
}

read_from_text!(Notice);
written_as_text!(Notice);

/// Which part of a question fits no document.
fn no_document(
    path: Option<&str>,
    lies_there: bool,
    conditions: &DocumentConditions,
    scope: Option<&ProjectId>,
) -> String {
    let of = scope.map(|id| format!(" of project `{id}`")).unwrap_or_default();
    let said = conditions.said().join(" and ");
    match path {
        Some(path) if lies_there => format!("no document{of} at the path `{path}` {said}"),
        Some(path) => format!("no document{of} lies at the path `{path}` or matches it"),
        None => format!("no document{of} {said}"),
    }
}
