//! Text in, vectors out, on the CPU and offline: BERT-family sentence encoders read from a local folder.
//!
//! [`model::locate`] finds and checks a model's files, [`fetch::fetch`] obtains the known ones, [`Embedder`] turns
//! texts into normalised vectors and names by a fingerprint everything those vectors depend on. Knows nothing of
//! documents, stores or indexes, and touches the network in [`fetch`] only.

mod bert;
mod config;
mod cpu;
mod embedder;
mod error;
pub mod fetch;
mod files;
mod kernel;
pub mod model;
mod tokens;
mod weights;

pub use embedder::{Embedder, Precision, QuestionVector};
pub use error::EmbedError;
