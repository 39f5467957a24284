//! What a person has brought from elsewhere as a source: a folder with the files, or the package. Needs no network.

use std::path::{Path, PathBuf};

use atocore_model::monitor::Monitor;

use super::{
    FetchError, ModelSource,
    delivery::{Delivery, Interruption},
    package::unpack,
};
use crate::{
    files,
    model::{KnownModel, ModelError, in_hub_cache},
};

/// How the copying shows in progress.
const COPYING: &str = "copying the model";

/// Copies the files from a place on this machine; the place is only read, and what is a link in it is followed.
#[derive(Debug, Clone)]
pub struct LocalCopy {
    path: PathBuf,
}

impl LocalCopy {
    /// Takes the files from a folder that has them, a folder of models (such as the cache of another machine or of the
    /// model hub), or the package.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// The folder that has the files: this one, or the one of the model in it.
    fn folder(&self, model: &KnownModel) -> PathBuf {
        let in_caches = in_hub_cache(&self.path).into_iter();
        let of_the_model = in_caches.filter(|(name, _)| name.eq_ignore_ascii_case(model.hub.name));
        let inner = of_the_model.map(|(_, folder)| folder).chain([self.path.join(model.name)]);
        let has_some = |folder: &PathBuf| model.files.iter().any(|file| folder.join(file.path).exists());
        let mut candidates = [self.path.clone()].into_iter().chain(inner);
        candidates.find(has_some).unwrap_or_else(|| self.path.clone())
    }

    fn copy(&self, model: &KnownModel, delivery: &mut Delivery<'_>) -> Result<(), FetchError> {
        if !self.path.is_dir() {
            return unpack(model, &self.path, delivery);
        }
        let folder = self.folder(model);
        for file in model.files {
            let path = folder.join(file.path);
            let (opened, _) = files::open(&path).map_err(FetchError::Delivered)?;
            delivery.take(file, opened, &path).map_err(|interruption| match interruption {
                Interruption::Source(source) => {
                    FetchError::Delivered(ModelError::Unreadable { path, source })
                }
                Interruption::Final(error) => error,
            })?;
        }
        Ok(())
    }
}

impl ModelSource for LocalCopy {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn download_bytes(&self, _: &KnownModel) -> u64 {
        0
    }

    fn deliver(
        &self,
        model: &'static KnownModel,
        into: &Path,
        _: &Path,
        monitor: &dyn Monitor,
    ) -> Result<(), FetchError> {
        let copied = self.copy(model, &mut Delivery::new(model, into, COPYING, monitor));
        let given = |source| FetchError::Given { name: model.name, path: self.path.clone(), source };
        copied.map_err(|error| match error {
            FetchError::Delivered(source) => given(Box::new(source)),
            FetchError::Package { source, .. } => given(Box::new(source)),
            other => other,
        })
    }
}
