//! Recovery points: a pinned view of the store that can be copied at leisure while writers go on.
//!
//! Under the write barrier a read transaction is begun and SQLite is asked how far the log has come; nothing is
//! written or synced there. Most of the log was folded into the database before, on a connection of its own. From
//! then on, what a process without SQLite can copy depends on those two numbers, M frames in the log, F of them in the
//! database file:
//!
//! - **F = M: the file alone.** A checkpoint writes only frames from F up to the lowest mark of a reader, and the mark
//!   of the pin is M, so nobody writes to the file until the pin is dropped. (The pin may hold mark 0 instead, "the log
//!   is not needed"; then no checkpoint can begin at all, and a writer may start the log again from its beginning.)
//! - **F < M: the file with the first M frames of the log.** A pin that needs the log holds a mark above 0, and with
//!   one of those held nobody starts the log again, so these frames stay as they are: writers append. Checkpoints may
//!   write to the file meanwhile, even in the middle of its copy, but only frames up to M, so only pages that the
//!   copied frames bring again. Folding those frames into the copy makes it the recovery point.
//! - **Unknown**, when somebody is just recovering the log: through SQLite's backup interface.
//!
//! Not true is what looks simpler: that once a checkpoint behind the pin says F = M, the file alone is the recovery
//! point. A checkpoint looks at the newest frame of each page in the whole log, and skips the page when that frame lies
//! beyond M, although an older one does not. SQLite then finds the older one in the log; the file does not have it.
//!
//! (In SQLite's wal.c: `walCheckpoint`, `walIteratorNext`, `walTryBeginRead`, `walRestartLog`.)

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use atocore_model::{id::Generation, monitor::Monitor};
use rusqlite::{Connection, OpenFlags};

use super::{
    ReadTransaction, StorageError, Store, WAL_FOLD_BYTES, connect,
    copy::{self, Copier, UnsyncedCopy},
    lock,
    log::{self, LogState},
    migrate,
};
use crate::files;

/// What a store says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoreRecord {
    /// Its name; a restored store keeps it.
    pub store_id: String,
    /// Its schema.
    pub schema_version: u32,
    /// Its generation.
    pub generation: Generation,
    /// The token of that generation; see [`atocore_model::id::Mark`].
    pub token: u64,
    /// Number of documents.
    pub documents: u64,
    /// Number of passages.
    pub chunks: u64,
    /// Number of lines in the operation log.
    pub operations: u64,
    /// Number of vectors, of all models.
    pub vectors: u64,
    /// What the vectors that answers use were made with, in hexadecimal; `None` when there are none.
    pub vector_fingerprint: Option<String>,
    /// Number of entries of project state, whether they hold or not.
    pub project_state: u64,
    /// Number of memories, whether they count or not.
    pub memories: u64,
    /// Number of interactions.
    pub interactions: u64,
    /// Number of lines in the journal of facts.
    pub fact_changes: u64,
}

/// A pinned, unchanging view of the store. Writers go on meanwhile; the log grows until it is dropped.
#[derive(Debug)]
pub struct Pin {
    /// In the read transaction that is the pin.
    connection: Connection,
    /// Folds the log, and tells how far it is. Never in a transaction.
    folder: Connection,
    path: PathBuf,
    record: StoreRecord,
    size_bytes: u64,
    page: u64,
    /// The log at the instant of the pin; `None` when that could not be told.
    pub(super) log: Option<LogState>,
    log_limit: u64,
    held_back: Duration,
    pins: Arc<AtomicUsize>,
}

/// The log may grow by so much, or by the size of the database, while a pin is held.
pub(super) const LOG_LIMIT_BYTES: u64 = 512 << 20;

/// A pin that is dropped folds the log so many times at most: each time less was appended meanwhile.
const LAST_FOLDS: usize = 4;

impl Store {
    /// Takes a recovery point: with writers held back, pins the store and runs `also`; then lets them go.
    ///
    /// # Errors
    /// When the store is open for reading only, damaged, or cannot be read.
    pub fn recovery_point<T>(&self, also: impl FnOnce() -> T) -> Result<(Pin, T), StorageError> {
        self.refuse_damaged()?;
        self.noted(self.pinned(also))
    }

    fn pinned<T>(&self, also: impl FnOnce() -> T) -> Result<(Pin, T), StorageError> {
        let writer = self.writer.as_ref().ok_or(StorageError::ReadOnly)?;
        self.in_place()?;
        let connection = connect(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY, &self.options)?;
        let folder = connect(&self.path, OpenFlags::SQLITE_OPEN_READ_WRITE, &self.options)?;
        folder.pragma_update(None, "synchronous", "FULL")?;
        // What was opened by its name just now must be what is written to.
        self.in_place()?;
        // Whatever takes time happens before anybody has to wait: most of the log is folded, files are opened, the
        // schema is read. Nothing depends on how much could be folded.
        let _folded = log::fold(&folder);
        let _generation = ReadTransaction { connection: &connection }.generation()?;

        let barrier = lock(writer);
        let began = Instant::now();
        connection.execute_batch("BEGIN")?;
        let generation = ReadTransaction { connection: &connection }.generation()?;
        // Only after the transaction has begun: a pin that needs the log is then known to hold it.
        let log = log::state(&folder)?;
        let extra = also();
        let _pins = self.pins.fetch_add(1, Ordering::SeqCst);
        let held_back = began.elapsed();
        drop(barrier);

        let mut pin = Pin {
            size_bytes: 0,
            page: 0,
            log_limit: 0,
            path: self.path.clone(),
            record: StoreRecord { generation, ..StoreRecord::default() },
            connection,
            folder,
            log,
            held_back,
            pins: Arc::clone(&self.pins),
        };
        pin.record = read_record(&pin.connection)?;
        let pages: u64 = pin.connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
        pin.page = log::page_size(&pin.connection)?;
        let log_bytes = pin.log.map_or(0, |log| log.bytes(pin.page));
        pin.size_bytes = pages * pin.page + log_bytes;
        pin.log_limit = log_bytes + self.log_limit.max(pages * pin.page);
        Ok((pin, extra))
    }
}

