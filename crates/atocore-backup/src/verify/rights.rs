//! Whether this user may read a snapshot. What it may not read is neither damaged nor missing.

use std::path::Path;

use atocore_storage::files::{self, FileError, FileReader, Kind};

/// Opens every file of a snapshot, and nothing that a link in it leads to.
///
/// # Errors
/// When this user may not read one of them. Whatever else is wrong is for those to say who look at what is in them.
pub(super) fn refuse_unreadable(dir: &Path) -> Result<(), FileError> {
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for path in unless_refused(files::list(&folder))?.unwrap_or_default() {
            match unless_refused(files::kind(&path))?.flatten() {
                Some(Kind::Folder) => folders.push(path),
                Some(Kind::File(_)) => drop(unless_refused(FileReader::open(&path))?),
                _ => {}
            }
        }
    }
    Ok(())
}

/// What was asked for; `None` when it failed for another reason than missing rights.
fn unless_refused<T>(asked: Result<T, FileError>) -> Result<Option<T>, FileError> {
    match asked {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_refused() => Err(error),
        Err(_) => Ok(None),
    }
}
