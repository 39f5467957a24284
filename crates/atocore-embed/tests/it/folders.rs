//! A folder that is not a usable model is refused with the file's name and a hint.

use std::{fs, path::PathBuf};

use atocore_embed::{
    EmbedError, Embedder, Precision,
    model::{KNOWN, ModelError, ModelFolder, VerifyOutcome, locate},
};
use atocore_model::monitor::Silent;

use crate::{
    models, real_model,
    scratch::{self, edit, put, refused},
};

/// A copy of the real model's folder that a test may damage.
fn copy() -> (tempfile::TempDir, PathBuf) {
    scratch::copy(real_model().path(), KNOWN[0].name)
}

#[test]
fn every_name_and_the_folder_itself_lead_to_the_model() {
    let folder = real_model().path().to_owned();
    for name in ["all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2"] {
        let found = locate(name, &[PathBuf::from("/nonexistent"), models()]).expect("it is found");
        assert_eq!((found.path(), found.known()), (folder.as_path(), KNOWN.first()));
        assert_eq!((found.dimensions(), found.window()), (384, 256));
    }
    let by_path = locate(&folder.to_string_lossy(), &[]).expect("it is found");
    assert_eq!(by_path.known(), None);
    assert_eq!(by_path.verify(&Silent).ok(), Some(VerifyOutcome::NothingPinned));
    assert_eq!(real_model().verify(&Silent).ok(), Some(VerifyOutcome::Published));
}

#[test]
fn a_complete_model_in_the_hub_cache_is_used() {
    let dir = tempfile::tempdir().expect("a scratch folder");
    let cached = dir.path().join("models--sentence-transformers--all-MiniLM-L6-v2/snapshots/abc");
    fs::create_dir_all(cached.join("1_Pooling")).expect("a folder");
    let search = [PathBuf::from("/nonexistent"), dir.path().to_owned()];
    for file in KNOWN[0].files {
        let error = locate("all-MiniLM-L6-v2", &search).expect_err("a file is missing");
        assert!(matches!(error, ModelError::NotFetched { .. }), "{error:?}");
        let bytes = fs::read(real_model().path().join(file.path)).expect("the model's file");
        put(&cached, file.path, &bytes);
    }
    let found = locate("all-MiniLM-L6-v2", &search).expect("it is whole now");
    assert_eq!((found.path(), found.known()), (cached.as_path(), KNOWN.first()));
    let other = dir.path().join("models--somebody--Theirs");
    fs::create_dir_all(other.join("snapshots")).expect("a folder");
    #[expect(clippy::disallowed_methods, reason = "a test arranges its own folder")]
    fs::rename(&cached, other.join("snapshots/def")).expect("it is moved");
    let found = locate("somebody/theirs", &search).expect("it is a model");
    assert_eq!((found.path(), found.known()), (other.join("snapshots/def").as_path(), None));
}

#[test]
fn names_that_lead_nowhere_say_where_was_looked() {
    let nowhere = [PathBuf::from("/nonexistent/models")];
    let error = locate("all-MiniLM-L6-v2", &nowhere).expect_err("it is not there");
    assert!(matches!(error, ModelError::NotFetched { .. }), "{error:?}");
    assert!(error.to_string().contains("/nonexistent/models") && error.hint().contains("model fetch"));
    for name in ["", "no-such-model", "../.."] {
        let error = locate(name, &nowhere);
        assert!(matches!(&error, Err(ModelError::Unknown { .. } | ModelError::Missing { .. })), "{error:?}");
    }
}

#[test]
fn a_missing_file_is_named() {
    for name in ["model.safetensors", "tokenizer.json", "config.json"] {
        let (_dir, folder) = copy();
        fs::remove_file(folder.join(name)).expect("it is removed");
        let error = refused(&folder, name);
        assert!(matches!(error, ModelError::Missing { .. }), "{error:?}");
    }
}

#[test]
fn a_truncated_or_garbled_checkpoint_is_refused_before_it_is_read_whole() {
    let (_dir, folder) = copy();
    let whole = fs::read(folder.join("model.safetensors")).expect("the file");
    for length in [0, 7, 8, 5000, whole.len() - 1] {
        put(&folder, "model.safetensors", &whole[..length]);
        assert!(matches!(refused(&folder, "model.safetensors"), ModelError::WrongLength { .. }), "{length}");
    }
    put(&folder, "model.safetensors", &[0xff; 100]);
    assert!(matches!(refused(&folder, "model.safetensors"), ModelError::Invalid { .. }));
}

#[test]
fn a_known_model_with_one_flipped_bit_is_refused_by_load_and_by_verify() {
    let (dir, folder) = copy();
    let mut bytes = fs::read(folder.join("model.safetensors")).expect("the file");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    put(&folder, "model.safetensors", &bytes);
    let found = locate("all-MiniLM-L6-v2", &[dir.path().to_owned()]).expect("its lengths are right");
    assert!(matches!(found.verify(&Silent), Err(ModelError::WrongDigest { .. })));
    let error = Embedder::load(&found, Precision::F32).expect_err("it is not the published one");
    assert!(matches!(error, EmbedError::Model(ModelError::WrongDigest { .. })), "{error:?}");
}

#[test]
fn other_architectures_and_wrong_dimensions_are_refused() {
    let cases = [
        ("config.json", "\"model_type\": \"bert\"", "\"model_type\": \"mpnet\"", "model_type"),
        ("config.json", "\"hidden_act\": \"gelu\"", "\"hidden_act\": \"relu\"", "hidden_act"),
        ("config.json", "\"absolute\"", "\"relative_key\"", "position_embedding_type"),
        ("config.json", "\"hidden_size\": 384", "\"hidden_size\": 768", "embedding_dimension"),
        ("config.json", "\"hidden_size\": 384", "\"hidden_size\": 385", "hidden_size"),
        ("config.json", "\"intermediate_size\": 1536", "\"intermediate_size\": 1537", "intermediate"),
        ("config.json", "\"num_hidden_layers\": 6", "\"num_hidden_layers\": 7", "encoder.layer.6"),
        ("config.json", "\"vocab_size\": 30522", "\"vocab_size\": 0", "vocab_size"),
        (
            "1_Pooling/config.json",
            "\"pooling_mode_max_tokens\": false",
            "\"pooling_mode_max_tokens\": true",
            "pooling",
        ),
        ("modules.json", "models.Normalize", "models.Dense", "Dense"),
        ("config.json", "{", "", "config.json"),
        ("tokenizer.json", "{\"version\"", "[\"version\"", "tokenizer.json"),
    ];
    let (_dir, folder) = copy();
    for (file, from, to, named) in cases {
        let before = fs::read(folder.join(file)).expect("the file");
        edit(&folder, file, from, to);
        refused(&folder, named);
        put(&folder, file, &before);
    }
    assert!(ModelFolder::open(&folder).is_ok());
}
