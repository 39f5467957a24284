//! Recovery points: a read snapshot of the store that is copied while writers continue.
//!
//! Under the write barrier a read transaction begins and SQLite reports the size of the log; nothing is written or
//! synced there. Most of the log was checkpointed before, on a separate connection. From then on, what a process
//! without SQLite can copy depends on two numbers: M frames in the log, F of them checkpointed.
//!
//! - **F = M: the file alone.** A checkpoint writes only frames from F up to the lowest read mark, and the read mark of
//!   the snapshot is M, so nobody writes to the file until the snapshot is dropped. (The snapshot may hold read mark 0
//!   instead, "the log is not needed"; then no checkpoint can begin at all, and a writer may restart the log.)
//! - **F < M: the file with the first M frames of the log.** A snapshot that needs the log holds a read mark above 0,
//!   which keeps the log from being restarted, so these frames do not change: writers append. Checkpoints may write to
//!   the file meanwhile, even in the middle of its copy, but only frames up to M, so only pages that the copied frames
//!   overwrite. Checkpointing those frames into the copy makes it the recovery point.
//! - **Unknown**, while another connection recovers the log: through SQLite's backup API.
//!
//! The simpler rule is wrong: that the file alone is the recovery point once a checkpoint behind the snapshot reports
//! F = M. A checkpoint looks at the newest frame of each page in the whole log, and skips the page when that frame lies
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
    CHECKPOINT_BYTES, ReadTransaction, StorageError, Store, connect,
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
    /// The token of that generation; see [`atocore_model::id::StoreVersion`].
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

/// An unchanging view of the store. Writers continue meanwhile; the log grows until the snapshot is dropped.
#[derive(Debug)]
pub struct ReadSnapshot {
    /// In the read transaction that is the snapshot.
    connection: Connection,
    /// Runs checkpoints and reports the state of the log. Never in a transaction.
    checkpoint_conn: Connection,
    path: PathBuf,
    record: StoreRecord,
    size_bytes: u64,
    page: u64,
    /// The log at the instant of the snapshot; `None` when unknown.
    pub(super) log: Option<LogState>,
    log_limit: u64,
    held_back: Duration,
    read_snapshots: Arc<AtomicUsize>,
}

/// The log may grow by this much, or by the size of the database, while a read snapshot is held.
pub(super) const LOG_LIMIT_BYTES: u64 = 512 << 20;

/// The most checkpoints that run when a read snapshot is dropped: each time less was appended meanwhile.
const LAST_CHECKPOINTS: usize = 4;

impl Store {
    /// Takes a recovery point: blocks writers, takes a read snapshot, runs `also`, and unblocks the writers.
    ///
    /// # Errors
    /// When the store is open for reading only, damaged, or cannot be read.
    pub fn recovery_point<T>(&self, also: impl FnOnce() -> T) -> Result<(ReadSnapshot, T), StorageError> {
        self.refuse_damaged()?;
        self.noted(self.take_read_snapshot(also))
    }

    fn take_read_snapshot<T>(&self, also: impl FnOnce() -> T) -> Result<(ReadSnapshot, T), StorageError> {
        let writer = self.writer.as_ref().ok_or(StorageError::ReadOnly)?;
        self.in_place()?;
        let connection = connect(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY, &self.options)?;
        let checkpoint_conn = connect(&self.path, OpenFlags::SQLITE_OPEN_READ_WRITE, &self.options)?;
        checkpoint_conn.pragma_update(None, "synchronous", "FULL")?;
        // What was opened by its name just now must be what is written to.
        self.in_place()?;
        // Whatever takes time happens before anybody has to wait: most of the log is checkpointed, files are opened, the
        // schema is read. Nothing depends on how much could be checkpointed.
        let _state = log::checkpoint(&checkpoint_conn);
        let _generation = ReadTransaction { connection: &connection }.generation()?;

        let barrier = lock(writer);
        let began = Instant::now();
        connection.execute_batch("BEGIN")?;
        let generation = ReadTransaction { connection: &connection }.generation()?;
        // Only after the transaction has begun: a snapshot that needs the log is then known to hold it.
        let log = log::state(&checkpoint_conn)?;
        let extra = also();
        let _pins = self.read_snapshots.fetch_add(1, Ordering::SeqCst);
        let held_back = began.elapsed();
        drop(barrier);

        let mut snapshot = ReadSnapshot {
            size_bytes: 0,
            page: 0,
            log_limit: 0,
            path: self.path.clone(),
            record: StoreRecord { generation, ..StoreRecord::default() },
            connection,
            checkpoint_conn,
            log,
            held_back,
            read_snapshots: Arc::clone(&self.read_snapshots),
        };
        snapshot.record = read_record(&snapshot.connection)?;
        let pages: u64 = snapshot.connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
        snapshot.page = log::page_size(&snapshot.connection)?;
        let log_bytes = snapshot.log.map_or(0, |log| log.bytes(snapshot.page));
        snapshot.size_bytes = pages * snapshot.page + log_bytes;
        snapshot.log_limit = log_bytes + self.log_limit.max(pages * snapshot.page);
        Ok((snapshot, extra))
    }
}

impl ReadSnapshot {
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

    /// How long writers were blocked for it.
    #[must_use]
    pub const fn held_back(&self) -> Duration {
        self.held_back
    }

    /// Whether a process without SQLite has to copy the beginning of the log along with the file.
    #[must_use]
    pub fn needs_log(&self) -> bool {
        self.log.is_none_or(|log| !log.is_checkpointed())
    }

    /// Copies the snapshot to a new file at `to`.
    ///
    /// # Errors
    /// When the copy cannot be made, the log outgrows its limit meanwhile, or `monitor` cancels; the file at `to` is
    /// then useless.
    ///
    /// # Durability
    /// None, until the returned copy is synced. The snapshot can be dropped before.
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
                let has_log =
                    log.is_checkpointed() || child.copy_log(&self.path, to, log.bytes(self.page))?;
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
            let what = format!("the copy is of generation {found}, the snapshot of {expected}");
            return Err(StorageError::Copier(what));
        }
        Ok(copied)
    }

    /// Fails when the copy was cancelled or the log has outgrown its limit.
    fn goes_on(&self, monitor: &dyn Monitor) -> Result<(), StorageError> {
        if monitor.cancelled() {
            return Err(StorageError::Cancelled);
        }
        let bytes = log::state(&self.checkpoint_conn)?.map_or(0, |log| log.bytes(self.page));
        if bytes > self.log_limit {
            return Err(StorageError::LogTooLarge { bytes, limit: self.log_limit });
        }
        Ok(())
    }
}

impl Drop for ReadSnapshot {
    /// Checkpoints what writers appended meanwhile, so that the next writer need not while the others wait for it.
    /// A failure is ignored: a later commit runs the checkpoint.
    fn drop(&mut self) {
        let _ended = self.connection.execute_batch("ROLLBACK");
        for _ in 0..LAST_CHECKPOINTS {
            match log::checkpoint(&self.checkpoint_conn) {
                Ok(Some(log)) if log.bytes_to_checkpoint(self.page) > CHECKPOINT_BYTES => {}
                _ => break,
            }
        }
        let _pins = self.read_snapshots.fetch_sub(1, Ordering::SeqCst);
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
