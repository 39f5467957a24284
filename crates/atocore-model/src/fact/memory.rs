//! Memories: what is worth knowing of somebody or of a project beyond its documents. What an agent proposes is a
//! candidate until a person promotes it, and reaches no pack before that.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Confidence, FactText, PageSize, Source};
use crate::{
    id::{Generation, MemoryId, ProjectId},
    json::words,
    name::ProjectName,
    time::Timestamp,
};

/// Something remembered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Memory {
    /// Its id.
    pub id: MemoryId,
    /// What sort of memory.
    pub memory_type: MemoryType,
    /// What is remembered.
    pub content: FactText,
    /// The id of the project it is about; empty for every one.
    #[serde(with = "crate::json::or_empty")]
    #[schema(value_type = String)]
    pub project: Option<ProjectId>,
    /// Where it comes from; may be empty.
    pub source: Source,
    /// How sure somebody was.
    pub confidence: Confidence,
    /// Whether it counts.
    pub status: MemoryStatus,
    /// The memory that took its place; null when none did.
    pub superseded_by: Option<MemoryId>,
    /// When it was recorded.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// The generation of its last change.
    pub generation: Generation,
}

/// What is to be remembered.
#[derive(Debug, Clone, PartialEq)]
pub struct NewMemory {
    /// What sort of memory.
    pub memory_type: MemoryType,
    /// What is remembered.
    pub content: FactText,
    /// The project it is about, by any of its names; `None` for every one.
    pub project: Option<ProjectName>,
    /// Where it comes from.
    pub source: Source,
    /// How sure somebody is.
    pub confidence: Confidence,
    /// Whether it only is proposed, for a person to promote or reject.
    pub proposed: bool,
}

/// What becomes different about a memory; `None` leaves a thing as it is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MemoryEdit {
    /// What is remembered.
    pub content: Option<FactText>,
    /// How sure somebody is.
    pub confidence: Option<Confidence>,
    /// Whether it counts.
    pub status: Option<MemoryStatus>,
    /// The memory that takes its place; makes it superseded.
    pub superseded_by: Option<MemoryId>,
}

/// Which memories are wanted; all of them in order of time, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct MemoryFilter {
    /// Only of this sort.
    pub memory_type: Option<MemoryType>,
    /// Only those about this project, and not those about every one.
    pub project: Option<ProjectName>,
    /// Only with this status.
    pub status: Option<MemoryStatus>,
    /// Only those of which somebody is at least so sure.
    pub min_confidence: Option<Confidence>,
    /// How many at most.
    pub limit: PageSize,
    /// Only those before this one in the list: the last of the page before.
    pub after: Option<MemoryId>,
}

words! {
    /// What sort of memory.
    MemoryType, "a memory type", {
        /// Who somebody is.
        Identity = "identity",
        /// How somebody wants things.
        Preference = "preference",
        /// What is so in a project.
        Project = "project",
        /// What happened.
        Episodic = "episodic",
        /// What is so.
        Knowledge = "knowledge",
        /// What was learned from a mistake.
        Adaptation = "adaptation",
    }
}

words! {
    /// Whether a memory counts.
    MemoryStatus, "a memory state", {
        /// Proposed: waits for a person.
        Candidate = "candidate",
        /// It counts.
        Active = "active",
        /// Another one has taken its place.
        Superseded = "superseded",
        /// Rejected, or no longer true.
        Invalid = "invalid",
    }
}

impl MemoryStatus {
    /// Whether a caller may move a memory from here to there. Reversing a change always may.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Candidate, Self::Active | Self::Invalid)
                | (Self::Active, Self::Superseded | Self::Invalid)
                | (Self::Superseded, Self::Active | Self::Invalid)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_becomes_a_candidate_and_nothing_invalid_comes_back() {
        for from in MemoryStatus::ALL {
            assert!(!from.may_become(MemoryStatus::Candidate));
            assert!(!MemoryStatus::Invalid.may_become(from));
        }
        assert!(MemoryStatus::Candidate.may_become(MemoryStatus::Active));
        assert!(!MemoryStatus::Candidate.may_become(MemoryStatus::Superseded));
    }

    #[test]
    fn words_are_those_of_the_contract() {
        for (word, known) in [("identity", MemoryType::Identity), ("adaptation", MemoryType::Adaptation)] {
            assert_eq!(word.parse::<MemoryType>(), Ok(known));
        }
        let error = "Identity".parse::<MemoryType>().unwrap_err().to_string();
        assert!(error.contains("identity, preference, project"), "{error}");
    }
}
