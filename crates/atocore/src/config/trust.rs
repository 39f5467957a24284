//! Which folders may be the home of whoever stands in them.
//!
//! A folder that was checked out, unpacked or shared may bring an `atocore.toml`; it counts only after this user has said
//! so once, by `atocore trust`. What was said lies in the platform's folder for this user's data, which nobody else can
//! write to, and holds for the real path as long as the folder and the file can be changed by this user alone.

use std::path::{Path, PathBuf};

use atocore_engine::files::{self, FileError};
use atocore_model::error::with_causes;
use serde::{Deserialize, Serialize};

use super::{Environment, file};

/// The name of the record.
const RECORD: &str = "trusted-folders.json";

/// A settings file that lies where somebody stands, and does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    /// The folder that it lies in.
    pub folder: PathBuf,
    /// Why it does not count although the folder is trusted; `None` when it is not trusted.
    pub unsafe_because: Option<String>,
}

impl Ignored {
    /// The file.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.folder.join(file::NAME)
    }
}

/// What was found from a folder upward.
#[derive(Debug, Default)]
pub(super) struct SettingsSearch {
    /// The nearest folder that is trusted, and the text of its settings.
    pub(super) found: Option<(PathBuf, Vec<u8>)>,
    /// What lies nearer and does not count.
    pub(super) ignored: Vec<Ignored>,
}

/// Looks for a settings file from the current folder upward.
pub(super) fn search(environment: &Environment) -> SettingsSearch {
    let mut search = SettingsSearch::default();
    let mut trusted = None;
    for folder in environment.current_dir.ancestors() {
        // A link that leads nowhere is one, too: somebody put it there.
        if folder.join(file::NAME).symlink_metadata().is_err() {
            continue;
        }
        if environment.user_data_dir.as_deref() == Some(folder) {
            // That is the home anyway.
            break;
        }
        let trusted = trusted.get_or_insert_with(|| Trusted::of(environment).folders().unwrap_or_default());
        match judge(folder, trusted) {
            Ok(text) => {
                search.found = Some((folder.to_owned(), text));
                break;
            }
            Err(ignored) => search.ignored.push(ignored),
        }
    }
    search
}

/// The text of the settings in a folder, when they count.
fn judge(folder: &Path, trusted: &[PathBuf]) -> Result<Vec<u8>, Ignored> {
    let ignored = |why| Ignored { folder: folder.to_owned(), unsafe_because: why };
    let real = folder.canonicalize().map_err(|_| ignored(None))?;
    if !trusted.contains(&real) {
        return Err(ignored(None));
    }
    files::refuse_shared_folder(&real)
        .and_then(|()| files::read_trusted(&real.join(file::NAME)))
        .map_err(|error| ignored(Some(with_causes(&error))))
}

/// The record of a user.
#[derive(Debug)]
pub struct Trusted {
    path: Option<PathBuf>,
}

/// A folder that cannot be trusted, or a record that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The user has no folder in which the record could be.
    #[error("this user has no folder for data, so that nothing can be trusted")]
    NoRecord,
    /// The record makes no sense.
    #[error("`{}` cannot be understood", .0.display())]
    Unreadable(PathBuf),
    /// There are no settings to trust.
    #[error("there is no `{}` in `{}`", file::NAME, .0.display())]
    NoSettings(PathBuf),
    /// The name of a folder that cannot be written down.
    #[error("the path `{}` is not UTF-8", .0.display())]
    NotText(PathBuf),
    /// Somebody else can change it, or it cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct TrustRecord {
    folders: Vec<String>,
}

impl Trusted {
    /// The record of the user of an environment.
    #[must_use]
    pub fn of(environment: &Environment) -> Self {
        Self { path: environment.user_data_dir.as_ref().map(|folder| folder.join(RECORD)) }
    }

    /// Every folder that is trusted, sorted.
    ///
    /// # Errors
    /// When the record cannot be read, or others could have written it.
    pub fn folders(&self) -> Result<Vec<PathBuf>, TrustError> {
        let Some(path) = &self.path else { return Ok(Vec::new()) };
        let bytes = match files::read_trusted(path) {
            Err(error) if error.is_missing() => return Ok(Vec::new()),
            read => read?,
        };
        let record: TrustRecord =
            serde_json::from_slice(&bytes).map_err(|_| TrustError::Unreadable(path.clone()))?;
        Ok(record.folders.into_iter().map(PathBuf::from).collect())
    }

    /// Trusts a folder and returns its real path.
    ///
    /// # Errors
    /// When it has no settings file, others can change one of the two, or the record cannot be written.
    ///
    /// # Durability
    /// The record is on disk when this returns `Ok`.
    pub fn add(&self, folder: &Path) -> Result<PathBuf, TrustError> {
        let real = real(folder)?;
        files::refuse_shared_folder(&real)?;
        match files::read_trusted(&real.join(file::NAME)) {
            Err(error) if error.is_missing() => return Err(TrustError::NoSettings(real)),
            read => drop(read?),
        }
        let mut folders = self.folders()?;
        folders.push(real.clone());
        self.save(folders)?;
        Ok(real)
    }

    /// Trusts a folder no more, which need not be there; returns whether it was trusted.
    ///
    /// # Errors
    /// When the record cannot be read or written.
    ///
    /// # Durability
    /// As [`Trusted::add`].
    pub fn remove(&self, folder: &Path) -> Result<bool, TrustError> {
        let given = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        let real = folder.canonicalize().unwrap_or_else(|_| given.clone());
        let mut folders = self.folders()?;
        let before = folders.len();
        folders.retain(|trusted| *trusted != real && *trusted != given);
        let was_trusted = folders.len() < before;
        if was_trusted {
            self.save(folders)?;
        }
        Ok(was_trusted)
    }

    fn save(&self, mut folders: Vec<PathBuf>) -> Result<(), TrustError> {
        let path = self.path.as_ref().ok_or(TrustError::NoRecord)?;
        folders.sort();
        folders.dedup();
        let text = |folder: PathBuf| {
            folder.into_os_string().into_string().map_err(|name| TrustError::NotText(name.into()))
        };
        let record = TrustRecord { folders: folders.into_iter().map(text).collect::<Result<_, _>>()? };
        if let Some(folder) = path.parent() {
            files::create_dirs_synced(folder)?;
        }
        let mut text = serde_json::to_vec_pretty(&record).unwrap_or_default();
        text.push(b'\n');
        Ok(files::write_atomic(path, &text)?)
    }
}

fn real(folder: &Path) -> Result<PathBuf, TrustError> {
    let found = folder.canonicalize();
    Ok(found.map_err(|source| FileError { action: "find", path: folder.to_owned(), source })?)
}
