//! Opening the folder of an index, and replacing what is there when it cannot be trusted.

use std::path::Path;

use atocore_model::{
    digest::Digest,
    id::{Generation, StoreVersion},
};

use super::{
    base::{self, BaseWriter},
    index_snapshot::IndexSnapshot,
};
use crate::{
    files::{self, FileError},
    vector::{VectorError, VectorSpace},
};

/// Opens an index to write it; makes an empty one when there is none, or none that can be used. Returns why what was
/// there was thrown away, too.
pub(super) fn open_or_replace(dir: &Path) -> Result<(IndexSnapshot, Option<String>), VectorError> {
    let failed = |source| VectorError::from_file(dir, "opened", source);
    files::create_dirs(dir).map_err(failed)?;
    files::remove_staged(&base::path(dir)).map_err(failed)?;
    remove_first_layout(dir).map_err(failed)?;
    let replaced = match IndexSnapshot::load(dir, None) {
        Err(VectorError::Missing { .. }) => None,
        Err(VectorError::Damaged { why, .. }) => Some(why),
        loaded => return Ok((loaded?, None)),
    };
    let nothing = VectorSpace { fingerprint: Digest::from_bytes([0; 32]), dimensions: 0 };
    let never = StoreVersion { generation: Generation(0), token: 0 };
    BaseWriter::create(dir, nothing).and_then(|writer| writer.publish(dir, never)).map_err(failed)?;
    Ok((IndexSnapshot::load(dir, None)?, replaced))
}

/// Removes the files of the first layout, which had a manifest and numbered files of vectors and of deletions: what was
/// in them is in the store.
fn remove_first_layout(dir: &Path) -> Result<(), FileError> {
    let manifest = dir.join("manifest.json");
    for path in files::list(dir)? {
        let (stem, ending) = (path.file_stem(), path.extension().and_then(|ending| ending.to_str()));
        let is_numbered = stem.and_then(|stem| stem.to_str()).is_some_and(|stem| stem.parse::<u64>().is_ok());
        let is_part = is_numbered && matches!(ending, Some("codes" | "dead"));
        if is_part || path == manifest || files::is_staged(&path, &manifest) {
            // What cannot be removed takes room and does no harm.
            drop(files::remove_file(&path));
        }
    }
    Ok(())
}
