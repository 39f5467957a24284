//! What the small JSON files of a model folder say about the network, checked before anything large is read.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::{error::ModelError, files};

/// How the vectors of all tokens become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pooling {
    /// Their mean.
    Mean,
    /// The first one.
    Cls,
}

/// The shape of an encoder and how it is used.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) hidden: usize,
    pub(crate) heads: usize,
    pub(crate) layers: usize,
    pub(crate) intermediate: usize,
    pub(crate) vocabulary: usize,
    pub(crate) positions: usize,
    pub(crate) token_types: usize,
    pub(crate) norm_epsilon: f32,
    /// The row of the position table that belongs to the first token; `RoBERTa` leaves the first two unused.
    pub(crate) first_position: usize,
    pub(crate) pooling: Pooling,
    /// How many tokens a text may have, special ones included.
    pub(crate) window: usize,
}

/// How many tokens a text may have when the model folder does not say.
const USUAL_WINDOW: usize = 512;

/// `config.json`, as far as it matters here.
#[derive(Deserialize)]
struct Network {
    model_type: String,
    hidden_size: usize,
    num_attention_heads: usize,
    num_hidden_layers: usize,
    intermediate_size: usize,
    vocab_size: usize,
    max_position_embeddings: usize,
    #[serde(default = "default_type_count")]
    type_vocab_size: usize,
    #[serde(default = "default_epsilon")]
    layer_norm_eps: f64,
    #[serde(default = "default_activation")]
    hidden_act: String,
    #[serde(default = "default_position_type")]
    position_embedding_type: String,
    #[serde(default)]
    is_decoder: bool,
    #[serde(default)]
    pad_token_id: Option<usize>,
}

fn default_type_count() -> usize {
    2
}

fn default_epsilon() -> f64 {
    1e-12
}

fn default_activation() -> String {
    "gelu".to_owned()
}

fn default_position_type() -> String {
    "absolute".to_owned()
}

/// `1_Pooling/config.json`.
#[derive(Deserialize)]
struct PoolingFile {
    word_embedding_dimension: Option<usize>,
    #[serde(default)]
    pooling_mode_cls_token: bool,
    #[serde(default)]
    pooling_mode_mean_tokens: bool,
    #[serde(default)]
    pooling_mode_max_tokens: bool,
    #[serde(default)]
    pooling_mode_mean_sqrt_len_tokens: bool,
    #[serde(default)]
    pooling_mode_weightedmean_tokens: bool,
    #[serde(default)]
    pooling_mode_lasttoken: bool,
}

/// One entry of `modules.json`.
#[derive(Deserialize)]
struct Module {
    #[serde(rename = "type")]
    kind: String,
}

/// `sentence_bert_config.json`.
#[derive(Deserialize)]
struct Sentence {
    max_seq_length: Option<usize>,
}

impl Config {
    /// Reads and checks the small files of a model folder.
    ///
    /// # Errors
    /// When one is missing, not valid, names another architecture, or contradicts another one.
    pub(crate) fn read(folder: &Path) -> Result<Self, ModelError> {
        let path = folder.join("config.json");
        let network: Network = required(&path)?;
        network.check(&path)?;
        let roberta = network.model_type != "bert";
        let first_position = if roberta { network.pad_token_id.unwrap_or(1) + 1 } else { 0 };
        let usable = network.max_position_embeddings.saturating_sub(first_position);
        let sentence: Option<Sentence> = optional(&folder.join("sentence_bert_config.json"))?;
        let window = sentence.and_then(|file| file.max_seq_length).unwrap_or(USUAL_WINDOW).min(usable);
        if window < 3 {
            let (field, found) = ("max_position_embeddings".to_owned(), usable.to_string());
            return Err(ModelError::WrongDimensions { path, field, expected: "3 or more".to_owned(), found });
        }
        check_modules(&folder.join("modules.json"))?;
        Ok(Self {
            pooling: pooling(&folder.join("1_Pooling").join("config.json"), network.hidden_size)?,
            hidden: network.hidden_size,
            heads: network.num_attention_heads,
            layers: network.num_hidden_layers,
            intermediate: network.intermediate_size,
            vocabulary: network.vocab_size,
            positions: network.max_position_embeddings,
            token_types: network.type_vocab_size,
            norm_epsilon: network.layer_norm_eps as f32,
            first_position,
            window,
        })
    }
}

