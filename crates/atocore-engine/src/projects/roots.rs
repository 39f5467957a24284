//! From a root in the registry to a folder on the disk, links resolved, never outside what it may name.

use std::{
    io,
    path::{Path, PathBuf},
};

use atocore_model::{
    id::ProjectId,
    project::{Project, Root, RootLocation},
    refresh::RootSkip,
};
use atocore_storage::files;

/// The folders that `vault` and `drive` stand for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Folders {
    pub(crate) vault: Option<PathBuf>,
    pub(crate) drive: Option<PathBuf>,
}

/// A root and what can be said of it without reading its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceStatus {
    /// The project, by its id.
    pub project: String,
    /// The root as registered.
    pub root: Root,
    /// The folder it stands for; empty when that is not known.
    pub folder: String,
    /// Why it cannot be read; `None` when it can.
    pub problem: Option<RootSkip>,
}

impl Folders {
    /// The canonical folder of a root, or why there is none to read.
    pub(crate) fn resolve(&self, location: &RootLocation) -> Result<PathBuf, RootSkip> {
        let (base, subpath) = match location {
            RootLocation::Vault(subpath) => (&self.vault, subpath),
            RootLocation::Drive(subpath) => (&self.drive, subpath),
            RootLocation::Folder(folder) => return existing_folder(folder),
        };
        let base = existing_folder(base.as_ref().ok_or(RootSkip::NotConfigured)?)?;
        let folder = existing_folder(&base.join(subpath.as_str()))?;
        if folder.starts_with(&base) { Ok(folder) } else { Err(RootSkip::Outside) }
    }

    /// The folder that the root would have, whether or not it is there; for showing to a person.
    pub(crate) fn named(&self, location: &RootLocation) -> Option<PathBuf> {
        match location {
            RootLocation::Vault(subpath) => self.vault.as_ref().map(|base| base.join(subpath.as_str())),
            RootLocation::Drive(subpath) => self.drive.as_ref().map(|base| base.join(subpath.as_str())),
            RootLocation::Folder(folder) => Some(folder.clone()),
        }
    }

    /// The roots of a project, whether it is registered or not.
    pub(crate) fn sources(&self, project: &Project) -> Vec<SourceStatus> {
        let source = |root: &Root| {
            let resolved = self.resolve(&root.location);
            let folder =
                resolved.as_ref().ok().cloned().or_else(|| self.named(&root.location)).unwrap_or_default();
            SourceStatus {
                project: project.id.as_str().to_owned(),
                root: root.clone(),
                folder: folder.to_string_lossy().into_owned(),
                problem: resolved.err(),
            }
        };
        project.roots.iter().map(source).collect()
    }

    /// Every root of every project that is there, with its owner: what a walk must leave to others. One that does not
    /// answer is where its name says.
    pub(crate) fn claims(&self, projects: &[Project]) -> Vec<(PathBuf, ProjectId)> {
        let claim = |project: &Project| {
            let folder = |root: &Root| match self.resolve(&root.location) {
                Err(RootSkip::NoAnswer) => self.named(&root.location),
                resolved => resolved.ok(),
            };
            let resolved = project.roots.iter().filter_map(folder);
            resolved.map(|folder| (folder, project.id.clone())).collect::<Vec<_>>()
        };
        projects.iter().flat_map(claim).collect()
    }
}

fn existing_folder(folder: &Path) -> Result<PathBuf, RootSkip> {
    let look = |folder: &Path| folder.canonicalize().map(|canonical| (canonical.is_dir(), canonical));
    let (is_folder, canonical) =
        files::in_time(folder, look).ok_or(RootSkip::NoAnswer)?.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => RootSkip::Missing,
            io::ErrorKind::NotADirectory => RootSkip::NotAFolder,
            _ => RootSkip::Unreadable(error.to_string()),
        })?;
    if is_folder { Ok(canonical) } else { Err(RootSkip::NotAFolder) }
}

/// Why a root cannot be read, for a person.
pub(crate) fn in_words(skip: &RootSkip) -> String {
    match skip {
        RootSkip::Missing => "there is no such folder".to_owned(),
        RootSkip::NotAFolder => "it is not a folder".to_owned(),
        RootSkip::NotConfigured => "the folder it lies in is not configured".to_owned(),
        RootSkip::Outside => "by links it leads out of the folder it must lie in".to_owned(),
        RootSkip::NoAnswer => "its file system does not answer".to_owned(),
        RootSkip::Unreadable(_) | RootSkip::DocumentsGone { .. } => skip.detail(),
    }
}
