//! Which models are on this machine, whole or not.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{CHECKPOINT, CONFIG, KNOWN, KnownModel, ModelFolder, in_hub_cache};
use atocore_model::error::with_causes;

/// A model that is in one of the folders that models are looked for in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledModel {
    /// The name that [`super::locate`] finds it by.
    pub name: String,
    /// Its folder.
    pub path: PathBuf,
    /// How many numbers a vector has; 0 when that could not be read.
    pub dimensions: usize,
    /// How many tokens a text may have; 0 when that could not be read.
    pub window: usize,
    /// Whether it must equal a published model.
    pub known: bool,
    /// Why it cannot be used, in one sentence. That there is none says nothing of the bytes of the large files: see
    /// [`ModelFolder::verify`].
    pub problem: Option<String>,
}

/// Every model in the `search` folders, in the order in which [`super::locate`] looks: one that is hidden by another of
/// the same name is left out. Only looks, as `locate` does.
///
/// A folder counts as a model when it has the name of a known one, a configuration or a checkpoint. Caches of the hub
/// hold models of every kind, so of those only the ones that can be used are listed.
#[must_use]
pub fn installed(search: &[PathBuf]) -> Vec<InstalledModel> {
    let own = search.iter().flat_map(|folder| below(folder));
    // `locate` looks at folders of the name itself first, wherever they are.
    let hub = search.iter().flat_map(|folder| in_hub_cache(folder)).filter_map(|(name, path)| {
        let model = match KnownModel::by_name(&name) {
            Some(known) => described(known.name.to_owned(), path, Some(known)),
            None => described(name, path, None),
        };
        Some(model).filter(|model| model.problem.is_none())
    });
    let mut found: Vec<InstalledModel> = Vec::new();
    for model in own.chain(hub) {
        if !found.iter().any(|other| other.name == model.name) {
            found.push(model);
        }
    }
    found
}

/// The models in the folders of a folder, by name.
fn below(folder: &Path) -> Vec<InstalledModel> {
    // A folder that is not there has no models.
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    let models = paths.into_iter().filter_map(|path| {
        let name = path.file_name()?.to_str()?.to_owned();
        let known = KNOWN.iter().find(|known| known.name == name);
        let like_a_model =
            known.is_some() || [CONFIG, CHECKPOINT].iter().any(|file| path.join(file).exists());
        // One of a known model's other names leads to the folder of its own name.
        let reachable = known.is_some() || KnownModel::by_name(&name).is_none();
        let listed = path.is_dir() && !name.starts_with('.') && like_a_model && reachable;
        listed.then(|| described(name, path, known))
    });
    models.collect()
}

fn described(name: String, path: PathBuf, known: Option<&'static KnownModel>) -> InstalledModel {
    let opened = match known {
        Some(known) => ModelFolder::open_known(&path, known),
        None => ModelFolder::open(&path),
    };
    let (dimensions, window, problem) = match opened {
        Ok(folder) => (folder.dimensions(), folder.window(), None),
        Err(error) => (known.map_or(0, |known| known.dimensions), 0, Some(with_causes(&error))),
    };
    InstalledModel { name, path, dimensions, window, known: known.is_some(), problem }
}
