//! Whether this user may read a snapshot. What it may not read is neither damaged nor missing.

use std::path::{Path, PathBuf};

use atocore_storage::files::{
    FileError,
    beneath::{Beneath, EntryType},
};

/// Opens every file of a snapshot, and nothing that a link in it leads to.
///
/// # Errors
/// When this user may not read one of them. Whatever else is wrong is for those to say who look at what is in them.
pub(super) fn refuse_unreadable(dir: &Path) -> Result<(), FileError> {
    let Ok(dir) = dir.canonicalize() else { return Ok(()) };
    let refused = |below: &Path, error: FileError| match error.is_refused() {
        true => Err(FileError { path: dir.components().chain(below.components()).collect(), ..error }),
        false => Ok(()),
    };
    let beneath = match Beneath::open(&dir) {
        Ok(beneath) => beneath,
        Err(error) => return refused(Path::new(""), error),
    };
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let listing = match beneath.list(&folder) {
            Ok(listing) => listing,
            Err(error) => {
                refused(&folder, error)?;
                continue;
            }
        };
        for (name, entry_type) in listing.entries() {
            let path = folder.join(name);
            match entry_type {
                EntryType::Folder => folders.push(path),
                EntryType::File => beneath.head(&path, 0).map(drop).or_else(|error| refused(&path, error))?,
                EntryType::Link | EntryType::Special => {}
            }
        }
    }
    Ok(())
}