impl Network {
    /// Refuses what the forward pass does not compute, and sizes that cannot be.
    fn check(&self, path: &Path) -> Result<(), ModelError> {
        let unsupported = |field: &str, found: &str, supported| {
            Err(ModelError::Unsupported {
                path: path.to_owned(),
                field: field.to_owned(),
                found: found.to_owned(),
                supported,
            })
        };
        if !["bert", "roberta", "xlm-roberta", "camembert"].contains(&self.model_type.as_str()) {
            return unsupported(
                "model_type",
                &self.model_type,
                "`bert`, `roberta`, `xlm-roberta` and `camembert`",
            );
        }
        if self.hidden_act != "gelu" {
            return unsupported("hidden_act", &self.hidden_act, "`gelu`");
        }
        if self.position_embedding_type != "absolute" {
            return unsupported("position_embedding_type", &self.position_embedding_type, "`absolute`");
        }
        if self.is_decoder {
            return unsupported("is_decoder", "true", "`false`");
        }
        let sizes = [
            ("hidden_size", self.hidden_size, 8192),
            ("num_attention_heads", self.num_attention_heads, self.hidden_size),
            ("num_hidden_layers", self.num_hidden_layers, 256),
            ("intermediate_size", self.intermediate_size, 65_536),
            ("vocab_size", self.vocab_size, 4_194_304),
            ("max_position_embeddings", self.max_position_embeddings, 65_536),
            ("type_vocab_size", self.type_vocab_size, 65_536),
        ];
        let wrong = |field: &str, expected: String, found: usize| {
            let (path, field, found) = (path.to_owned(), field.to_owned(), found.to_string());
            Err(ModelError::WrongDimensions { path, field, expected, found })
        };
        for (field, found, most) in sizes {
            if found == 0 || found > most {
                return wrong(field, format!("1 to {most}"), found);
            }
        }
        if !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            let expected = format!("a multiple of {} heads", self.num_attention_heads);
            return wrong("hidden_size", expected, self.hidden_size);
        }
        Ok(())
    }
}

/// Reads the way of pooling; without the file it is the mean.
fn pooling(path: &Path, hidden: usize) -> Result<Pooling, ModelError> {
    let Some(file) = optional::<PoolingFile>(path)? else { return Ok(Pooling::Mean) };
    if let Some(found) = file.word_embedding_dimension.filter(|found| *found != hidden) {
        return Err(ModelError::WrongDimensions {
            path: path.to_owned(),
            field: "word_embedding_dimension".to_owned(),
            expected: hidden.to_string(),
            found: found.to_string(),
        });
    }
    let others = file.pooling_mode_max_tokens
        || file.pooling_mode_mean_sqrt_len_tokens
        || file.pooling_mode_weightedmean_tokens
        || file.pooling_mode_lasttoken;
    match (file.pooling_mode_mean_tokens, file.pooling_mode_cls_token, others) {
        (true, false, false) => Ok(Pooling::Mean),
        (false, true, false) => Ok(Pooling::Cls),
        _ => Err(ModelError::Unsupported {
            path: path.to_owned(),
            field: "pooling_mode".to_owned(),
            found: "another mode or several".to_owned(),
            supported: "either mean or CLS pooling",
        }),
    }
}

/// Refuses models with further steps after pooling, such as a dense layer.
fn check_modules(path: &Path) -> Result<(), ModelError> {
    for module in optional::<Vec<Module>>(path)?.unwrap_or_default() {
        let kind = module.kind.rsplit('.').next().unwrap_or_default();
        if !["Transformer", "Pooling", "Normalize"].contains(&kind) {
            return Err(ModelError::Unsupported {
                path: path.to_owned(),
                field: "type".to_owned(),
                found: module.kind,
                supported: "`Transformer`, `Pooling` and `Normalize`",
            });
        }
    }
    Ok(())
}

fn required<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, ModelError> {
    optional(path)?.ok_or_else(|| ModelError::Missing { path: path.to_owned() })
}

fn optional<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Option<T>, ModelError> {
    let bytes = match files::read(path) {
        Ok(bytes) => bytes,
        Err(ModelError::Missing { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let path: PathBuf = path.to_owned();
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| ModelError::Invalid { path, source: error.into() })
}
