//! Which models are known by name, where a model lies on this machine, and whether its files are what they must be.

mod hub;
mod installed;
mod known;

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use atocore_model::{
    digest::Digest,
    monitor::{Monitor, Progress},
};
use sha2::{Digest as _, Sha256};

pub use hub::in_hub_cache;
pub use installed::{InstalledModel, installed};
pub use known::{HubRepository, KNOWN, KnownModel, Package, PinnedFile};

pub use crate::error::ModelError;
use crate::{config::ModelConfig, files, weights};

/// The checkpoint of every model folder.
pub(crate) const CHECKPOINT: &str = "model.safetensors";
/// The tokenizer of every model folder.
pub(crate) const TOKENIZER: &str = "tokenizer.json";
/// The shape of the network.
pub(crate) const CONFIG: &str = "config.json";

/// Whose models are also known without their owner's name, as in sentence-transformers.
const USUAL_OWNER: &str = "sentence-transformers/";

/// A folder with all the files of a model this crate can run; made by [`locate`] and [`ModelFolder::open`] only.
#[derive(Debug, Clone)]
pub struct ModelFolder {
    path: PathBuf,
    known: Option<&'static KnownModel>,
    dimensions: usize,
    window: usize,
}

/// Finds a model by the name of a known one, or by its folder: as given, or below one of the `search` folders, which can
/// be caches of the Hugging Face hub.
///
/// Only looks: reads the small files and the header of the large one. A known model under its name must have the
/// published files; their lengths are compared here, their bytes when it is loaded or verified.
///
/// # Errors
/// When it is not there, a file is missing or cut off, or it is a model that cannot be run here.
pub fn locate(name_or_folder: &str, search: &[PathBuf]) -> Result<ModelFolder, ModelError> {
    if let Some(known) = KnownModel::by_name(name_or_folder) {
        let folder = search.iter().map(|folder| folder.join(known.name)).find(|folder| folder.is_dir());
        return match folder {
            Some(folder) => ModelFolder::open_known(&folder, known),
            None => known_in_hub(known, search)
                .ok_or_else(|| ModelError::NotFetched { name: known.name, searched: search.to_vec() }),
        };
    }
    let given = Path::new(name_or_folder);
    // A bare name means the same whatever folder the program is called from.
    let is_path = name_or_folder.starts_with('.') || name_or_folder.contains(std::path::is_separator);
    let named = is_path.then(|| given.to_owned()).into_iter();
    let candidates = named.chain(search.iter().map(|folder| folder.join(given)));
    let folder = candidates.filter(|_| !name_or_folder.trim().is_empty()).find(|folder| folder.is_dir());
    let in_hub = || {
        let same = |name: &str| name.eq_ignore_ascii_case(name_or_folder);
        let mut models = search.iter().flat_map(|folder| in_hub_cache(folder));
        let found = models.find(|(name, _)| same(name) || name.strip_prefix(USUAL_OWNER).is_some_and(same));
        found.map(|(_, folder)| folder)
    };
    match folder.or_else(in_hub) {
        Some(folder) => ModelFolder::open(&folder),
        None => Err(ModelError::Unknown {
            name: name_or_folder.chars().take(200).collect(),
            searched: search.to_vec(),
        }),
    }
}

/// A known model in a cache of the hub. Other programs take only the files that they need, so one that is not whole is as
/// good as none.
fn known_in_hub(known: &'static KnownModel, search: &[PathBuf]) -> Option<ModelFolder> {
    let models = search.iter().flat_map(|folder| in_hub_cache(folder));
    let same = models.filter(|(name, _)| KnownModel::by_name(name) == Some(known));
    same.filter_map(|(_, folder)| ModelFolder::open_known(&folder, known).ok()).next()
}

impl ModelFolder {
    /// Checks any folder that has a model, without comparing it with a published one.
    ///
    /// # Errors
    /// When a file is missing or cut off, or it is a model that cannot be run here.
    pub fn open(path: &Path) -> Result<Self, ModelError> {
        Self::check(path, None)
    }

