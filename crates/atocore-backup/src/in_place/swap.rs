//! The steps of the swap. Each can be done again after a crash at any point of it.

use std::{
    io,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use atocore_storage::{
    files::{self, FileError, Kind, stream},
    layout::Layout,
    sqlite::{SIDECARS, acknowledged_file},
};

use super::journal::{Journal, RestoreRecord, StagedFile};
use crate::{
    BackupError,
    vectors::{INCOMING, PLACING},
};

/// An installation without projects.
const NO_PROJECTS: &[u8] = b"{\"projects\": []}\n";

/// Beside the database, so that one rename puts it in place.
pub(super) fn incoming_database(layout: &Layout) -> PathBuf {
    files::with_ending(&layout.database(), ".restore-incoming")
}

pub(super) fn incoming_registry(layout: &Layout) -> PathBuf {
    layout.restores().join("registry.json")
}

pub(super) fn incoming_vectors(layout: &Layout) -> PathBuf {
    layout.vector_store().join(INCOMING)
}

/// Everything that can lie ready.
fn staged(layout: &Layout) -> [PathBuf; 3] {
    [incoming_database(layout), incoming_registry(layout), incoming_vectors(layout)]
}

/// Whether anything was made ready.
pub(super) fn is_staged(layout: &Layout) -> Result<bool, BackupError> {
    for path in staged(layout) {
        if files::kind(&path)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Throws away what was made ready.
pub(super) fn clear_staged(layout: &Layout) -> Result<(), BackupError> {
    for path in staged(layout) {
        match files::kind(&path)? {
            None => {}
            Some(Kind::Folder) => files::remove_tree(&path)?,
            Some(_) => files::remove_file(&path)?,
        }
    }
    Ok(())
}

/// Refuses to begin where the registry could not be put in its place: the swap would stop half-way. What is made ready
/// of the rest lies in the folder that it goes into, which shows the same of it.
///
/// # Errors
/// When a folder has its name, it is mounted read-only, or nothing can be made beside it.
pub(super) fn refuse_closed_registry(layout: &Layout) -> Result<(), BackupError> {
    let target = files::followed(&layout.registry)?;
    let obstacle = match files::kind(&target)? {
        Some(Kind::Folder) => Some(io::ErrorKind::IsADirectory),
        Some(_) if files::is_on_read_only_disk(&target) => Some(io::ErrorKind::ReadOnlyFilesystem),
        _ => None,
    };
    if let Some(obstacle) = obstacle {
        return Err(FileError { action: "replace", path: target, source: obstacle.into() }.into());
    }
    files::create_dirs_synced(target.parent().unwrap_or(&target))?;
    let probe = files::with_ending(&target, ".restore-probe");
    files::remove_file(&probe)?;
    files::create_new_file(&probe)?;
    Ok(files::remove_file(&probe)?)
}

/// Puts everything that was made ready on disk, names included.
pub(super) fn sync_staged(layout: &Layout, vectors: bool) -> Result<(), BackupError> {
    if vectors {
        files::sync_tree(&incoming_vectors(layout))?;
        files::sync(&layout.vector_store())?;
    }
    for path in [incoming_database(layout), incoming_registry(layout)] {
        if files::kind(&path)?.is_some() {
            files::sync(path.parent().unwrap_or(&path))?;
        }
    }
    Ok(())
}

/// Does what the journal says, from wherever it stands, and closes the journal.
pub(super) fn carry_out(journal: &Journal, layout: &Layout) -> Result<RestoreRecord, BackupError> {
    database(journal, layout)?;
    if let Some(kept) = &journal.replaced.kept {
        keep_registry(&layout.registry, kept)?;
    }
    registry(journal.registry.as_ref(), layout)?;
    if journal.vectors {
        vectors(&layout.vector_store())?;
    }
    journal.close(layout)?;
    clear_staged(layout)?;
    Ok(journal.replaced.clone())
}

fn database(journal: &Journal, layout: &Layout) -> Result<(), BackupError> {
    let (incoming, target) = (incoming_database(layout), layout.database());
    let recorded = &journal.database;
    if files::kind(&incoming)?.is_some() {
        compare(recorded, &incoming)?;
        if let Some(kept) = &journal.replaced.kept {
            keep(&target, kept)?;
        }
        // The log of the state before would be played into the database of another state.
        let sidecars = SIDECARS.map(|sidecar| files::with_ending(&target, sidecar));
        for path in sidecars.into_iter().chain([acknowledged_file(&target)]) {
            put_away(&path, journal.replaced.kept.as_deref())?;
        }
        files::sync(target.parent().unwrap_or(&target))?;
        files::replace(&incoming, &target)?;
    }
    // Also where it lay in place already: only what was recorded may be opened.
    compare(recorded, &target)
}

/// Copies a database and its log aside; what has their names and is no file is moved there. What is not there any more was
/// put aside before a crash.
fn keep(database: &Path, folder: &Path) -> Result<(), BackupError> {
    files::create_dirs_synced(folder)?;
    for path in [database.to_owned(), files::with_ending(database, "-wal")] {
        if files::kind(&path)?.is_none() {
            continue;
        }
        let to = folder.join(path.file_name().unwrap_or_default());
        if matches!(files::kind(&files::followed(&path)?)?, Some(Kind::File(_))) {
            files::remove_file(&to)?;
            let _bytes = files::copy_synced(&path, &to)?;
        } else {
            files::rename(&path, &to)?;
        }
    }
    Ok(files::sync(folder)?)
}

/// Removes a file; a folder of its name goes into `kept`, where there is one.
fn put_away(path: &Path, kept: Option<&Path>) -> Result<(), BackupError> {
    match (files::kind(path)?, kept) {
        (Some(Kind::Folder), Some(kept)) => {
            files::create_dirs_synced(kept)?;
            Ok(files::rename(path, &kept.join(path.file_name().unwrap_or_default()))?)
        }
        (Some(Kind::Folder), None) => Ok(files::remove_tree(path)?),
        _ => Ok(files::remove_file(path)?),
    }
}

/// Copies the registry aside, once: what stands there after a crash may be the restored one already.
fn keep_registry(registry: &Path, folder: &Path) -> Result<(), BackupError> {
    let to = folder.join(registry.file_name().unwrap_or_default());
    match files::read_if_present(registry)? {
        Some(bytes) if !files::exists(&to)? => {
            files::create_dirs_synced(folder)?;
            Ok(files::write_atomic(&to, &bytes)?)
        }
        _ => Ok(()),
    }
}

fn registry(recorded: Option<&StagedFile>, layout: &Layout) -> Result<(), BackupError> {
    // Where it is a link, it stays one.
    let (incoming, target) = (incoming_registry(layout), &files::followed(&layout.registry)?);
    let Some(recorded) = recorded else {
        // Where the file cannot go, because it is a mount point of its own, it says the same.
        return match files::remove_file(target) {
            Err(_) => Ok(files::write_synced(target, NO_PROJECTS)?),
            // Else it could be there again after a power cut, when the journal is not.
            Ok(()) => match target.parent().filter(|folder| folder.is_dir()) {
                Some(folder) => Ok(files::sync(folder)?),
                None => Ok(()),
            },
        };
    };
    if files::kind(&incoming)?.is_some() {
        compare(recorded, &incoming)?;
        files::create_dirs_synced(target.parent().unwrap_or(target))?;
        files::replace(&incoming, target)?;
    }
    compare(recorded, target)
}

/// Empties the folder of the vector store, which itself stays, and moves the copy up into it.
fn vectors(folder: &Path) -> Result<(), BackupError> {
    let (incoming, placing) = (folder.join(INCOMING), folder.join(PLACING));
    if files::kind(&incoming)?.is_some() {
        for path in files::list(folder)? {
            if path == incoming {
                continue;
            }
            match files::kind(&path)? {
                Some(Kind::Folder) => files::remove_tree(&path)?,
                _ => files::remove_file(&path)?,
            }
        }
        // Else the copy could be found under its new name after a power cut beside what was removed.
        files::sync(folder)?;
        files::rename(&incoming, &placing)?;
    }
    if files::kind(&placing)?.is_some() {
        for path in files::list(&placing)? {
            files::rename(&path, &folder.join(path.file_name().unwrap_or_default()))?;
        }
        files::remove_tree(&placing)?;
        files::sync(folder)?;
    }
    Ok(())
}

/// Refuses a file that is not the recorded one.
fn compare(recorded: &StagedFile, path: &Path) -> Result<(), BackupError> {
    let found = stream::digest(path, &mut |_| ControlFlow::Continue(()))?;
    if found == Some((recorded.size_bytes, recorded.digest)) {
        Ok(())
    } else {
        Err(BackupError::CopyDiffers(path.display().to_string()))
    }
}
