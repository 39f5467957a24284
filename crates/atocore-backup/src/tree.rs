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

/// Whether a file is one that an operating system leaves in every folder it shows: nobody asked for it, and it says
/// nothing about what lies beside it.
pub(crate) fn is_leaving(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let known = [".DS_Store", "Thumbs.db", "desktop.ini"];
    name.starts_with("._") || known.iter().any(|known| name.eq_ignore_ascii_case(known))
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
