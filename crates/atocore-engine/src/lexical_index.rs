//! The lexical index of an engine: opened as soon as the disk permits it, with the reason why it is behind when it does not.

use std::{
    path::PathBuf,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

use atocore_model::{id::StoreVersion, monitor::Monitor};
use atocore_storage::{
    lexical::{IndexAccess, LexicalError, LexicalIndex},
    sqlite::Store,
};

use crate::behind::IndexFault;

/// The lexical index in one folder.
#[derive(Debug)]
pub(crate) struct LexicalIndexHandle {
    dir: PathBuf,
    access: IndexAccess,
    index: OnceLock<LexicalIndex>,
    /// One at a time opens it.
    opening: Mutex<()>,
    /// Why it could not be brought up to date last; `None` once it was.
    fault: Mutex<Option<IndexFault>>,
}

impl LexicalIndexHandle {
    /// Opens the index in `dir`. One that cannot be opened, on a full disk for example, is tried again with every catch-up; one that a
    /// reader finds missing or damaged is made by the next owner.
    pub(crate) fn open(dir: PathBuf, access: IndexAccess) -> Result<Self, LexicalError> {
        let lexical_index =
            Self { dir, access, index: OnceLock::new(), opening: Mutex::default(), fault: Mutex::default() };
        match lexical_index.opened() {
            Ok(_) => {}
            Err(LexicalError::Missing { .. } | LexicalError::Damaged { .. })
                if access == IndexAccess::Read => {}
            Err(error) => match IndexFault::of_lexical(&lexical_index.dir, &error) {
                Some(fault) => *lock(&lexical_index.fault) = Some(fault),
                None => return Err(error),
            },
        }
        Ok(lexical_index)
    }

    /// The index; `None` while it cannot be opened.
    pub(crate) fn index(&self) -> Option<&LexicalIndex> {
        self.index.get()
    }

    /// Why the index could not be brought up to date last; `None` once it was.
    pub(crate) fn fault(&self) -> Option<IndexFault> {
        lock(&self.fault).clone()
    }

    /// Brings the index to the newest state of the store, as [`LexicalIndex::catch_up`]; opens it first where that could
    /// not be done before.
    pub(crate) fn catch_up(
        &self,
        store: &Store,
        monitor: &dyn Monitor,
    ) -> Result<StoreVersion, LexicalError> {
        let outcome = self.opened().and_then(|index| index.catch_up(store, monitor));
        match &outcome {
            Ok(_) => *lock(&self.fault) = None,
            Err(LexicalError::Cancelled) => {}
            Err(error) => *lock(&self.fault) = IndexFault::of_lexical(&self.dir, error),
        }
        outcome
    }

    fn opened(&self) -> Result<&LexicalIndex, LexicalError> {
        let _one = lock(&self.opening);
        match self.index.get() {
            Some(index) => Ok(index),
            None => {
                let index = LexicalIndex::open(&self.dir, self.access)?;
                Ok(self.index.get_or_init(|| index))
            }
        }
    }
}

/// What a panic left behind is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
