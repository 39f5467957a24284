//! Walking a folder without following links or opening anything.

use std::path::{Path, PathBuf};

use atocore_model::path::SourcePath;
use atocore_storage::files::{self, FileError, Kind};

use crate::manifest::recordable;

/// Something found below a folder.
#[derive(Debug)]
pub(crate) struct TreeEntry {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// The same below the folder that is walked; `None` when its name cannot stand in a record.
    pub(crate) relative: Option<SourcePath>,
    /// The same for a person.
    pub(crate) shown: String,
    /// What it is.
    pub(crate) kind: Kind,
}

/// Tells `each` about everything below `dir`, a folder before what is in it, in the order of the names; what cannot
/// be looked at is told as an error, with its path for a person, and the walk goes on.
pub(crate) fn walk<E>(
    dir: &Path,
    each: &mut dyn FnMut(Result<TreeEntry, (String, FileError)>) -> Result<(), E>,
) -> Result<(), E> {
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        let names = match files::list(&folder) {
            Ok(names) => names,
            Err(error) => {
                each(Err((shown(dir, &folder), error)))?;
                continue;
            }
        };
        let first = folders.len();
        for path in names {
            let shown = shown(dir, &path);
            match files::kind(&path) {
                // It is gone since the folder was listed.
                Ok(None) => {}
                Ok(Some(kind)) => {
                    if kind == Kind::Folder {
                        folders.push(path.clone());
                    }
                    let relative = path.strip_prefix(dir).ok().and_then(Path::to_str).and_then(recordable);
                    each(Ok(TreeEntry { path, relative, shown, kind }))?;
                }
                Err(error) => each(Err((shown, error)))?,
            }
        }
        folders[first..].reverse();
    }
    Ok(())
}

/// As [`walk`], past what an operating system left.
pub(crate) fn walk_own<E>(
    dir: &Path,
    each: &mut dyn FnMut(Result<TreeEntry, (String, FileError)>) -> Result<(), E>,
) -> Result<(), E> {
    walk(dir, &mut |entry| {
        let is_leaving = match &entry {
            Ok(entry) => is_leaving(&entry.shown, entry.kind),
            Err((shown, _)) => is_leaving(shown, Kind::Folder),
        };
        if is_leaving { Ok(()) } else { each(entry) }
    })
}

/// Whether something is left by an operating system, or in a folder that is; see [`files::is_leaving`].
pub(crate) fn is_leaving(path: &str, kind: Kind) -> bool {
    let mut names = path.split('/');
    let name = names.next_back().unwrap_or_default();
    files::is_leaving(name, kind) || names.any(|folder| files::is_leaving(folder, Kind::Folder))
}

/// A path below `dir` for a person.
fn shown(dir: &Path, path: &Path) -> String {
    path.strip_prefix(dir).unwrap_or(path).to_string_lossy().into_owned()
}

/// What a kind is called when it is in the way.
pub(crate) const fn in_words(kind: Kind) -> &'static str {
    match kind {
        Kind::File(_) => "a file",
        Kind::Folder => "a folder",
        Kind::Link => "a symbolic link",
        Kind::Special => "a pipe, socket or device",
    }
}
