//! Every kind of encoder that people have in a folder gives the vectors of sentence-transformers, however it was saved.

use std::{collections::HashMap, fs, path::Path};

use atocore_embed::{
    EmbedError, Embedder, Precision,
    model::{ModelError, ModelFolder},
};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::Deserialize;

use crate::{
    cosine,
    scratch::{copy, edit, load, put, refused},
    small,
};

const MODELS: [&str; 3] = ["multilingual", "xlm-roberta", "roberta"];

/// What `make_small.py` found.
#[derive(Deserialize)]
struct Golden {
    texts: Vec<String>,
    #[serde(flatten)]
    models: HashMap<String, Reference>,
}

#[derive(Deserialize)]
struct Reference {
    tokens: Vec<Vec<u32>>,
    vectors: Vec<Vec<f32>>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../golden/small.json")).expect("the golden file is JSON")
}

/// The lowest cosine to the reference; every vector must have its shape and the text as many tokens.
fn similarity(embedder: &Embedder, name: &str) -> f64 {
    let golden = golden();
    let reference = &golden.models[name];
    let mut lowest = f64::INFINITY;
    for ((text, vector), tokens) in golden.texts.iter().zip(&reference.vectors).zip(&reference.tokens) {
        let found = embedder.embed_one(text).expect("every text has a vector");
        assert_eq!((found.len(), vector.len()), (24, 24));
        let length = found.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>();
        assert!((length - 1.0).abs() < 1e-6, "{text:?} has length {length}");
        assert_eq!(embedder.tokens(text).expect("it is counted").min(32), tokens.len(), "{text:?}");
        lowest = lowest.min(cosine(&found, vector));
    }
    lowest
}

fn vectors(folder: &Path) -> Vec<Vec<f32>> {
    let embedder = load(folder, Precision::F32);
    golden().texts.iter().map(|text| embedder.embed_one(text).expect("it has a vector")).collect()
}

#[test]
fn f32_vectors_of_every_family_equal_the_reference_on_every_path() {
    for name in MODELS {
        let embedder = load(&small(name), Precision::F32);
        assert_eq!((embedder.dimensions(), embedder.window()), (24, 32), "{name}");
        let lowest = similarity(&embedder, name);
        assert!(lowest > 0.999_999_9, "{name}: {lowest} with {}", embedder.arithmetic());
        let lowest = similarity(&embedder.with_portable_arithmetic(), name);
        assert!(lowest > 0.999_999_9, "{name}: {lowest} with portable arithmetic");
    }
}

#[test]
fn int8_vectors_of_every_family_are_near_the_reference() {
    for name in MODELS {
        let lowest = similarity(&load(&small(name), Precision::Int8), name);
        assert!(lowest > 0.999, "{name}: {lowest}");
    }
}

/// The golden vectors would not see a mistake that changes nothing; these are the mistakes that were feared.
#[test]
fn the_reference_can_tell_the_families_apart() {
    for name in MODELS {
        let (_dir, folder) = copy(&small(name), name);
        let pooling = fs::read_to_string(folder.join("1_Pooling/config.json")).expect("the file");
        let other = if pooling.contains("\"cls\"") { "mean" } else { "cls" };
        let text = format!("{{\"embedding_dimension\":24,\"pooling_mode\":\"{other}\"}}");
        put(&folder, "1_Pooling/config.json", text.as_bytes());
        assert!(similarity(&load(&folder, Precision::F32), name) < 0.999, "{name}: pooling");
        put(&folder, "1_Pooling/config.json", pooling.as_bytes());
        if name == "multilingual" {
            continue;
        }
        // BERT's positions begin with the first row.
        edit(&folder, "config.json", &format!("\"model_type\":\"{name}\""), "\"model_type\":\"bert\"");
        assert!(similarity(&load(&folder, Precision::F32), name) < 0.999, "{name}: positions");
    }
}

/// The checkpoint of a folder with every tensor in another type and under another name. The weights of the small
/// models are the same numbers in every type.
fn rewritten(folder: &Path, kind: Dtype, rename: impl Fn(&str) -> String) -> Vec<u8> {
    let bytes = fs::read(folder.join("model.safetensors")).expect("the checkpoint");
    let tensors = SafeTensors::deserialize(&bytes).expect("it is valid");
    let converted: Vec<(String, Vec<usize>, Vec<u8>)> = tensors
        .tensors()
        .into_iter()
        .map(|(name, tensor)| {
            let values = numbers(&tensor);
            let bytes = values.iter().flat_map(|value| raw(*value, kind)).collect();
            (rename(&name), tensor.shape().to_vec(), bytes)
        })
        .collect();
    let views = converted.iter().map(|(name, shape, bytes)| {
        (name, TensorView::new(kind, shape.clone(), bytes).expect("it has the right length"))
    });
    safetensors::serialize(views, None).expect("it is written")
}

