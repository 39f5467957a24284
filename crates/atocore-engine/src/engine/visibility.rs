//! What answers show: which generation, whether it is the newest, and waiting until it is.

use std::{
    thread,
    time::{Duration, Instant},
};

use atocore_model::id::{Generation, Mark};
use atocore_storage::sqlite::Store;

use super::Engine;
use crate::error::Error;

/// How often a reader looks whether a generation has come.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

impl Engine {
    /// Whether answers show every committed document, by its words and by the vectors it has.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn is_current(&self) -> Result<bool, Error> {
        let vectors = |store: &Store| self.embedding.is_current(store);
        Ok(self.words_are_current()? && self.store_if_any().map_or(Ok(true), vectors)?)
    }

    /// Whether the word index shows every committed document.
    pub(crate) fn words_are_current(&self) -> Result<bool, Error> {
        let (Some(store), Some(index)) = (&self.store, &self.index) else { return Ok(self.store.is_none()) };
        let mark = index.mark().unwrap_or(Mark { generation: Generation(0), token: 0 });
        store.read(|read| Ok(read.has(mark)? && read.last_document_change()? <= mark.generation))
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
                return Err(Error::GenerationNotReached { wanted: generation, shown });
            }
            match &self.freshness {
                Some(freshness) if self.store()?.generation()? >= generation => {
                    freshness.wait_for(generation, Some(self.config.busy_timeout))?;
                }
                _ => thread::sleep(LOOK_AGAIN),
            }
        }
    }

    /// The generation that answers show now.
    pub(crate) fn shown(&self) -> Result<Option<Generation>, Error> {
        let (Some(store), Some(index)) = (&self.store, &self.index) else { return Ok(None) };
        let mark = match &self.freshness {
            Some(_) => index.mark(),
            None => index.refresh()?,
        };
        let Some(mark) = mark else { return Ok(None) };
        store.read(|read| {
            let current = read.has(mark)? && read.last_document_change()? <= mark.generation;
            Ok(Some(if current { read.generation()? } else { mark.generation }))
        })
    }

    /// Lets answers show a generation before going on.
    pub(crate) fn see(&self, generation: Generation) -> Result<(), Error> {
        self.freshness.as_ref().map_or(Ok(()), |freshness| freshness.wait_for(generation, None))
    }
}
