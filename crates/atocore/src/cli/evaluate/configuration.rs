//! A configuration that questions are asked with: the settings, and what is tried instead of some.

use atocore_engine::RankWeights;
use atocore_model::error::ErrorCode;

use crate::{
    config::{Config, Environment, Flags, Key},
    operations::ApiError,
};

/// A setting, its value, and the flag that gave it.
pub(super) type Tried = (Key, String, &'static str);

/// Weights, and the settings that they come from.
#[derive(Debug, Clone)]
pub(in crate::cli) struct WeightConfiguration {
    /// How hits are ranked.
    pub(super) weights: RankWeights,
    /// Every setting that ranks, by its name in `atocore.toml`, in the order of the documentation.
    pub(super) settings: Vec<(String, String)>,
    /// What is not as the settings of the installation say: `rank_meaning_weight=0.5`.
    pub(super) tried: Vec<Tried>,
}

impl WeightConfiguration {
    /// The settings of an installation with some of them tried otherwise.
    ///
    /// # Errors
    /// When a value is none that its setting can have; all such values are named.
    pub(super) fn load(
        config: &Config,
        flags: &Flags,
        environment: &Environment,
        tried: &[Tried],
    ) -> Result<Self, ApiError> {
        if tried.is_empty() {
            return Ok(Self::of(config, Vec::new()));
        }
        let flags = Flags { tried: tried.to_vec(), ..flags.clone() };
        let config = Config::load(&flags, environment)
            .map_err(|error| ApiError::new(ErrorCode::InvalidSetting, error.to_string()))?;
        Ok(Self::of(&config, tried.to_vec()))
    }

    /// This configuration with more of it tried otherwise.
    ///
    /// # Errors
    /// As [`WeightConfiguration::load`].
    pub(super) fn changed(
        &self,
        flags: &Flags,
        environment: &Environment,
        changes: &[Tried],
    ) -> Result<Self, ApiError> {
        let mut tried = changes.to_vec();
        let kept = self.tried.iter().filter(|(key, ..)| changes.iter().all(|(changed, ..)| changed != key));
        tried.extend(kept.cloned());
        let flags = Flags { tried: tried.clone(), ..flags.clone() };
        let config = Config::load(&flags, environment)
            .map_err(|error| ApiError::new(ErrorCode::InvalidSetting, error.to_string()))?;
        Ok(Self::of(&config, tried))
    }

    fn of(config: &Config, tried: Vec<Tried>) -> Self {
        let ranking = config.shown.iter().filter(|shown| shown.key.is_of_ranking());
        let settings = ranking.map(|shown| (shown.key.file_name(), shown.value.clone().unwrap_or_default()));
        Self { weights: config.engine.weights.clone(), settings: settings.collect(), tried }
    }

    /// A short name for a table.
    pub(super) fn name(&self) -> String {
        if self.tried.is_empty() {
            return "the settings".to_owned();
        }
        let tried = self.tried.iter().map(|(key, value, _)| format!("{}={value}", key.file_name()));
        tried.collect::<Vec<_>>().join(" ")
    }
}

/// `--mode` as the setting it stands for.
pub(super) fn mode(word: &str) -> Tried {
    (Key::RetrievalMode, word.to_owned(), "--mode")
}

/// Reads `KEY=VALUE` of settings that rank. Every wrong one is named.
///
/// # Errors
/// When a key is none of them, stands twice, or has no value.
pub(super) fn parsed(given: &[String], flag: &'static str) -> Result<Vec<Tried>, ApiError> {
    let (mut tried, mut faults): (Vec<Tried>, Vec<String>) = Default::default();
    for text in given {
        let Some((name, value)) = text.split_once('=') else {
            faults.push(format!("`{flag} {text}` has no `=`"));
            continue;
        };
        let bare = name.trim().to_ascii_uppercase();
        let key = Key::of(bare.strip_prefix(Key::PREFIX).unwrap_or(&bare)).filter(|key| key.is_of_ranking());
        match key {
            None => faults.push(format!("`{}` is not a setting that ranks", name.trim())),
            Some(key) if tried.iter().any(|(known, ..)| *known == key) => {
                faults.push(format!("`{}` is given twice by `{flag}`", key.file_name()));
            }
            Some(key) => tried.push((key, value.trim().to_owned(), flag)),
        }
    }
    if faults.is_empty() {
        return Ok(tried);
    }
    let known: Vec<String> =
        Key::ALL.iter().filter(|key| key.is_of_ranking()).map(|key| key.file_name()).collect();
    Err(ApiError::new(ErrorCode::InvalidRequest, faults.join("; "))
        .with_hint(format!("`KEY=VALUE` with one of: {}", known.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(given: &[&str]) -> Result<Vec<Tried>, ApiError> {
        parsed(&given.iter().map(ToString::to_string).collect::<Vec<_>>(), "--set")
    }

    #[test]
    fn a_key_is_known_by_its_name_in_the_file_and_in_the_environment() {
        let expected = vec![(Key::RankMeaningWeight, "0.5".to_owned(), "--set")];
        assert_eq!(parse(&["rank_meaning_weight = 0.5"]).unwrap(), expected);
        assert_eq!(parse(&["ATOCORE_RANK_MEANING_WEIGHT=0.5"]).unwrap(), expected);
    }

    #[test]
    fn every_wrong_one_is_named_with_the_list_of_the_right_ones() {
        let error = parse(&["port=1", "rank_fusion", "rank_rrf_k=1", "RANK_RRF_K=2"]).unwrap_err();
        for part in ["`port` is not", "`--set rank_fusion` has no `=`", "`rank_rrf_k` is given twice"] {
            assert!(error.message.contains(part), "{part}: {error}");
        }
        let hint = error.hint.unwrap();
        assert!(hint.contains("retrieval_mode") && hint.contains("rank_path_low_signal_penalty"), "{hint}");
    }
}