fn numbers(tensor: &TensorView<'_>) -> Vec<f32> {
    let pairs = || tensor.data().as_chunks::<2>().0.iter().map(|bytes| u16::from_le_bytes(*bytes));
    match tensor.dtype() {
        Dtype::F32 => {
            tensor.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
        }
        Dtype::BF16 => pairs().map(|bits| f32::from_bits(u32::from(bits) << 16)).collect(),
        Dtype::F16 => pairs().map(from_f16).collect(),
        other => panic!("{other:?} is not among the small models"),
    }
}

/// All weights are zero or between 1/128 and 2, where the formats differ in the offset of the exponent only.
fn from_f16(bits: u16) -> f32 {
    let (sign, magnitude) = (u32::from(bits & 0x8000) << 16, u32::from(bits & 0x7fff));
    f32::from_bits(sign | if magnitude == 0 { 0 } else { (magnitude << 13) + (112 << 23) })
}

fn raw(value: f32, kind: Dtype) -> Vec<u8> {
    let bits = value.to_bits();
    match kind {
        Dtype::F32 => bits.to_le_bytes().to_vec(),
        Dtype::F64 => f64::from(value).to_le_bytes().to_vec(),
        Dtype::BF16 => ((bits >> 16) as u16).to_le_bytes().to_vec(),
        Dtype::F16 => {
            let magnitude = bits & 0x7fff_ffff;
            let small = if magnitude == 0 { 0 } else { (magnitude - (112 << 23)) >> 13 };
            (((bits >> 16) & 0x8000) as u16 | small as u16).to_le_bytes().to_vec()
        }
        other => panic!("{other:?} is not asked for"),
    }
}

fn bare(name: &str) -> &str {
    name.strip_prefix("roberta.").unwrap_or(name)
}

#[test]
fn the_type_of_the_weights_and_the_prefix_of_their_names_change_nothing() {
    for name in MODELS {
        let (_dir, folder) = copy(&small(name), name);
        let expected = vectors(&folder);
        for kind in [Dtype::F32, Dtype::F16, Dtype::BF16] {
            for prefix in ["", "bert.", "roberta.", "0.auto_model."] {
                let bytes = rewritten(&small(name), kind, |name| format!("{prefix}{}", bare(name)));
                put(&folder, "model.safetensors", &bytes);
                assert!(vectors(&folder) == expected, "{name} as {kind:?} with `{prefix}`");
            }
        }
        let old = |name: &str| {
            name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
        };
        put(&folder, "model.safetensors", &rewritten(&small(name), Dtype::F32, old));
        assert!(vectors(&folder) == expected, "{name} with the names of the first years");
    }
}

#[test]
fn other_types_and_broken_weights_are_refused_by_name() {
    let (_dir, folder) = copy(&small("multilingual"), "model");
    let wide = rewritten(&folder, Dtype::F64, ToOwned::to_owned);
    put(&folder, "model.safetensors", &wide);
    let error = refused(&folder, "model.safetensors");
    assert!(matches!(&error, ModelError::Unsupported { found, .. } if found == "F64"), "{error:?}");

    // The last tensor's numbers become NaN.
    let mut bytes = rewritten(&small("multilingual"), Dtype::F32, ToOwned::to_owned);
    bytes
        .as_chunks_mut::<4>()
        .0
        .iter_mut()
        .rev()
        .take(5000)
        .for_each(|value| *value = f32::NAN.to_le_bytes());
    put(&folder, "model.safetensors", &bytes);
    let error = load(&folder, Precision::F32).embed_one("a text").expect_err("nothing can come of it");
    assert!(matches!(error, EmbedError::Model(ModelError::Invalid { .. })), "{error:?}");
    assert!(error.to_string().contains("model.safetensors"), "{error}");
}

#[test]
fn the_list_of_modules_decides() {
    let (_dir, folder) = copy(&small("roberta"), "model");
    let expected = vectors(&folder);
    let step = |kind: &str, path: &str| serde_json::json!({"idx": 0, "name": "0", "path": path, "type": format!("sentence_transformers.models.{kind}")});
    let list = |steps: &[(&str, &str)]| {
        let steps: Vec<_> = steps.iter().map(|(kind, path)| step(kind, path)).collect();
        put(&folder, "modules.json", serde_json::json!(steps).to_string().as_bytes());
    };
    let (first, second) = (("Transformer", ""), ("Pooling", "1_Pooling"));
    list(&[first, second]);
    assert!(vectors(&folder) == expected, "without Normalize the vectors have length 1 all the same");

    put(&folder, "other/config.json", b"{\"pooling_mode\": [\"cls\"]}");
    list(&[first, ("Pooling", "other")]);
    assert!(vectors(&folder) != expected, "the folder of the pooling is the one of the list");

    let refusals: [(&[(&str, &str)], &str); 8] = [
        (&[first, second, ("Dense", "2_Dense")], "sentence_transformers.models.Dense"),
        (&[first, second, ("Normalize", ""), ("LayerNorm", "3")], "LayerNorm"),
        (&[("WordEmbeddings", ""), second], "WordEmbeddings"),
        (&[second, first], "Pooling"),
        (&[first], "modules.json"),
        (&[("Transformer", "0_Transformer"), second], "0_Transformer"),
        (&[first, ("Pooling", "../elsewhere")], "../elsewhere"),
        (&[first, ("Pooling", "missing")], "missing/config.json"),
    ];
    for (steps, named) in refusals {
        list(steps);
        let error = refused(&folder, named);
        assert!(matches!(error, ModelError::Unsupported { .. } | ModelError::Missing { .. }), "{error:?}");
    }
}