impl Pin {
    /// What the store says of itself at this instant.
    #[must_use]
    pub const fn record(&self) -> &StoreRecord {
        &self.record
    }

    /// What the copy to come takes on the disk at most, in bytes.
    #[must_use]
    pub const fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// How long writers were held back for it.
    #[must_use]
    pub const fn held_back(&self) -> Duration {
        self.held_back
    }

    /// Whether a process without SQLite has to copy the beginning of the log along with the file.
    #[must_use]
    pub fn needs_log(&self) -> bool {
        self.log.is_none_or(|log| !log.is_folded())
    }

    /// Copies the pinned view to a new file at `to`.
    ///
    /// # Errors
    /// When the copy cannot be made, the log outgrows its limit meanwhile, or `monitor` calls it off; what is at `to`
    /// is then of no use.
    ///
    /// # Durability
    /// None, until what is returned is synced. The pin can be dropped before.
    pub fn copy_to(
        &self,
        to: &Path,
        copier: &Copier,
        monitor: &dyn Monitor,
    ) -> Result<UnsyncedCopy, StorageError> {
        let watch = || self.goes_on(monitor);
        match (copier, self.log) {
            (Copier::Child { program, arguments }, Some(log)) => {
                let child = copy::Child { program, arguments, watch: &watch };
                let has_log = log.is_folded() || child.copy_log(&self.path, to, log.bytes(self.page))?;
                if !(has_log && child.copy(&self.path, to)?) {
                    files::remove_file(&log::path(to))?;
                    copy::stepped(&self.connection, to, monitor, &watch)?;
                }
            }
            (Copier::Child { .. }, None) | (Copier::InProcess, _) => {
                copy::stepped(&self.connection, to, monitor, &watch)?;
            }
        }
        let copied = UnsyncedCopy::settle(to)?;
        let found = copy::generation(to)?;
        if found != self.record.generation {
            let (expected, found) = (self.record.generation.0, found.0);
            let what = format!("the copy is of generation {found}, pinned was {expected}");
            return Err(StorageError::Copier(what));
        }
        Ok(copied)
    }

    /// Whether the copy goes on: nobody called it off, and the log has not outgrown its limit.
    fn goes_on(&self, monitor: &dyn Monitor) -> Result<(), StorageError> {
        if monitor.cancelled() {
            return Err(StorageError::Cancelled);
        }
        let bytes = log::state(&self.folder)?.map_or(0, |log| log.bytes(self.page));
        if bytes > self.log_limit {
            return Err(StorageError::LogTooLarge { bytes, limit: self.log_limit });
        }
        Ok(())
    }
}

impl Drop for Pin {
    /// What writers have appended meanwhile is folded here, and not by the next of them while the others wait for it.
    /// Failing to is no fault: a later commit folds it.
    fn drop(&mut self) {
        let _ended = self.connection.execute_batch("ROLLBACK");
        for _ in 0..LAST_FOLDS {
            match log::fold(&self.folder) {
                Ok(Some(log)) if log.unfolded_bytes(self.page) > WAL_FOLD_BYTES => {}
                _ => break,
            }
        }
        let _pins = self.pins.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Reads what a store says of itself through any connection to it.
pub(super) fn read_record(connection: &Connection) -> Result<StoreRecord, StorageError> {
    let count = |table: &str| {
        connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, u64>(0))
    };
    let (store_id, generation, token) = connection.query_row(
        "SELECT s.store_id, s.generation, coalesce(o.token, 0)
         FROM store s LEFT JOIN operations o ON o.generation = s.generation",
        [],
        |row| Ok((row.get(0)?, Generation(row.get(1)?), row.get(2)?)),
    )?;
    let schema_version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let (vectors, vector_fingerprint) = if schema_version >= migrate::SCHEMA_WITH_VECTORS {
        let fingerprint = connection.query_row(
            "SELECT (SELECT lower(hex(fingerprint)) FROM embedding_spaces WHERE id = serving_space) FROM store",
            [],
            |row| row.get(0),
        )?;
        (count("embeddings")?, fingerprint)
    } else {
        (0, None)
    };
    let facts = |table: &str| {
        if schema_version >= migrate::SCHEMA_WITH_FACTS { count(table) } else { Ok(0) }
    };
    Ok(StoreRecord {
        store_id,
        schema_version,
        generation,
        token,
        documents: count("source_documents")?,
        chunks: count("source_chunks")?,
        operations: count("operations")?,
        vectors,
        vector_fingerprint,
        project_state: facts("project_state")?,
        memories: facts("memories")?,
        interactions: facts("interactions")?,
        fact_changes: facts("fact_changes")?,
    })
}

#[cfg(test)]
mod tests;
