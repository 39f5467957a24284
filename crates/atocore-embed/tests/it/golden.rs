//! The vectors are those of sentence-transformers, on every path.

use atocore_embed::{Embedder, Precision};
use serde::Deserialize;

use crate::{cosine, real, real_model};

/// A text and the vector that sentence-transformers makes of it; `make.py` beside the file made them.
#[derive(Deserialize)]
struct Golden {
    text: String,
    vector: Vec<f32>,
}

fn golden() -> Vec<Golden> {
    serde_json::from_str(include_str!("../golden/all-minilm-l6-v2.json")).expect("the golden file is JSON")
}

/// The lowest cosine to the reference, and the mean.
fn similarity(embedder: &Embedder) -> (f64, f64) {
    let golden = golden();
    assert_eq!(golden.len(), 32);
    let cosines = golden.iter().map(|golden| {
        let found = embedder.embed_one(&golden.text).expect("every text has a vector");
        assert_eq!(found.len(), golden.vector.len());
        let length = found.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>();
        assert!((length - 1.0).abs() < 1e-6, "{:?} has length {length}", golden.text);
        cosine(&found, &golden.vector)
    });
    let cosines: Vec<f64> = cosines.collect();
    (cosines.iter().copied().fold(f64::INFINITY, f64::min), cosines.iter().sum::<f64>() / 32.0)
}

#[test]
fn f32_vectors_equal_the_reference() {
    let (lowest, _) = similarity(real(Precision::F32));
    assert!(lowest > 0.999_999_9, "{lowest} with {}", real(Precision::F32).arithmetic());
}

#[test]
fn portable_f32_vectors_equal_the_reference() {
    let portable = Embedder::load(real_model(), Precision::F32).expect("it loads").with_portable_arithmetic();
    assert_eq!(portable.arithmetic(), "portable");
    let (lowest, _) = similarity(&portable);
    assert!(lowest > 0.999_999_9, "{lowest}");
}

#[test]
fn int8_vectors_are_near_the_reference() {
    let (lowest, mean) = similarity(real(Precision::Int8));
    println!("int8: lowest {lowest}, mean {mean}");
    assert!(lowest > 0.99 && mean > 0.997, "lowest {lowest}, mean {mean}");
}

#[test]
fn int8_vectors_hardly_depend_on_the_cpu() {
    let portable =
        Embedder::load(real_model(), Precision::Int8).expect("it loads").with_portable_arithmetic();
    for golden in golden() {
        let here = real(Precision::Int8).embed_one(&golden.text).expect("it has a vector");
        let there = portable.embed_one(&golden.text).expect("it has a vector");
        let cosine = cosine(&here, &there);
        assert!(cosine > 0.999_99, "{:?}: {cosine}", golden.text);
    }
}

#[test]
fn upper_and_lower_case_are_one_text_to_this_model() {
    let embedder = real(Precision::F32);
    assert_eq!(embedder.embed_one("RESTORE a Snapshot").ok(), embedder.embed_one("restore A snapshot").ok());
}
