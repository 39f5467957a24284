//! The model and its vectors as JSON.

use atocore_engine as engine;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The model that searches by meaning, and how far its vectors are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EmbeddingStatus {
    /// Whether the settings want a model at all; they do not in mode `lexical`.
    pub wanted: bool,
    /// The model that the settings name.
    #[schema(example = "all-MiniLM-L6-v2")]
    pub model: String,
    /// `f32` or `int8`.
    pub precision: String,
    /// Why it cannot be used; null when it can.
    pub problem: Option<String>,
    /// The command that helps; null when none is needed.
    #[serde(rename = "cure")]
    pub hint: Option<String>,
    /// The model whose vectors answers use; null before there are any.
    pub serving: Option<String>,
    /// Whether vectors of the settings' model are still being made while another one answers.
    pub switching: bool,
    /// All passages.
    pub passages: u64,
    /// Those that have a vector.
    pub embedded: u64,
    /// Those that are found by meaning.
    pub indexed: u64,
    /// Those that are found by their words only: without a vector, or with one that the index does not show yet.
    #[serde(default)]
    pub missing: u64,
    /// How far the making of vectors is; null when none are being made.
    pub making: Option<EmbeddingProgress>,
    /// Why the last attempt to make vectors failed; null when it did not.
    pub failure: Option<String>,
}

/// How far the making of vectors is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EmbeddingProgress {
    /// Passages done since it began.
    pub done: u64,
    /// Passages left.
    pub left: u64,
    /// Passages per second, over the last minute or so.
    pub per_second: f64,
    /// How long it will take at this pace; null before that can be said.
    pub seconds_left: Option<u64>,
}

/// What making vectors came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EmbeddingResult {
    /// Passages that got a vector.
    pub embedded: u64,
    /// Passages that had one already.
    pub kept: u64,
    /// Whether answers use another model than before.
    pub switched: bool,
}

impl From<engine::EmbeddingStatus> for EmbeddingStatus {
    fn from(status: engine::EmbeddingStatus) -> Self {
        let (problem, hint) = status.problem.map(|failure| (failure.why, failure.hint)).unzip();
        Self {
            wanted: status.wanted,
            model: status.model,
            precision: status.precision,
            problem,
            hint,
            serving: status.serving,
            switching: status.switching,
            passages: status.passages,
            embedded: status.embedded,
            indexed: status.indexed,
            missing: status.missing,
            making: status.making.map(EmbeddingProgress::from),
            failure: status.failure.or_else(|| status.outage.map(|outage| outage.to_string())),
        }
    }
}

impl EmbeddingResult {
    /// The same, where so many were made before, in the same piece of work.
    pub(crate) fn after(self, made: u64) -> Self {
        Self { embedded: self.embedded + made, kept: self.kept.saturating_sub(made), ..self }
    }
}

impl From<engine::Making> for EmbeddingProgress {
    fn from(making: engine::Making) -> Self {
        Self {
            seconds_left: making.seconds_left(),
            done: making.done,
            left: making.left,
            per_second: making.per_second,
        }
    }
}

impl From<engine::EmbeddingReport> for EmbeddingResult {
    fn from(report: engine::EmbeddingReport) -> Self {
        Self { embedded: report.embedded, kept: report.kept, switched: report.switched }
    }
}
