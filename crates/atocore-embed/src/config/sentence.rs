//! What the files of sentence-transformers in a model folder say: pooling, window, lower case; of every version.

use std::path::{Component, Path};

use serde::Deserialize;

use super::{Pooling, optional, required};
use crate::error::ModelError;

/// How a sentence encoder uses its network.
pub(super) struct Sentence {
    pub(super) pooling: Pooling,
    /// How many tokens a text may have, when a file says so.
    pub(super) window: Option<usize>,
    pub(super) lower_case: bool,
}

/// One entry of `modules.json`.
#[derive(Deserialize)]
struct Module {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    path: String,
}

/// `sentence_bert_config.json`.
#[derive(Deserialize, Default)]
struct Encoder {
    max_seq_length: Option<usize>,
    do_lower_case: Option<bool>,
}

/// `tokenizer_config.json`; since version 6 the window is only here.
#[derive(Deserialize, Default)]
struct Tokenizer {
    /// Some files have 10³⁰ here for "no limit".
    model_max_length: Option<f64>,
}

/// `config_sentence_transformers.json`.
#[derive(Deserialize, Default)]
struct Prompts {
    default_prompt_name: Option<String>,
}

/// `config.json` in the folder of the pooling: one mode since version 6, before that a switch for each.
#[derive(Deserialize)]
struct PoolingFile {
    embedding_dimension: Option<usize>,
    word_embedding_dimension: Option<usize>,
    pooling_mode: Option<Modes>,
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

#[derive(Deserialize)]
#[serde(untagged)]
enum Modes {
    One(String),
    Several(Vec<String>),
}

impl Sentence {
    /// Reads and checks the files; `hidden` is the length of the network's vectors. A folder without any of them is
    /// used as sentence-transformers would: with the mean.
    ///
    /// # Errors
    /// When one is not valid, asks for something that is not computed here, or contradicts the network.
    pub(super) fn read(folder: &Path, hidden: usize) -> Result<Self, ModelError> {
        let encoder: Encoder = optional(&folder.join("sentence_bert_config.json"))?.unwrap_or_default();
        let tokenizer: Tokenizer = optional(&folder.join("tokenizer_config.json"))?.unwrap_or_default();
        refuse_prompt(&folder.join("config_sentence_transformers.json"))?;
        let file = match pooling_folder(&folder.join("modules.json"))? {
            Some(path) => Some(folder.join(path).join("config.json")),
            None => Some(folder.join("1_Pooling").join("config.json")).filter(|path| path.is_file()),
        };
        Ok(Self {
            pooling: file.map_or(Ok(Pooling::Mean), |path| pooling(&path, hidden))?,
            // Too large a number becomes the largest there is, and is cut to the positions of the network.
            window: encoder.max_seq_length.or(tokenizer.model_max_length.map(|length| length as usize)),
            lower_case: encoder.do_lower_case.unwrap_or(false),
        })
    }
}

/// Reads which folder has the configuration of the pooling; refuses models with other steps, such as a dense layer.
/// `None` when there is no list of steps.
fn pooling_folder(path: &Path) -> Result<Option<String>, ModelError> {
    let Some(modules) = optional::<Vec<Module>>(path)? else { return Ok(None) };
    let unsupported = |field: &str, found: &str, supported| ModelError::Unsupported {
        path: path.to_owned(),
        field: field.to_owned(),
        found: found.to_owned(),
        supported,
    };
    for (i, module) in modules.iter().enumerate() {
        let expected = ["Transformer", "Pooling"].get(i).unwrap_or(&"Normalize");
        if module.kind.rsplit('.').next() != Some(expected) {
            let supported = "`Transformer`, `Pooling` and `Normalize`, in this order,";
            return Err(unsupported("type", &module.kind, supported));
        }
    }
    let [transformer, pooling, ..] = modules.as_slice() else {
        return Err(unsupported("number of modules", &modules.len().to_string(), "two or more modules"));
    };
    if !transformer.path.is_empty() {
        let supported = "an encoder in the model folder itself";
        return Err(unsupported("path", &transformer.path, supported));
    }
    // The list may not lead out of the folder.
    if !Path::new(&pooling.path).components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(unsupported("path", &pooling.path, "a folder below the model folder"));
    }
    Ok(Some(pooling.path.clone()))
}

/// Reads the way of pooling.
fn pooling(path: &Path, hidden: usize) -> Result<Pooling, ModelError> {
    let file: PoolingFile = required(path)?;
    let dimensions = [
        ("embedding_dimension", file.embedding_dimension),
        ("word_embedding_dimension", file.word_embedding_dimension),
    ];
    let wrong =
        dimensions.into_iter().find_map(|(field, found)| Some((field, found.filter(|n| *n != hidden)?)));
    if let Some((field, found)) = wrong {
        return Err(ModelError::WrongDimensions {
            path: path.to_owned(),
            field: field.to_owned(),
            expected: hidden.to_string(),
            found: found.to_string(),
        });
    }
    let switches = [
        (file.pooling_mode_cls_token, "cls"),
        (file.pooling_mode_mean_tokens, "mean"),
        (file.pooling_mode_max_tokens, "max"),
        (file.pooling_mode_mean_sqrt_len_tokens, "mean_sqrt_len_tokens"),
        (file.pooling_mode_weightedmean_tokens, "weightedmean"),
        (file.pooling_mode_lasttoken, "lasttoken"),
    ];
    let modes = match file.pooling_mode {
        Some(Modes::One(mode)) => vec![mode],
        Some(Modes::Several(modes)) => modes,
        None => switches.iter().filter(|(on, _)| *on).map(|(_, mode)| (*mode).to_owned()).collect(),
    };
    match modes.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["mean"] => Ok(Pooling::Mean),
        ["cls"] => Ok(Pooling::Cls),
        _ => Err(ModelError::Unsupported {
            path: path.to_owned(),
            field: "pooling_mode".to_owned(),
            found: if modes.is_empty() { "none".to_owned() } else { modes.join(" + ") },
            supported: "either `mean` or `cls`",
        }),
    }
}

/// Refuses a model that puts words of its own before every text: its vectors would be others without them.
fn refuse_prompt(path: &Path) -> Result<(), ModelError> {
    let prompts: Prompts = optional(path)?.unwrap_or_default();
    match prompts.default_prompt_name {
        Some(name) => Err(ModelError::Unsupported {
            path: path.to_owned(),
            field: "default_prompt_name".to_owned(),
            found: name,
            supported: "models without a default prompt",
        }),
        None => Ok(()),
    }
}