#[test]
fn both_ways_of_saying_how_to_pool_mean_the_same_and_other_ways_are_named() {
    let (_dir, folder) = copy(&small("roberta"), "model");
    let (mean, file) = (vectors(&folder), "1_Pooling/config.json");
    for (text, is_mean) in [
        ("{\"word_embedding_dimension\": 24, \"pooling_mode_mean_tokens\": true}", true),
        ("{\"word_embedding_dimension\": 24, \"pooling_mode_cls_token\": true}", false),
        ("{\"embedding_dimension\": 24, \"pooling_mode\": [\"mean\"]}", true),
        ("{\"pooling_mode\": \"cls\", \"pooling_mode_mean_tokens\": true}", false),
    ] {
        put(&folder, file, text.as_bytes());
        assert_eq!(vectors(&folder) == mean, is_mean, "{text}");
    }
    for (text, named) in [
        ("{\"pooling_mode\": \"lasttoken\"}", "lasttoken"),
        ("{\"pooling_mode\": [\"mean\", \"max\"]}", "mean + max"),
        ("{\"pooling_mode_mean_tokens\": true, \"pooling_mode_weightedmean_tokens\": true}", "weightedmean"),
        ("{}", "none"),
        ("{\"embedding_dimension\": 25, \"pooling_mode\": \"mean\"}", "embedding_dimension"),
        ("mean", "1_Pooling"),
    ] {
        put(&folder, file, text.as_bytes());
        refused(&folder, named);
    }
    // A plain checkpoint, without the files of sentence-transformers, is used with the mean.
    fs::remove_file(folder.join(file)).expect("it is removed");
    fs::remove_file(folder.join("modules.json")).expect("it is removed");
    assert!(vectors(&folder) == mean);
}

#[test]
fn the_window_is_what_the_folder_says_and_never_more_than_there_are_positions() {
    let (_dir, folder) = copy(&small("roberta"), "model");
    let window = || ModelFolder::open(&folder).map(|folder| folder.window()).expect("it is a model");
    assert_eq!(window(), 32);
    edit(&folder, "tokenizer_config.json", "\"model_max_length\":32", "\"model_max_length\":20");
    assert_eq!(window(), 20);
    put(&folder, "sentence_bert_config.json", b"{\"max_seq_length\": 10, \"do_lower_case\": false}");
    assert_eq!(window(), 10);
    put(&folder, "sentence_bert_config.json", b"{\"max_seq_length\": null}");
    let endless = "\"model_max_length\":1000000000000000019884624838656";
    edit(&folder, "tokenizer_config.json", "\"model_max_length\":20", endless);
    assert_eq!(window(), 32, "34 positions, of which two are not used");
    fs::remove_file(folder.join("tokenizer_config.json")).expect("it is removed");
    assert_eq!(window(), 32);
    put(&folder, "sentence_bert_config.json", b"{\"max_seq_length\": 2}");
    refused(&folder, "number of tokens");
}

#[test]
fn settings_that_change_the_vectors_are_applied_or_refused() {
    let (_dir, folder) = copy(&small("roberta"), "model");
    put(&folder, "sentence_bert_config.json", b"{\"max_seq_length\": 32, \"do_lower_case\": true}");
    let lower = load(&folder, Precision::F32);
    let plain = load(&small("roberta"), Precision::F32);
    assert_eq!(lower.embed_one("RESTORE It").ok(), plain.embed_one("restore it").ok());
    assert_ne!(plain.embed_one("RESTORE It").ok(), plain.embed_one("restore it").ok());
    assert_ne!(lower.fingerprint(), plain.fingerprint());
    let file = "config_sentence_transformers.json";
    edit(&folder, file, "\"default_prompt_name\":null", "\"default_prompt_name\":\"query\"");
    assert!(matches!(refused(&folder, "default_prompt_name"), ModelError::Unsupported { .. }));
}

#[test]
fn a_tokenizer_of_another_model_is_refused() {
    let (_dir, folder) = copy(&small("multilingual"), "model");
    let other = fs::read(small("roberta").join("tokenizer.json")).expect("the file");
    put(&folder, "tokenizer.json", &other);
    assert!(matches!(refused(&folder, "tokenizer.json"), ModelError::WrongDimensions { .. }));
}
