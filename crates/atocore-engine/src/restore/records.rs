//! What is told of a restore over the present state: what it would change, and what it did.

use std::collections::BTreeMap;

use atocore_model::{
    fact::FactChange,
    id::{Generation, SnapshotId},
    snapshot::Depth,
};
use atocore_storage::sqlite::StoreRecord;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a store holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoreCounts {
    /// Its generation.
    pub generation: Generation,
    /// Documents.
    pub documents: u64,
    /// Passages.
    pub chunks: u64,
    /// Vectors, of all models.
    pub vectors: u64,
    /// Lines of the operation log.
    pub operations: u64,
    /// Entries of project state, whether they hold or not.
    pub project_state: u64,
    /// Memories, whether they count or not.
    pub memories: u64,
    /// Interactions.
    pub interactions: u64,
}

impl From<&StoreRecord> for StoreCounts {
    fn from(record: &StoreRecord) -> Self {
        Self {
            generation: record.generation,
            documents: record.documents,
            chunks: record.chunks,
            vectors: record.vectors,
            operations: record.operations,
            project_state: record.project_state,
            memories: record.memories,
            interactions: record.interactions,
        }
    }
}

/// What was done since the snapshot and would be lost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LostChanges {
    /// `since`: the snapshot is of the past of this store. `everything`: it is not, so nothing of the present state
    /// would be left. `nothing`: there is no store yet, or none that can be opened.
    #[schema(example = "since")]
    pub what: String,
    /// How many changes; all of them for `everything`.
    pub changes: u64,
    /// Each operation and how often, for `since`.
    pub by_verb: BTreeMap<String, u64>,
    /// How many changes of facts are among them, for `since`.
    pub fact_changes: u64,
    /// The newest of these, newest first: at most 100.
    pub facts: Vec<FactChange>,
}

/// What a restore over the present state would change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RestorePlan {
    /// The snapshot.
    pub stamp: SnapshotId,
    /// When its recovery point was taken.
    pub taken_at: String,
    /// How deep it was proven for this plan.
    pub proven_depth: Depth,
    /// What the store holds now; null when there is none, or none that can be read.
    pub present: Option<StoreCounts>,
    /// The generation of the store that the plan was made for; 0 when there is none that can be read.
    #[serde(default)]
    pub generation: Generation,
    /// What is wrong with the present store, of which no snapshot is taken then: its files are kept instead. Null when
    /// nothing is.
    #[serde(default)]
    pub store_problem: Option<String>,
    /// What it would hold.
    pub restored: StoreCounts,
    /// The projects that would come back.
    pub projects_gained: Vec<String>,
    /// The projects that would be gone.
    pub projects_lost: Vec<String>,
    /// The projects that would be registered otherwise than now.
    pub projects_changed: Vec<String>,
    /// Why the registry of the snapshot cannot be read; it comes back as it was, and its projects are not known. Null when
    /// it can be.
    pub registry_problem: Option<String>,
    /// What would be lost.
    pub lost: LostChanges,
    /// Whether the directory of the vector store would be replaced too.
    pub replaces_vector_store: bool,
}

/// What a restore over the present state did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RestoreOutcome {
    /// What was planned, and done.
    pub plan: RestorePlan,
    /// The snapshot of the state before, which `undo` restores; null when there was no store to take one of.
    pub safety_stamp: Option<SnapshotId>,
    /// Where the files of the store before lie, when it was damaged and so could not be saved as a snapshot.
    pub kept: Option<String>,
    /// The generation that was restored; the line about the restore in the operation log is the next one.
    pub generation: Generation,
    /// The generation that the store has now, as `status` shows it: the one after, once that line is written.
    #[serde(default)]
    pub present_generation: Generation,
    /// Why the restore could not be written into the operation log; it is done all the same. Not in JSON.
    #[serde(skip)]
    pub unlogged: Option<String>,
    /// For how long nothing was answered, in milliseconds.
    pub outage_ms: f64,
}

impl LostChanges {
    pub(super) fn none(what: &str) -> Self {
        Self {
            what: what.to_owned(),
            changes: 0,
            by_verb: BTreeMap::new(),
            fact_changes: 0,
            facts: Vec::new(),
        }
    }
}
