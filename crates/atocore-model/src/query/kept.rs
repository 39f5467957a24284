//! Questions that were asked and are kept, so that it can be seen what is not answered.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    fact::PageSize,
    fit::Fit,
    id::{DocumentId, ProjectId},
    name::{ProjectName, QueryText},
    time::Timestamp,
};

/// A question that was asked, and what became of it the last time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct KeptQuestion {
    /// Its number.
    pub number: u64,
    /// Its words.
    pub text: String,
    /// The id of the project it was about; null when none was named.
    pub project: Option<ProjectId>,
    /// Whether nothing but that project was searched.
    pub scope: bool,
    /// How often it was asked.
    pub times: u64,
    /// When it was asked first.
    pub first_asked: Timestamp,
    /// When it was asked last.
    pub last_asked: Timestamp,
    /// How many passages the last answer showed.
    pub found: u64,
    /// How well the best of them fits; null when there was none. Below 0.5 nothing fits well.
    pub fit: Option<Fit>,
    /// Where that stands: `docs/restore.md:10-24`; null when there was none.
    pub nearest: Option<String>,
}

/// A question that has just been asked.
#[derive(Debug, Clone, PartialEq)]
pub struct NotedQuestion {
    /// Its words.
    pub text: QueryText,
    /// The project it was about.
    pub project: Option<ProjectId>,
    /// Whether nothing but that project was searched.
    pub scope: bool,
    /// When.
    pub at: Timestamp,
    /// How many passages the answer showed.
    pub found: u64,
    /// How well the best of them fits.
    pub fit: Option<Fit>,
    /// Where that stands.
    pub nearest: Option<String>,
    /// The documents that the answer showed.
    pub documents: Vec<DocumentId>,
}

/// Which of the kept questions are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptQuestionFilter {
    /// Only those for which nothing fitted well the last time.
    pub unanswered: bool,
    /// Only those about this project.
    pub project: Option<ProjectName>,
    /// How many at most.
    pub limit: PageSize,
    /// Only those that follow this one.
    pub after: Option<u64>,
}
