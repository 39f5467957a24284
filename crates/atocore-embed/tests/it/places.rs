//! A model is found where this machine has it: by its folder, below a folder of models, in the cache of the hub.

use std::{
    fs,
    path::{Path, PathBuf},
};

use atocore_embed::{
    Embedder, Precision,
    model::{InstalledModel, KNOWN, ModelError, installed, locate},
};

use crate::{
    real_model,
    scratch::{copy_into, put},
    small,
};

/// Puts a model into a cache of the hub, as other programs do: the files are links to blobs.
fn into_hub(cache: &Path, name: &str, commit: &str, model: &Path) -> PathBuf {
    let root = cache.join(format!("models--{}", name.replace('/', "--")));
    let (blobs, snapshot) = (root.join("blobs"), root.join("snapshots").join(commit));
    copy_into(model, &blobs);
    link_all(&blobs, &snapshot);
    put(&root, "refs/main", commit.as_bytes());
    snapshot
}

fn link_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("it can be listed") {
        let path = entry.expect("an entry").path();
        let link = to.join(path.file_name().expect("it has a name"));
        if path.is_dir() {
            link_all(&path, &link);
        } else {
            #[cfg(unix)]
            std::os::unix::fs::symlink(&path, &link).expect("it is linked");
            #[cfg(not(unix))]
            fs::hard_link(&path, &link).expect("it is linked");
        }
    }
}

#[test]
fn any_model_in_a_cache_of_the_hub_is_found_with_or_without_its_usual_owner() {
    let dir = tempfile::tempdir().expect("a scratch folder");
    let name = "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2";
    let snapshot = into_hub(dir.path(), name, "0123abcd", &small("multilingual"));
    into_hub(dir.path(), "owner/encoder", "4567", &small("roberta"));
    let search = [PathBuf::from("/nonexistent"), dir.path().to_owned()];
    for name in [name, "paraphrase-multilingual-MiniLM-L12-v2", "PARAPHRASE-multilingual-minilm-l12-v2"] {
        let found = locate(name, &search).expect("it is found");
        assert_eq!((found.path(), found.known(), found.window()), (snapshot.as_path(), None, 32));
        Embedder::load(&found, Precision::F32).expect("it loads through the links");
    }
    assert!(locate("owner/encoder", &search).is_ok());
    assert!(matches!(locate("encoder", &search), Err(ModelError::Unknown { .. })));
}

#[test]
fn a_known_model_in_the_hub_cache_is_used_when_every_file_has_the_published_length() {
    let dir = tempfile::tempdir().expect("a scratch folder");
    let (ours, hub) = (dir.path().join("ours"), dir.path().join("hub"));
    let search = [ours.clone(), hub.clone()];
    let name = "sentence-transformers/all-MiniLM-L6-v2";
    let snapshot = into_hub(&hub, name, "0123abcd", real_model().path());
    let found = locate("all-MiniLM-L6-v2", &search).expect("it is found");
    assert_eq!((found.path(), found.known()), (snapshot.as_path(), KNOWN.first()));

    // Other bytes of the same length: found, but neither proven nor loaded.
    let tokenizer = fs::canonicalize(snapshot.join("tokenizer.json")).expect("the blob");
    let mut bytes = fs::read(&tokenizer).expect("the blob");
    bytes[1000] ^= 1;
    put(tokenizer.parent().expect("a folder"), "tokenizer.json", &bytes);
    let found = locate("all-MiniLM-L6-v2", &search).expect("its lengths are right");
    let error = Embedder::load(&found, Precision::F32).expect_err("it is not the published one");
    assert!(error.to_string().contains("tokenizer.json"), "{error}");

    // An interrupted download of another program is as good as none.
    fs::remove_file(snapshot.join("modules.json")).expect("it is removed");
    assert!(matches!(locate("all-MiniLM-L6-v2", &search), Err(ModelError::NotFetched { .. })));
    assert_eq!(installed(&search), []);
}

#[test]
fn the_list_names_what_is_there_and_what_is_wrong_with_it() {
    let dir = tempfile::tempdir().expect("a scratch folder");
    let (first, second) = (dir.path().join("first"), dir.path().join("second"));
    copy_into(&small("multilingual"), &first.join("my-encoder"));
    copy_into(&small("roberta"), &first.join("broken"));
    copy_into(&small("roberta"), &first.join(".all-minilm-l6-v2.partial"));
    copy_into(&small("roberta"), &second.join("my-encoder"));
    put(&first, "broken/1_Pooling/config.json", b"{\"pooling_mode\": \"max\"}");
    put(&first, "all-minilm-l6-v2/config.json", b"{}");
    put(&first, "documents/notes.md", b"no model");
    put(&first, "a-file", b"no folder");
    let in_hub = into_hub(&second, "owner/encoder", "0123", &small("xlm-roberta"));
    put(&second, "models--owner--a-decoder/snapshots/1/config.json", b"{\"model_type\": \"llama\"}");

    let search = [first.clone(), second.clone(), dir.path().join("missing")];
    let found = installed(&search);
    let names: Vec<_> = found.iter().map(|model| (model.name.as_str(), model.known)).collect();
    let expected =
        [("all-minilm-l6-v2", true), ("broken", false), ("my-encoder", false), ("owner/encoder", false)];
    assert_eq!(names, expected);
    let [known, broken, mine, hub] = found.as_slice() else { panic!("{found:?}") };
    let problem = |model: &InstalledModel| model.problem.clone().unwrap_or_default();
    assert!(problem(known).contains("model.safetensors") && known.dimensions == 384, "{known:?}");
    assert!(problem(broken).contains("`pooling_mode` = `max`"), "{broken:?}");
    assert_eq!((mine.path.clone(), mine.dimensions, mine.window), (first.join("my-encoder"), 24, 32));
    assert_eq!((hub.path.as_path(), hub.problem.as_deref()), (in_hub.as_path(), None));
    for model in &found {
        match locate(&model.name, &search) {
            Ok(located) => assert_eq!((located.path(), &model.problem), (model.path.as_path(), &None)),
            Err(error) => assert!(problem(model).starts_with(&error.to_string()), "{error}"),
        }
    }
}
