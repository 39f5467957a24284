//! `canaries.json`: questions with the answers that the store gave at the recovery point. A restored copy that gives
//! the same ones is proven to the depth `answers`.
//!
//! Only the shape of the file; asking and comparing is the engine's.

use atocore_model::error::with_causes;
use atocore_storage::files::{self, Kind, stream};
use serde::{Deserialize, Serialize};

use crate::{BackupError, manifest::GOLDEN_QUERIES, tree, verify::VerifiedSnapshot};

/// The format that is written, and the newest that is read. Until 2 it did not say by which version was ranked.
const FORMAT_VERSION: u32 = 2;

/// A larger file is not read.
const LIMIT_BYTES: u64 = 16 << 20;

/// The golden queries of one snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoldenQueries {
    /// The format of the file.
    pub format_version: u32,
    /// The program that asked.
    pub program_version: String,
    /// The generation of the recovery point.
    pub generation: u64,
    /// Its token, as in the record of the snapshot.
    pub token: String,
    /// Where the questions are from: `questions` for the user's own, `corpus` when they were drawn.
    pub source: String,
    /// Whether the hits are those of that generation; without, they are empty and nothing can be compared.
    pub answered: bool,
    /// What a person should know; usually nothing.
    pub notes: Vec<String>,
    /// The version of the ranking: another one gives the same passages in another order, with other scores.
    #[serde(default = "first_ranking")]
    pub ranking: u32,
    /// How the hits were ranked.
    pub weights: Weights,
    /// The questions, under the name that they had in the first format.
    #[serde(rename = "canaries")]
    pub golden_queries: Vec<GoldenQuery>,
}

/// What ranked when the file did not say it yet.
const fn first_ranking() -> u32 {
    1
}

/// How hits were ranked, by the names of the settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weights {
    /// `convex` or `rrf`.
    pub fusion: String,
    /// The weight of the meaning for `convex`, k for `rrf`.
    pub fusion_parameter: f64,
    /// Factor of the named project.
    pub project_match_boost: f64,
    /// What each word of the question adds.
    pub query_token_step: f64,
    /// The most that those words make of it.
    pub query_token_cap: f64,
    /// Factor of high-signal paths.
    pub path_high_signal_boost: f64,
    /// Factor of low-signal paths.
    pub path_low_signal_penalty: f64,
}

/// One question and its answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoldenQuery {
    /// Its words.
    pub text: String,
    /// The project it is about.
    pub project: Option<String>,
    /// Whether only that project was searched.
    pub scope: bool,
    /// Only documents with these tags.
    pub tags: Vec<String>,
    /// Only documents with such a path.
    pub path: Option<String>,
    /// How passages were found: `hybrid`, `dense` or `lexical`.
    pub mode: String,
    /// How many hits were asked for.
    pub top_k: u64,
    /// The hits, best first.
    pub hits: Vec<GoldenHit>,
}

/// One passage of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoldenHit {
    /// The passage.
    pub chunk_id: String,
    /// Its score.
    pub score: f64,
    /// The digest of its text.
    pub content_blake3: String,
}

impl GoldenQueries {
    /// The format that this program writes.
    pub const FORMAT_VERSION: u32 = FORMAT_VERSION;

    /// The bytes of the file.
    ///
    /// # Errors
    /// When it cannot be put into words, which no finite number can cause.
    pub fn to_bytes(&self) -> Result<Vec<u8>, BackupError> {
        let mut bytes = serde_json::to_vec_pretty(self).map_err(BackupError::MetadataUnwritable)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// The golden queries of a verified snapshot; `None` when it has none.
    ///
    /// # Errors
    /// The error word when they cannot be used: `golden_queries_unreadable: …`, `golden_queries_format_newer: …` or
    /// `golden_queries_of_another_generation: …`.
    pub fn of(verified: &VerifiedSnapshot) -> Result<Option<Self>, String> {
        let Some(record) = &verified.manifest().atocore else { return Ok(None) };
        if record.files.iter().all(|file| file.path.as_str() != GOLDEN_QUERIES) {
            return Ok(None);
        }
        let unreadable = |why: String| format!("golden_queries_unreadable: {why}");
        let path = verified.path().join(GOLDEN_QUERIES);
        match files::kind(&path) {
            Ok(Some(Kind::File(size))) if size <= LIMIT_BYTES => {}
            Ok(Some(Kind::File(size))) => return Err(unreadable(format!("{size} bytes"))),
            Ok(Some(kind)) => return Err(unreadable(format!("it is {}", tree::in_words(kind)))),
            Ok(None) => return Err(unreadable("it is gone".to_owned())),
            Err(error) => return Err(unreadable(with_causes(&error))),
        }
        let bytes = stream::head(&path, LIMIT_BYTES).map_err(|error| unreadable(with_causes(&error)))?;
        let value: serde_json::Value =
            serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))?;
        if let Some(found) = value["format_version"].as_u64()
            && found > u64::from(FORMAT_VERSION)
        {
            return Err(format!(
                "golden_queries_format_newer: format {found}, this program reads up to {FORMAT_VERSION}"
            ));
        }
        let golden_queries: Self =
            serde_json::from_value(value).map_err(|error| unreadable(error.to_string()))?;
        if (golden_queries.generation, &golden_queries.token) != (record.generation, &record.token) {
            return Err(format!(
                "golden_queries_of_another_generation: {} in the file, {} recorded",
                golden_queries.generation, record.generation
            ));
        }
        Ok(Some(golden_queries))
    }
}
