//! The demo's folder: its own, known by a marker, and emptied before every run.

use std::{
    fs,
    io::ErrorKind,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use atocore_engine::{Engine, Layout, files};
use atocore_model::error::ErrorCode;

use crate::operations::ApiError;

/// The file that says whose folder it is. It is the first thing made in it and the last to go.
const MARKER: &str = ".atocore-demo";

/// Where the snapshot is restored to.
pub(super) const RESTORED: &str = "restored";

/// An empty folder of the demo.
#[derive(Debug)]
pub(super) struct DemoFolder {
    home: PathBuf,
}

impl DemoFolder {
    /// Makes the folder, or empties the one that an earlier demo has left, finished or not.
    ///
    /// # Errors
    /// When it is somebody else's, when a process works in it, or when it cannot be written.
    pub(super) fn prepare(home: &Path, layout: &Layout) -> Result<Self, ApiError> {
        refuse_foreign(home)?;
        if home.exists()
            && let Some(owner) = Engine::owner(layout)?
        {
            let message = format!(
                "the demo in `{}` is in use by process {} (`{}`)",
                home.display(),
                owner.pid,
                owner.activity
            );
            return Err(ApiError::new(ErrorCode::StoreBusy, message).with_hint(format!(
                "stop it, or run the demo elsewhere: `atocore --data-dir DIR {}`",
                "demo"
            )));
        }
        files::create_dirs(home).map_err(failed)?;
        files::write_atomic(&home.join(MARKER), marker(home)?.as_bytes()).map_err(failed)?;
        for path in files::list(home).map_err(failed)? {
            if path.file_name().is_some_and(|name| name == MARKER) {
                continue;
            }
            if path.is_dir() && !path.is_symlink() {
                files::remove_tree(&path).map_err(failed)?;
            } else {
                files::remove_file(&path).map_err(failed)?;
            }
        }
        let home = home.canonicalize().map_err(|error| io(home, &error))?;
        Ok(Self { home })
    }

    /// Where AtoCore's own documents are written.
    pub(super) fn documents(&self) -> PathBuf {
        self.home.join("documents")
    }

    /// Where the snapshot is restored to.
    pub(super) fn restored(&self) -> PathBuf {
        self.home.join(RESTORED)
    }

    /// The folder that the user named, absolute.
    ///
    /// # Errors
    /// When there is no such folder, or it lies in the demo's own.
    pub(super) fn accept(&self, folder: &Path) -> Result<PathBuf, ApiError> {
        let why = match folder.canonicalize() {
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                "it does not exist"
            }
            Err(error) => return Err(io(folder, &error)),
            Ok(absolute) if !absolute.is_dir() => "it is not a folder",
            Ok(absolute) if absolute.starts_with(&self.home) => {
                "it lies in the demo's own folder, which is emptied before every run"
            }
            Ok(absolute) => return Ok(absolute),
        };
        Err(ApiError::new(ErrorCode::RootUnusable, format!("`{}` cannot be read: {why}", folder.display()))
            .with_hint("name a folder of documents, or none for AtoCore's own"))
    }
}

const TEXT: &str = "Made by `atocore demo`, which empties this folder whenever it runs. It can be deleted.\n";

/// What stands in the marker of a folder. It holds for this folder at this place only: a marker that was copied,
/// unpacked or checked out with a folder is none.
fn marker(home: &Path) -> Result<String, ApiError> {
    let found = home.canonicalize().and_then(|path| Ok((fs::metadata(&path)?.ino(), path)));
    let (number, path) = found.map_err(|error| io(home, &error))?;
    Ok(format!("{TEXT}It is number {number} on its disk: {}\n", path.display()))
}

/// Whether this program, run by this user, made the folder for a demo.
fn is_ours(home: &Path) -> Result<bool, ApiError> {
    let path = home.join(MARKER);
    let is_file = matches!(files::kind(&path), Ok(Some(files::Kind::File(_))));
    if !is_file || files::owner(home) != Some(files::user()) || files::owner(&path) != Some(files::user()) {
        return Ok(false);
    }
    let found = files::stream::head(&path, MOST_MARKER_BYTES).map_err(failed)?;
    Ok(found == marker(home)?.as_bytes())
}

/// A marker is shorter.
const MOST_MARKER_BYTES: u64 = 64 << 10;

fn refuse_foreign(home: &Path) -> Result<(), ApiError> {
    let foreign = |why: &str| {
        let message = format!("`{}` is not a folder of the demo: {why}", home.display());
        ApiError::new(ErrorCode::TargetNotEmpty, message)
            .with_hint("run the demo from another folder, or name one for it: `atocore --data-dir DIR demo`")
    };
    let Ok(found) = home.symlink_metadata() else { return Ok(()) };
    if !found.is_dir() {
        return Err(foreign("it is a file or a link"));
    }
    let names = files::list(home).map_err(failed)?;
    // A run that was killed while it wrote the marker has left nothing but a part of it.
    let is_start_of_ours = |path: &PathBuf| {
        files::is_staged(path, &home.join(MARKER))
            && matches!(files::kind(path), Ok(Some(files::Kind::File(_))))
    };
    if names.iter().all(is_start_of_ours) || is_ours(home)? {
        return Ok(());
    }
    if names.iter().any(|path| path.file_name().is_some_and(|name| name == MARKER)) {
        return Err(foreign(
            "its marker was made elsewhere, or by another version; delete it when it is no longer needed",
        ));
    }
    Err(foreign("it holds something, and not the demo's marker"))
}

fn failed(error: files::FileError) -> ApiError {
    atocore_engine::Error::from(error).into()
}

fn io(path: &Path, error: &std::io::Error) -> ApiError {
    ApiError::new(ErrorCode::Io, format!("`{}` cannot be used: {error}", path.display()))
        .with_hint("name a folder that exists and can be read")
}
