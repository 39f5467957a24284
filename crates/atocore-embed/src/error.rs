//! What can go wrong with a model's files, and with embedding a text.

use std::{error::Error, io, path::PathBuf};

/// A text that could not be embedded, or a model that could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum EmbedError {
    /// The model's files are not what they must be.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The tokenizer failed on a text.
    #[error("the tokenizer cannot split a text of {bytes} bytes")]
    Tokenize {
        /// How long the text is.
        bytes: usize,
        /// What the tokenizer says.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The tokenizer made a token that the model has no vector for.
    #[error("the tokenizer made token {token}, but the model has vectors for {vocabulary} tokens only")]
    TokenUnknown {
        /// The token's number.
        token: u32,
        /// How many the model knows.
        vocabulary: usize,
    },
    /// The caller cancelled.
    #[error("embedding was cancelled")]
    Cancelled,
}

/// A model that cannot be used as it lies on the disk, or that is not there.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// A known model that has not been fetched.
    #[error("model `{name}` is not on this machine; looked in {}", quoted(searched))]
    NotFetched {
        /// The model's own name.
        name: &'static str,
        /// The folders that were looked at.
        searched: Vec<PathBuf>,
    },
    /// Neither a folder nor the name of a known model.
    #[error("`{name}` is neither a folder nor a known model; looked in {}", quoted(searched))]
    Unknown {
        /// What was asked for.
        name: String,
        /// The folders that were looked at.
        searched: Vec<PathBuf>,
    },
    /// A file that every model needs is not there.
    #[error("model file `{}` is missing", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// A file cannot be read.
    #[error("model file `{}` cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file has another length than it must have: most often cut off by an interrupted copy.
    #[error("model file `{}` has {found} bytes instead of {expected}", path.display())]
    WrongLength {
        /// The file.
        path: PathBuf,
        /// How many bytes it must have.
        expected: u64,
        /// How many it has.
        found: u64,
    },
    /// A file of a known model has other bytes than the published one.
    #[error("model file `{}` has digest {found} instead of {expected}", path.display())]
    WrongDigest {
        /// The file.
        path: PathBuf,
        /// The published digest.
        expected: String,
        /// The digest of what is there.
        found: String,
    },
    /// A file does not follow its format.
    #[error("model file `{}` is not valid", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What the reader says.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The model is of a kind that is not computed here.
    #[error("model file `{}` has `{field}` = `{found}`, but only {supported} can be used", path.display())]
    Unsupported {
        /// The file that says so.
        path: PathBuf,
        /// Which entry.
        field: String,
        /// What it says.
        found: String,
        /// What it could say.
        supported: &'static str,
    },
    /// Two files of one model contradict each other about a size.
    #[error("model file `{}` has `{field}` = {found} where {expected} is expected", path.display())]
    WrongDimensions {
        /// The file that contradicts.
        path: PathBuf,
        /// Which entry or tensor.
        field: String,
        /// What follows from the other files.
        expected: String,
        /// What it says.
        found: String,
    },
    /// The checkpoint lacks a tensor.
    #[error("model file `{}` has no tensor `{tensor}`", path.display())]
    MissingTensor {
        /// The checkpoint.
        path: PathBuf,
        /// The tensor.
        tensor: String,
    },
}

impl ModelError {
    /// What to do about it, for a person.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NotFetched { name, .. } => format!("run `atocore model fetch {name}`"),
            Self::Unknown { .. } => {
                "give the path of a model folder, or one of the names that `atocore model list` prints"
                    .to_owned()
            }
            Self::Unreadable { path, .. } => format!("check the permissions of `{}`", path.display()),
            Self::Missing { path } if path.ends_with("model.safetensors") => {
                "save the model in safetensors format; other formats are not read".to_owned()
            }
            Self::Missing { .. }
            | Self::WrongLength { .. }
            | Self::WrongDigest { .. }
            | Self::Invalid { .. } => {
                "copy the model folder again, or run `atocore model fetch` for a known model".to_owned()
            }
            Self::Unsupported { .. } => {
                "use a sentence encoder of the BERT, RoBERTa or XLM-RoBERTa family with mean or CLS pooling"
                    .to_owned()
            }
            Self::WrongDimensions { .. } | Self::MissingTensor { .. } => {
                "the files come from different models or versions: take all of them from one download"
                    .to_owned()
            }
        }
    }
}

/// The folders as a list for a sentence.
fn quoted(paths: &[PathBuf]) -> String {
    if paths.is_empty() {
        return "no folder".to_owned();
    }
    paths.iter().map(|path| format!("`{}`", path.display())).collect::<Vec<_>>().join(", ")
}
