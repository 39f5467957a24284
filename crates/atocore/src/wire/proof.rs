//! How deep snapshots are proven, as JSON.

use atocore_engine as engine;
use atocore_model::id::SnapshotId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What validations have found about a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SnapshotProof {
    /// The deepest depth that is proven and that no later validation contradicts; null when none is.
    #[schema(example = "answers")]
    pub proven_depth: Option<String>,
    /// When it was proven: ISO 8601 with offset.
    pub proven_at: Option<String>,
    /// The last verdict per depth, the shallowest first, without those that a later one has overruled.
    pub verdicts: Vec<Verdict>,
    /// Why what was written down about it cannot be used, so that it counts as unproven; null when it can.
    pub ledger_problem: Option<String>,
    /// What it was taken for; empty when nobody said.
    #[serde(default)]
    pub note: String,
    /// Whether it is pinned, so that no removal takes it.
    #[serde(default)]
    pub pinned: bool,
    /// Why it is pinned; empty when nobody said, or it is not.
    #[serde(default)]
    pub pin_note: String,
    /// Whether it is the state before the last restore, which `undo` restores.
    #[serde(default)]
    pub undo_point: bool,
}

/// What a validation found at one depth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Verdict {
    /// The depth: the deepest one that held, or the shallowest one that did not.
    pub depth: String,
    /// Whether everything down to it held.
    pub valid: bool,
    /// When the validation ended: ISO 8601 with offset.
    pub at: String,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// What it found; shortened when that is much.
    pub errors: Vec<String>,
}

/// The newest snapshot that is proven to a depth or deeper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProvenSnapshot {
    /// `structure`, `digests`, `content`, `restore` or `answers`.
    #[schema(example = "answers")]
    pub depth: String,
    /// Its stamp; null when none is proven that deep.
    pub stamp: Option<String>,
    /// Its age; 0 when its stamp is of the future.
    pub age_seconds: Option<u64>,
    /// When it was proven: ISO 8601 with offset.
    pub proven_at: Option<String>,
}

/// The last validation that is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LastValidation {
    /// The snapshot.
    pub stamp: String,
    /// What was found.
    #[serde(flatten)]
    pub verdict: Verdict,
}

impl From<engine::Verdict> for Verdict {
    fn from(verdict: engine::Verdict) -> Self {
        Self {
            depth: verdict.depth.to_string(),
            valid: verdict.valid,
            at: verdict.at.to_string(),
            duration_ms: verdict.duration_ms,
            errors: verdict.errors,
        }
    }
}

impl From<engine::SnapshotProof> for SnapshotProof {
    fn from(proof: engine::SnapshotProof) -> Self {
        Self {
            proven_depth: proof.proven.map(|proven| proven.depth.to_string()),
            proven_at: proof.proven.map(|proven| proven.at.to_string()),
            verdicts: proof.standing.verdicts.into_iter().map(Verdict::from).collect(),
            ledger_problem: proof.standing.problem,
            note: proof.remarks.note,
            pinned: proof.remarks.pin.is_some(),
            pin_note: proof.remarks.pin.unwrap_or_default(),
            undo_point: proof.undo_point,
        }
    }
}

impl From<engine::ProvenSnapshot> for ProvenSnapshot {
    fn from(proven: engine::ProvenSnapshot) -> Self {
        Self {
            depth: proven.depth.to_string(),
            stamp: proven.stamp.map(|stamp| stamp.to_string()),
            age_seconds: proven.age_seconds,
            proven_at: proven.proven_at.map(|at| at.to_string()),
        }
    }
}

impl From<(SnapshotId, engine::Verdict)> for LastValidation {
    fn from((stamp, verdict): (SnapshotId, engine::Verdict)) -> Self {
        Self { stamp: stamp.to_string(), verdict: verdict.into() }
    }
}
