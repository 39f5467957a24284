//! What answers show: which generation, whether it is the newest, and waiting until it is.

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use atocore_model::id::{Generation, StoreVersion};
use atocore_storage::lexical::LexicalIndex;

use super::Engine;
use crate::{
    behind::{IndexFault, LEXICAL_INDEX, VECTORS},
    embedding::VectorStore,
    error::Error,
};

/// How often a reader looks whether a generation has come.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

impl Engine {
    /// Whether answers show every committed document, by its words and by the vectors it has.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn is_current(&self) -> Result<bool, Error> {
        Ok(self.not_current()?.is_empty())
    }

    /// The indexes that do not show every committed document or vector, by name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn not_current(&self) -> Result<Vec<&'static str>, Error> {
        let Some(store) = self.store_if_any()? else { return Ok(Vec::new()) };
        let lexical_index = (!self.lexical_is_current()?).then_some(LEXICAL_INDEX);
        let vectors = (!self.embedding.is_current(store)?).then_some(VECTORS);
        Ok(lexical_index.into_iter().chain(vectors).collect())
    }

    /// Whether the lexical index shows every committed document.
    pub(crate) fn lexical_is_current(&self) -> Result<bool, Error> {
        let Some(store) = &self.store else { return Ok(true) };
        let Some(index) = self.lexical() else { return Ok(false) };
        let version = index.version().unwrap_or(StoreVersion { generation: Generation(0), token: 0 });
        store.read(|read| Ok(read.has(version)? && read.last_document_change()? <= version.generation))
    }

    /// The lexical index; `None` while it cannot be opened.
    pub(super) fn lexical(&self) -> Option<&LexicalIndex> {
        self.lexical_index.as_ref().and_then(|lexical_index| lexical_index.index())
    }

    /// The indexes that this engine could not bring up to date, because the disk does not let it.
    pub(crate) fn index_faults(&self) -> Vec<IndexFault> {
        let lexical_index = self.lexical_index.as_ref().and_then(|lexical_index| lexical_index.fault());
        lexical_index.into_iter().chain(self.embedding.fault()).collect()
    }

    /// The indexes that are behind the store and that the disk does not let be written: those that this engine has tried
    /// in vain, and for one that has not tried, what can be seen without writing.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn indexes_behind(&self) -> Result<Vec<IndexFault>, Error> {
        let Some(store) = self.store_if_any()? else { return Ok(Vec::new()) };
        let mut behind = self.index_faults();
        let mut look = |index: &'static str, dir: &Path| {
            if behind.iter().all(|fault| fault.index != index) {
                behind.extend(IndexFault::seen(index, dir));
            }
        };
        if !self.lexical_is_current()? {
            look(LEXICAL_INDEX, &self.layout().lexical_index());
        }
        if self.config.vectors == VectorStore::Embedded && !self.embedding.is_current(store)? {
            look(VECTORS, &self.layout().vector_index());
        }
        Ok(behind)
    }

    /// Waits until answers show `generation`, at most for the busy timeout.
    pub(super) fn wait_for(&self, generation: Generation) -> Result<(), Error> {
        let started = Instant::now();
        loop {
            let shown = self.shown()?.unwrap_or_default();
            if shown >= generation {
                return Ok(());
            }
            if started.elapsed() >= self.config.busy_timeout {
                let why =
                    self.lexical_index.as_ref().and_then(|lexical_index| lexical_index.fault()).map(Box::new);
                return Err(Error::GenerationNotReached { wanted: generation, shown, why });
            }
            match &self.lexical_indexer {
                Some(lexical_indexer) if self.store()?.generation()? >= generation => {
                    match lexical_indexer.wait_for(generation, Some(self.config.busy_timeout)) {
                        Err(Error::IndexBehind(fault)) => {
                            let shown = self.shown()?.unwrap_or_default();
                            let why = Some(fault);
                            return Err(Error::GenerationNotReached { wanted: generation, shown, why });
                        }
                        waited => waited?,
                    }
                }
                _ => thread::sleep(LOOK_AGAIN),
            }
        }
    }

    /// The generation that answers show now.
    pub(crate) fn shown(&self) -> Result<Option<Generation>, Error> {
        let (Some(store), Some(index)) = (&self.store, self.lexical()) else { return Ok(None) };
        let version = match &self.lexical_indexer {
            Some(_) => index.version(),
            None => index.refresh()?,
        };
        let Some(version) = version else { return Ok(None) };
        store.read(|read| {
            let current = read.has(version)? && read.last_document_change()? <= version.generation;
            Ok(Some(if current { read.generation()? } else { version.generation }))
        })
    }

    /// Says that a generation was committed, and goes on.
    pub(crate) fn tell(&self, generation: Generation) {
        if let Some(lexical_indexer) = &self.lexical_indexer {
            lexical_indexer.notify(generation);
        }
    }

    /// Lets answers show a generation before going on. Where the lexical index cannot be brought up to date, nothing is waited
    /// for: what was committed is, nothing that is gone is found, and answers say what they lack.
    pub(crate) fn see(&self, generation: Generation) -> Result<(), Error> {
        match self
            .lexical_indexer
            .as_ref()
            .map_or(Ok(()), |lexical_indexer| lexical_indexer.wait_for(generation, None))
        {
            Err(Error::IndexBehind(_) | Error::IndexFailed(_) | Error::WorkerFailed(_)) => Ok(()),
            seen => seen,
        }
    }
}