    /// Checks a folder that must have the published files of a known model.
    ///
    /// # Errors
    /// When a file is missing or has another length, or it is a model that cannot be run here.
    pub fn open_known(path: &Path, known: &'static KnownModel) -> Result<Self, ModelError> {
        for file in known.files {
            let path = path.join(file.path);
            let (_, found) = files::open(&path)?;
            if found != file.length_bytes {
                return Err(ModelError::WrongLength { path, expected: file.length_bytes, found });
            }
        }
        Self::check(path, Some(known))
    }

    fn check(path: &Path, known: Option<&'static KnownModel>) -> Result<Self, ModelError> {
        let config = ModelConfig::read(path)?;
        files::open(&path.join(TOKENIZER))?;
        weights::check(&path.join(CHECKPOINT))?;
        Ok(Self { path: path.to_owned(), known, dimensions: config.hidden, window: config.window })
    }

    /// The folder itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The published model that this folder must equal, when it was found by name.
    #[must_use]
    pub fn known(&self) -> Option<&'static KnownModel> {
        self.known
    }

    /// How many numbers a vector of this model has.
    #[must_use]
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// How many tokens a text may have, special ones included.
    #[must_use]
    pub fn window(&self) -> usize {
        self.window
    }

    /// Reads every pinned file and compares it with its published SHA-256. A folder without pins has nothing to
    /// compare with and is only checked again as [`ModelFolder::open`] does.
    ///
    /// # Errors
    /// When a file has other bytes, is not there any more, or cannot be read.
    ///
    /// # Cancellation
    /// Between pieces of a file; what was compared so far was right.
    pub fn verify(&self, monitor: &dyn Monitor) -> Result<VerifyOutcome, ModelError> {
        let Some(known) = self.known else {
            Self::check(&self.path, None)?;
            return Ok(VerifyOutcome::NothingPinned);
        };
        let mut done = 0;
        for file in known.files {
            let path = self.path.join(file.path);
            let Some(found) = sha256(&path, &mut done, known.length_bytes(), monitor)? else {
                return Ok(VerifyOutcome::Cancelled);
            };
            if found != file.sha256 {
                return Err(ModelError::WrongDigest { path, expected: file.sha256.to_owned(), found });
            }
        }
        Self::check(&self.path, self.known)?;
        Ok(VerifyOutcome::Published)
    }

    /// Compares the digest of one file, taken while it was read, with the published one.
    pub(crate) fn compare(&self, name: &str, found: Digest) -> Result<(), ModelError> {
        match self.known.and_then(|known| known.file(name)) {
            Some(pinned) if pinned.blake3 != found.to_string() => Err(ModelError::WrongDigest {
                path: self.path.join(name),
                expected: pinned.blake3.to_owned(),
                found: found.to_string(),
            }),
            _ => Ok(()),
        }
    }
}

/// What [`ModelFolder::verify`] found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerifyOutcome {
    /// Every file is byte for byte the published one.
    Published,
    /// The folder is whole, but there is nothing published to compare it with.
    NothingPinned,
    /// The caller cancelled.
    Cancelled,
}

/// The SHA-256 of a file; `None` when cancelled. Counts the bytes read onto `done`.
fn sha256(
    path: &Path,
    done: &mut u64,
    total: u64,
    monitor: &dyn Monitor,
) -> Result<Option<String>, ModelError> {
    let (mut file, _) = files::open(path)?;
    let mut hash = Sha256::new();
    let mut piece = vec![0; 1 << 20];
    loop {
        if monitor.cancelled() {
            return Ok(None);
        }
        let count = file
            .read(&mut piece)
            .map_err(|source| ModelError::Unreadable { path: path.to_owned(), source })?;
        if count == 0 {
            return Ok(Some(hexadecimal(hash)));
        }
        hash.update(&piece[..count]);
        *done += count as u64;
        monitor.progress(Progress { phase: "comparing model files".into(), done: *done, total: Some(total) });
    }
}

/// The digest as publishers write it.
pub(crate) fn hexadecimal(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
