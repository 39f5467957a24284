//! The JSON of every interface, once: what HTTP answers, what `--json` prints, what a client sends.
//!
//! Each type is made `From` what the engine returns. Nothing here decides or checks; names of the contract are kept.

pub mod doctor;
pub mod document;
pub mod embedding;
pub mod fact;
pub mod index;
pub mod job;
pub(crate) mod json;
pub mod pack;
pub mod problem;
pub mod project;
pub mod proof;
pub mod prune;
pub mod query;
pub mod refresh;
pub mod restore;
pub mod snapshot;
pub mod status;

pub use doctor::{Check, Doctor, RegistryProblem, StoreProblem};
pub use document::DocumentText;
pub use embedding::{EmbeddingProgress, EmbeddingResult, EmbeddingStatus};
pub use fact::{
    FactChange, FactChangeList, FactContent, FactCounts, Interaction, InteractionList, Memory, MemoryList,
    ProjectState, StateEntry,
};
pub use index::{IndexBehind, IndexBuilt, IndexComparison};
pub use job::{Job, JobList};
pub use pack::{NearMiss, Pack, PackChange, PackDiff, PackItem, PackPassage, PackSide, TierChange, TierUse};
pub use problem::Problem;
pub use project::{Project, ProjectList, ProjectProposal, Removal, RemovalPlan, Root};
pub use proof::{LastValidation, ProvenSnapshot, SnapshotProof, Verdict};
pub use prune::{PinResult, PruneDecision, PruneFailure, PruneResult, PruneUntouched, RetentionPolicy};
pub(crate) use query::notice;
pub use query::{Answer, CopyPlace, Explanation, Factor, Fusion, Hit, Lines, MeaningHalf, WordHalf};
pub use refresh::{FileCounts, FileResult, RefreshResult, RootResult};
pub use restore::{LostChanges, RestoreOutcome, RestorePlan, StoreCounts};
pub use snapshot::{
    DrillResult, SnapshotEntry, SnapshotList, SnapshotMetadata, Validation, ValidationDetails,
    ValidationFinding, ValidationList,
};
pub use status::{
    FileProblem, Health, LastRefresh, Owner, Paths, Progress, ProjectStatus, Running, ScheduledJob,
    SnapshotStatus, Source, SourceList, Status, Worker,
};
