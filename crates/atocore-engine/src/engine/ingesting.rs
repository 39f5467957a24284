//! Bringing the documents of a project up to date.

use std::path::Path;

use atocore_extract::{ExtractLimits, Extractor, FormatRules};
use atocore_model::{
    monitor::Monitor,
    name::ProjectName,
    refresh::{RefreshOptions, RefreshReport},
};
use atocore_storage::sqlite::{LoggedOperation, StorageError, WriteTransaction};

use super::Engine;
use crate::{
    caller::Caller,
    error::Error,
    ingest::{FileExplanation, Ingestion},
};

impl Engine {
    /// What the settings make of files with certain endings.
    #[must_use]
    pub const fn format_rules(&self) -> &FormatRules {
        &self.config.formats
    }

    /// Brings the documents of a project up to date. Answers show all of it when this returns.
    ///
    /// # Errors
    /// When there is no such project, or the store cannot be written. A file that cannot be read is no error.
    ///
    /// # Durability
    /// What was committed before an error stays; the next run goes on from there.
    ///
    /// # Cancellation
    /// At every file; [`Error::Cancelled`].
    pub fn refresh(
        &self,
        name: &ProjectName,
        caller: Caller,
        monitor: &dyn Monitor,
    ) -> Result<RefreshReport, Error> {
        self.refresh_with(name, RefreshOptions::default(), caller, monitor)
    }

    /// As [`Engine::refresh`], otherwise than usual.
    ///
    /// # Errors
    /// As [`Engine::refresh`].
    pub fn refresh_with(
        &self,
        name: &ProjectName,
        options: RefreshOptions,
        caller: Caller,
        monitor: &dyn Monitor,
    ) -> Result<RefreshReport, Error> {
        let project = self.project(name)?;
        let activity = format!("refresh of {}", project.id);
        let guard = self.ingest_lock.begin(&activity, self.config.clock.now(), self.config.busy_timeout)?;
        let rechunk_in_background =
            self.wants_vectors() && self.store()?.read(|read| read.serving_space())?.is_some();
        if !rechunk_in_background {
            self.apply_rechunked(caller)?;
        }
        let lexical_indexer = self.lexical_indexer.as_ref().ok_or(StorageError::ReadOnly)?;
        let extractor = self.extractor();
        let monitor = guard.watched(monitor, options.gives_way);
        let ingestion = Ingestion {
            lexical_indexer: Some(lexical_indexer),
            options,
            rechunk_in_background,
            ..self.ingestion(&extractor, caller, &monitor)?
        };
        ingestion.refresh(&project, self.projects.registry()?.projects())
    }

    /// Why a file is found or not: what a refresh would say of the file at an absolute path. Changes nothing.
    ///
    /// # Errors
    /// When the registry is not valid, or the store cannot be read.
    ///
    /// # Cancellation
    /// Within the walk; [`Error::Cancelled`].
    pub fn explain_file(&self, path: &Path, monitor: &dyn Monitor) -> Result<FileExplanation, Error> {
        let extractor = self.extractor();
        let ingestion = self.ingestion(&extractor, Caller::Local, monitor)?;
        ingestion.explain(path, self.projects.registry()?.projects())
    }

    fn extractor(&self) -> Extractor {
        Extractor::new(self.config.extract_program.clone(), ExtractLimits::DEFAULT)
    }

    /// An ingestion that changes nothing.
    fn ingestion<'e>(
        &'e self,
        extractor: &'e Extractor,
        caller: Caller,
        monitor: &'e dyn Monitor,
    ) -> Result<Ingestion<'e>, Error> {
        Ok(Ingestion {
            store: self.store()?,
            lexical_indexer: None,
            folders: self.projects.folders(),
            extractor,
            chunks: self.config.chunks,
            max_file_bytes: self.config.max_file_bytes,
            formats: &self.config.formats,
            max_removed_percent: self.config.max_removed_percent,
            options: RefreshOptions::default(),
            rechunk_in_background: false,
            clock: &*self.config.clock,
            caller,
            monitor,
        })
    }

    /// Documents that were rechunked and wait for vectors that nobody wants any more take their places at once.
    fn apply_rechunked(&self, caller: Caller) -> Result<(), Error> {
        let operation = LoggedOperation { interface: caller.interface(), action: "cut_anew", subject: "" };
        if self.store()?.read(|read| read.rechunked_documents())? > 0 {
            let applied = |write: &WriteTransaction<'_>| write.apply_rechunked(None, usize::MAX >> 1);
            self.see(self.store()?.write(&operation, applied)?.version.generation)?;
        }
        Ok(())
    }
}
