//! Restoring over the present state as JSON: what it would change, and what it did.

use std::collections::BTreeMap;

use atocore_engine as engine;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::FactChange;

/// What a store holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoreCounts {
    /// Its generation.
    pub generation: u64,
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
    #[schema(example = "20260406T184219Z")]
    pub stamp: String,
    /// When its recovery point was taken.
    pub taken_at: String,
    /// How deep it was proven for this plan.
    pub proven_depth: String,
    /// What the store holds now; null when there is none, or none that can be read.
    pub present: Option<StoreCounts>,
    /// The generation of the store that the plan was made for; 0 when there is none that can be read.
    #[serde(default)]
    pub generation: u64,
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
    pub safety_stamp: Option<String>,
    /// Where the files of the store before lie, when it was damaged and so could not be saved as a snapshot.
    pub kept: Option<String>,
    /// The generation that was restored; the line about the restore in the operation log is the next one.
    pub generation: u64,
    /// The generation that the store has now, as `status` shows it: the one after, once that line is written.
    #[serde(default)]
    pub present_generation: u64,
    /// For how long nothing was answered, in milliseconds.
    pub outage_ms: f64,
}

impl From<engine::StoreRecord> for StoreCounts {
    fn from(record: engine::StoreRecord) -> Self {
        Self {
            generation: record.generation.0,
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

impl From<engine::RestorePlan> for RestorePlan {
    fn from(plan: engine::RestorePlan) -> Self {
        let all = plan.present.as_ref().map_or(0, |present| present.operations);
        let none = |what: &str, changes| LostChanges {
            what: what.to_owned(),
            changes,
            by_verb: BTreeMap::new(),
            fact_changes: 0,
            facts: Vec::new(),
        };
        let lost = match plan.lost {
            engine::Lost::Since { verbs, facts, fact_changes } => LostChanges {
                changes: verbs.iter().map(|(_, times)| times).sum(),
                by_verb: verbs.into_iter().collect(),
                fact_changes,
                facts: facts.into_iter().map(FactChange::from).collect(),
                ..none("since", 0)
            },
            engine::Lost::Everything => none("everything", all),
            engine::Lost::Nothing => none("nothing", 0),
        };
        Self {
            stamp: plan.stamp.to_string(),
            taken_at: plan.taken_at,
            proven_depth: plan.proven.to_string(),
            lost,
            generation: plan.generation.0,
            store_problem: plan.store_problem,
            present: plan.present.map(StoreCounts::from),
            restored: plan.restored.into(),
            projects_gained: plan.projects_gained,
            projects_lost: plan.projects_lost,
            projects_changed: plan.projects_changed,
            registry_problem: plan.registry_problem,
            replaces_vector_store: plan.vectors,
        }
    }
}

impl From<engine::RestoreOutcome> for RestoreOutcome {
    fn from(outcome: engine::RestoreOutcome) -> Self {
        Self {
            plan: outcome.plan.into(),
            safety_stamp: outcome.safety.map(|stamp| stamp.to_string()),
            kept: outcome.kept.map(|path| path.to_string_lossy().into_owned()),
            generation: outcome.generation.0,
            present_generation: outcome.present.0,
            outage_ms: outcome.outage.as_secs_f64() * 1e3,
        }
    }
}
