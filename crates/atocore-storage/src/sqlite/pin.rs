//! Recovery points: a pinned view of the store that can be copied at leisure while writers go on.
//!
//! Under the write barrier the log is folded into the database and a read transaction is begun. With an empty log
//! that transaction reads the database file alone, and as long as it is open SQLite lets nobody write to that file:
//! commits go to the log. So the file is the recovery point, byte for byte, until the pin is dropped. When the log
//! could not be emptied, because a reader still needs it, the copy goes through SQLite's backup interface instead.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use atocore_model::{id::Generation, monitor::Monitor};
use rusqlite::{Connection, OpenFlags};

use super::{
    ReadTransaction, StorageError, Store, connect,
    copy::{self, Copier},
    lock, migrate,
};

/// What a store says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
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
}

/// A pinned, unchanging view of the store. Writers go on meanwhile; the log grows until it is dropped.
#[derive(Debug)]
pub struct Pin {
    connection: Connection,
    path: PathBuf,
    record: StoreRecord,
    size_bytes: u64,
    pub(super) in_file: bool,
    log_limit: u64,
    pins: Arc<AtomicUsize>,
}

/// The log may grow to this size, or to that of the database, while a pin is held.
const LOG_LIMIT_BYTES: u64 = 512 << 20;

/// How long the barrier waits for readers that still need the log.
const BARRIER_WAIT: Duration = Duration::from_millis(20);

impl Store {
    /// Takes a recovery point: with writers held back, pins the store and runs `also`; then lets them go.
    ///
    /// # Errors
    /// When the store is open for reading only, or cannot be read.
    pub fn recovery_point<T>(&self, also: impl FnOnce() -> T) -> Result<(Pin, T), StorageError> {
        let writer = self.writer.as_ref().ok_or(StorageError::ReadOnly)?;
        let connection = connect(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY, &self.options)?;
        // Most of the log is folded before anybody has to wait.
        let _folded = checkpoint(&lock(writer), "PASSIVE");

        let barrier = lock(writer);
        barrier.busy_timeout(BARRIER_WAIT)?;
        let emptied = checkpoint(&barrier, "TRUNCATE");
        barrier.busy_timeout(self.options.busy_timeout)?;
        let in_file = matches!(emptied, Ok(true)) && log_size(&self.path) == 0;
        connection.execute_batch("BEGIN")?;
        let generation = ReadTransaction { connection: &connection }.generation()?;
        let extra = also();
        let _pins = self.pins.fetch_add(1, Ordering::SeqCst);
        drop(barrier);

        let mut pin = Pin {
            size_bytes: 0,
            log_limit: 0,
            path: self.path.clone(),
            record: StoreRecord {
                store_id: String::new(),
                schema_version: 0,
                generation,
                token: 0,
                documents: 0,
                chunks: 0,
                operations: 0,
                vectors: 0,
                vector_fingerprint: None,
            },
            connection,
            in_file,
            pins: Arc::clone(&self.pins),
        };
        pin.record = read_record(&pin.connection)?;
        let pages: u64 = pin.connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
        let page: u64 = pin.connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
        pin.size_bytes = pages * page;
        pin.log_limit = LOG_LIMIT_BYTES.max(pin.size_bytes);
        Ok((pin, extra))
    }
}

impl Pin {
    /// What the store says of itself at this instant.
    #[must_use]
    pub const fn record(&self) -> &StoreRecord {
        &self.record
    }

    /// Size of the copy to come, in bytes.
    #[must_use]
    pub const fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Copies the pinned view to a new file at `to`.
    ///
    /// # Errors
    /// When the copy cannot be made, the log outgrows its limit meanwhile, or `monitor` calls it off; what is at `to`
    /// is then of no use.
    ///
    /// # Durability
    /// The file is whole and on disk, in journal mode DELETE and without sidecars; its name is durable once its
    /// folder is synced.
    pub fn copy_to(&self, to: &Path, copier: &Copier, monitor: &dyn Monitor) -> Result<(), StorageError> {
        let watch = || match log_size(&self.path) {
            bytes if bytes > self.log_limit => {
                Err(StorageError::LogTooLarge { bytes, limit: self.log_limit })
            }
            _ if monitor.cancelled() => Err(StorageError::Cancelled),
            _ => Ok(()),
        };
        match copier {
            Copier::Child { program, arguments } if self.in_file => {
                copy::in_child(program, arguments, &self.path, to, &watch)?;
            }
            Copier::Child { .. } | Copier::InProcess => copy::stepped(&self.connection, to, monitor, &watch)?,
        }
        copy::settle(to)
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
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
    })
}

/// Size of the write-ahead log in bytes. Looks at the name only: opening the file would drop SQLite's locks.
pub(super) fn log_size(database: &Path) -> u64 {
    let mut log = database.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(log).map_or(0, |data| data.len())
}

/// Folds the log into the database; `true` when all of it was.
pub(super) fn checkpoint(connection: &Connection, mode: &str) -> Result<bool, StorageError> {
    let (busy, log, done): (i64, i64, i64) =
        connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
    Ok(busy == 0 && log == done)
}
