//! The models: which one is wanted, which one made the vectors that answers use, each loaded when it is first needed.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use atocore_embed::{
    EmbedError, Embedder, Precision,
    model::{self, ModelError},
};
use atocore_model::{digest::Digest, error::with_causes};
use atocore_storage::{sqlite::SpaceRow, vector::VectorSpace};

use crate::error::NoModel;

/// Which model makes the vectors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelChoice {
    /// The name of a known model, or a folder.
    pub name: String,
    /// How its weights are kept.
    pub precision: Precision,
    /// The folders that models are looked for in, in this order.
    pub folders: Vec<PathBuf>,
}

/// The default model, looked for nowhere.
impl Default for ModelChoice {
    fn default() -> Self {
        let name = model::KNOWN.first().map_or("", |known| known.name);
        Self { name: name.to_owned(), precision: Precision::F32, folders: Vec::new() }
    }
}

/// A model that could not be loaded is tried again after this: its files may have been mended.
const TRY_AGAIN: Duration = Duration::from_secs(10);

/// The version of the text that is set before a model: see `atocore_model::document::embedded_text`.
const TEXT_VERSION: &str = "text 1: title, headings, content";

/// The loaded models.
#[derive(Debug)]
pub(crate) struct Models {
    choice: ModelChoice,
    wanted: Mutex<Slot>,
    former: Mutex<Option<(VectorSpace, Arc<Model>)>>,
}

#[derive(Debug, Default)]
enum Slot {
    #[default]
    Unloaded,
    Loaded(Arc<Model>),
    Failed(Instant, NoModel),
}

/// A loaded model and the space of its vectors.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) embedder: Embedder,
    pub(crate) space: VectorSpace,
}

impl Model {
    fn load(name: &str, precision: Precision, folders: &[PathBuf]) -> Result<Self, NoModel> {
        let folder = model::locate(name, folders).map_err(|error| not_there(name, &error))?;
        let embedder = Embedder::load(&folder, precision).map_err(|error| unusable(name, &error))?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(embedder.fingerprint().as_bytes()).update(TEXT_VERSION.as_bytes());
        let space = VectorSpace {
            fingerprint: Digest::from_bytes(*hasher.finalize().as_bytes()),
            dimensions: embedder.dimensions(),
        };
        Ok(Self { embedder, space })
    }
}

impl Models {
    pub(crate) fn new(choice: ModelChoice) -> Self {
        Self { choice, wanted: Mutex::default(), former: Mutex::default() }
    }

    pub(crate) const fn choice(&self) -> &ModelChoice {
        &self.choice
    }

    /// Whether the wanted model is there, without loading it.
    pub(crate) fn look(&self) -> Result<(), NoModel> {
        match &*lock(&self.wanted) {
            Slot::Loaded(_) => return Ok(()),
            Slot::Failed(_, failure) if failure.damaged => return Err(failure.clone()),
            Slot::Failed(..) | Slot::Unloaded => {}
        }
        let found = model::locate(&self.choice.name, &self.choice.folders);
        found.map(drop).map_err(|error| not_there(&self.choice.name, &error))
    }

    /// The model that the settings name. Loading it takes some tenths of a second; one that is not there is looked for
    /// again each time.
    pub(crate) fn wanted(&self) -> Result<Arc<Model>, NoModel> {
        let mut slot = lock(&self.wanted);
        match &*slot {
            Slot::Loaded(model) => return Ok(Arc::clone(model)),
            Slot::Failed(at, failure) if at.elapsed() < TRY_AGAIN => return Err(failure.clone()),
            Slot::Failed(..) | Slot::Unloaded => {}
        }
        let choice = &self.choice;
        match Model::load(&choice.name, choice.precision, &choice.folders) {
            Ok(model) => {
                let model = Arc::new(model);
                *slot = Slot::Loaded(Arc::clone(&model));
                Ok(model)
            }
            Err(failure) => {
                // Looking for one that is missing is quick, so that it is found as soon as it has been fetched.
                *slot = if failure.damaged {
                    Slot::Failed(Instant::now(), failure.clone())
                } else {
                    Slot::Unloaded
                };
                Err(failure)
            }
        }
    }

    /// The model that made the vectors of a space: the wanted one, or one from before the settings changed.
    pub(crate) fn of(&self, row: &SpaceRow) -> Result<Arc<Model>, NoModel> {
        let wanted = self.wanted();
        if let Ok(model) = &wanted
            && model.space == row.space
        {
            return Ok(Arc::clone(model));
        }
        let mut former = lock(&self.former);
        if let Some((space, model)) = &*former
            && *space == row.space
        {
            return Ok(Arc::clone(model));
        }
        let precision =
            if row.precision == Precision::Int8.to_string() { Precision::Int8 } else { Precision::F32 };
        let same = row.model == self.choice.name && precision == self.choice.precision;
        if same && let Err(failure) = wanted {
            return Err(failure);
        }
        let model = Arc::new(Model::load(&row.model, precision, &self.choice.folders)?);
        if model.space != row.space {
            return Err(NoModel {
                why: format!(
                    "the vectors were made with another `{}` than the one that is there now",
                    row.model
                ),
                hint: "atocore embed".to_owned(),
                damaged: false,
            });
        }
        *former = Some((row.space, Arc::clone(&model)));
        Ok(model)
    }

    /// Lets go of a model from before the settings changed.
    pub(crate) fn forget_former(&self) {
        *lock(&self.former) = None;
    }
}

/// What a panic while loading left behind is as good as nothing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn not_there(name: &str, error: &ModelError) -> NoModel {
    let (hint, damaged) = match error {
        ModelError::NotFetched { .. } => ("atocore model fetch".to_owned(), false),
        ModelError::Unknown { .. } => (
            "set ATOCORE_EMBEDDING_MODEL to a name of `atocore model list`, or to a folder".to_owned(),
            false,
        ),
        _ => (format!("atocore model verify {name}"), true),
    };
    NoModel { why: with_causes(error), hint, damaged }
}

fn unusable(name: &str, error: &EmbedError) -> NoModel {
    NoModel { why: with_causes(error), hint: format!("atocore model verify {name}"), damaged: true }
}
