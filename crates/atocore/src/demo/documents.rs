//! AtoCore's own documents, compiled into the program, so that the demo has something real to read anywhere.

use std::path::{Path, PathBuf};

use atocore_engine::files;

use crate::operations::ApiError;

/// Declares documents by their path from the top of the repository.
macro_rules! documents {
    ($($path:literal)*) => {
        &[$(($path, include_str!(concat!("../../../../", $path))),)*]
    };
}

/// Path and text of every document but the reference pages, which are made from this program and answer no question of
/// how and why.
const ALL: &[(&str, &str)] = documents! {
    "ARCHITECTURE.md"
    "README.md"
    "docs/adding-an-operation.md"
    "docs/backup-format.md"
    "docs/chroma.md"
    "docs/clients.md"
    "docs/configuration.md"
    "docs/context-pack.md"
    "docs/decisions/0001-dependencies.md"
    "docs/decisions/0002-sqlite-is-the-truth.md"
    "docs/decisions/0003-snapshot-by-child-under-pin.md"
    "docs/decisions/0004-live-statistics.md"
    "docs/decisions/0005-deepest-root-owns-a-file.md"
    "docs/decisions/0006-data-dir-holds-everything.md"
    "docs/decisions/0007-vectors-belong-to-texts.md"
    "docs/decisions/0008-questions-in-toml.md"
    "docs/decisions/0009-cosines-are-divided-not-shifted.md"
    "docs/decisions/0010-restore-by-journal.md"
    "docs/decisions/0011-chroma.md"
    "docs/decisions/0012-full-disk.md"
    "docs/decisions/0013-a-pack-is-exact.md"
    "docs/decisions/0014-one-form-of-text.md"
    "docs/decisions/0015-base-and-log.md"
    "docs/decisions/0016-extraction.md"
    "docs/decisions/0017-links-do-not-rank.md"
    "docs/decisions/0018-a-fit-beside-the-score.md"
    "docs/decisions/README.md"
    "docs/errors.md"
    "docs/evaluation.md"
    "docs/facts.md"
    "docs/from-the-original.md"
    "docs/http-api.md"
    "docs/manifesto.md"
    "docs/measurements.md"
    "docs/models.md"
    "docs/retention.md"
    "docs/retrieval.md"
    "docs/safety.md"
    "docs/style.md"
    "docs/what-is-read.md"
};

/// Writes every document below `folder`.
///
/// # Errors
/// When one cannot be written.
pub(super) fn write_below(folder: &Path) -> Result<PathBuf, ApiError> {
    let failed = |error: files::FileError| ApiError::from(atocore_engine::Error::from(error));
    for (path, text) in ALL {
        let path = folder.join(path);
        files::create_dirs(path.parent().unwrap_or(folder)).map_err(failed)?;
        files::write_synced(&path, text.as_bytes()).map_err(failed)?;
    }
    Ok(folder.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn markdown_below(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                markdown_below(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }

    #[test]
    fn the_program_holds_every_document_of_the_repository_but_the_reference_pages() {
        let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut found = vec![top.join("ARCHITECTURE.md"), top.join("README.md")];
        markdown_below(&top.join("docs"), &mut found);
        let mut on_disk: Vec<_> =
            found.iter().map(|path| path.strip_prefix(&top).unwrap().to_str().unwrap().to_owned()).collect();
        on_disk.retain(|path| !path.ends_with("-reference.md"));
        on_disk.sort();
        let held: Vec<_> = ALL.iter().map(|(path, _)| (*path).to_owned()).collect();
        assert_eq!(held, on_disk);
    }
}
