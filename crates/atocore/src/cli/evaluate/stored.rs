//! A result as it is stored for later comparison: the configuration, and what every question scored.

use std::{collections::BTreeMap, path::Path};

use atocore_engine::evaluation::{baseline::EarlierScore, question::Question};
use atocore_model::{digest::Digest, error::ErrorCode, query::TopK};
use serde::{Deserialize, Serialize};

use super::{EvaluationRun, read};
use crate::operations::ApiError;

/// The form that this program writes and reads.
const FORMAT: u32 = 1;

/// A stored result.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stored {
    format: u32,
    top_k: usize,
    settings: BTreeMap<String, String>,
    ndcg_at_10: Option<f64>,
    questions: Vec<StoredScore>,
}

/// What one question scored.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredScore {
    /// Its digest, by which it is found again.
    question: String,
    /// Its words, for people.
    text: String,
    ndcg_at_10: Option<f64>,
    answered: bool,
    forbidden: bool,
}

impl Stored {
    /// The form in which a result is stored.
    pub(super) fn new(questions: &[Question], asked: &EvaluationRun) -> Self {
        let scores = questions.iter().zip(&asked.evaluation.results).map(|(question, result)| StoredScore {
            question: question.digest().to_string(),
            text: question.text.as_str().to_owned(),
            ndcg_at_10: result.figures.map(|figures| figures.ndcg_at_10),
            answered: result.is_answered(),
            forbidden: !result.forbidden.is_empty(),
        });
        Self {
            format: FORMAT,
            top_k: asked.evaluation.top_k,
            settings: asked.configuration.settings.iter().cloned().collect(),
            ndcg_at_10: asked.evaluation.means().map(|means| means.ndcg_at_10),
            questions: scores.collect(),
        }
    }

    /// Reads a stored result that was made with the same `top_k`.
    ///
    /// # Errors
    /// When it is none, is of a newer version, or was made with another `top_k`.
    pub(super) fn read(path: &Path, top_k: TopK) -> Result<Self, ApiError> {
        let hint = "`atocore eval QUESTIONS --save-baseline FILE` makes one";
        let refused =
            |why: String| ApiError::new(ErrorCode::InvalidRequest, format!("`{}` {why}", path.display()));
        let text = read(path, "a stored result; `--save-baseline FILE` makes one")?;
        let stored: Self = serde_json::from_str(&text)
            .map_err(|error| refused(format!("is not a stored result: {error}")).with_hint(hint))?;
        if stored.format != FORMAT {
            let why = format!("has format {}, this program reads {FORMAT}", stored.format);
            return Err(refused(why).with_hint(hint));
        }
        if let Some(score) = stored.questions.iter().find(|score| score.question.parse::<Digest>().is_err()) {
            return Err(refused(format!("is damaged: `{}` is not a digest", score.question)).with_hint(hint));
        }
        if stored.top_k != top_k.get() {
            let why = format!("was made with --top-k {}, not with {}", stored.top_k, top_k.get());
            return Err(refused(why).with_hint(format!("give `--top-k {}`", stored.top_k)));
        }
        Ok(stored)
    }

    /// The scores, to compare with.
    pub(super) fn scores(&self) -> Vec<EarlierScore> {
        let score = |score: &StoredScore| {
            Some(EarlierScore {
                question: score.question.parse().ok()?,
                ndcg_at_10: score.ndcg_at_10,
                answered: score.answered,
                forbidden: score.forbidden,
            })
        };
        self.questions.iter().filter_map(score).collect()
    }
}
