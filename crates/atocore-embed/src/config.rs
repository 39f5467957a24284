//! What the small JSON files of a model folder say about the network, checked before anything large is read.

mod sentence;

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
pub(crate) struct ModelConfig {
    pub(crate) hidden: usize,
    pub(crate) heads: usize,
    pub(crate) layers: usize,
    pub(crate) intermediate: usize,
    pub(crate) vocabulary: usize,
    pub(crate) positions: usize,
    pub(crate) token_types: usize,
    pub(crate) norm_epsilon: f32,
    /// The row of the position table that belongs to the first token; `RoBERTa` has padding before it.
    pub(crate) first_position: usize,
    /// The token that takes the row before that one, wherever it stands, and no place in the order; `RoBERTa` only.
    pub(crate) placeless: Option<u32>,
    pub(crate) pooling: Pooling,
    /// How many tokens a text may have, special ones included.
    pub(crate) window: usize,
    /// Whether texts are brought to lower case before the tokenizer sees them.
    pub(crate) lower_case: bool,
}

/// `config.json`, as far as it matters here.
#[derive(Deserialize)]
struct NetworkConfig {
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

impl ModelConfig {
    /// Reads and checks the small files of a model folder.
    ///
    /// # Errors
    /// When one is missing, not valid, names another architecture, or contradicts another one.
    pub(crate) fn read(folder: &Path) -> Result<Self, ModelError> {
        let path = folder.join("config.json");
        let network: NetworkConfig = required(&path)?;
        network.check(&path)?;
        let roberta = network.model_type != "bert";
        let padding = network.pad_token_id.unwrap_or(1);
        let first_position = if roberta { padding.saturating_add(1) } else { 0 };
        let usable = network.max_position_embeddings.saturating_sub(first_position);
        let sentence = sentence::Sentence::read(folder, network.hidden_size)?;
        let window = sentence.window.unwrap_or(usable).min(usable);
        if window < 3 {
            let (field, found) = ("number of tokens a text may have".to_owned(), window.to_string());
            return Err(ModelError::WrongDimensions { path, field, expected: "3 or more".to_owned(), found });
        }
        Ok(Self {
            pooling: sentence.pooling,
            lower_case: sentence.lower_case,
            placeless: if roberta { u32::try_from(padding).ok() } else { None },
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

impl NetworkConfig {
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

/// Reads a file that must be there.
fn required<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, ModelError> {
    optional(path)?.ok_or_else(|| ModelError::Missing { path: path.to_owned() })
}

/// Reads a file that may be missing.
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
