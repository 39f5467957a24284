//! What was checked and what is wrong, as JSON.

use atocore_engine as engine;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why the registry cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RegistryProblem {
    /// What is wrong and where, in one sentence.
    pub message: String,
    /// What helps.
    #[serde(rename = "cure")]
    pub hint: String,
}

/// What is wrong with the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoreProblem {
    /// What is wrong, in one sentence.
    pub message: String,
    /// What helps.
    #[serde(rename = "cure")]
    pub hint: String,
}

/// Everything that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Doctor {
    /// Whether nothing is broken; warnings do not count.
    pub ok: bool,
    /// The checks, in the order they were made.
    pub checks: Vec<Check>,
}

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Check {
    /// What: `registry`, `store`, `word index`, `vector index`, `model`, `vectors`, `roots`, `projects`, `files`, `disk`,
    /// `snapshots`, `proof`, `schedule`, `home`, `privacy`.
    pub check: String,
    /// `ok`, `warning` or `problem`.
    #[schema(example = "ok")]
    pub level: String,
    /// What was seen, in one sentence.
    pub message: String,
    /// The command that helps; null when none is needed.
    #[serde(rename = "cure")]
    pub hint: Option<String>,
}

impl From<engine::RegistryProblem> for RegistryProblem {
    fn from(problem: engine::RegistryProblem) -> Self {
        Self { message: problem.why, hint: problem.hint }
    }
}

impl From<engine::StoreProblem> for StoreProblem {
    fn from(problem: engine::StoreProblem) -> Self {
        Self { message: problem.why, hint: problem.hint }
    }
}

impl From<Vec<engine::Finding>> for Doctor {
    fn from(findings: Vec<engine::Finding>) -> Self {
        let ok = findings.iter().all(|finding| finding.level != engine::Level::Problem);
        Self { ok, checks: findings.into_iter().map(Check::from).collect() }
    }
}

impl From<engine::Finding> for Check {
    fn from(finding: engine::Finding) -> Self {
        Self {
            check: finding.check.to_owned(),
            level: finding.level.as_str().to_owned(),
            message: finding.message,
            hint: finding.hint,
        }
    }
}
