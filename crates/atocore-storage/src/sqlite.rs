//! The machine store: one SQLite database, the only truth.
//!
//! Writers take turns; readers never wait for them, nor they for readers. Every committed change moves the store one
//! generation on and leaves a line in the operation log; bookkeeping, which no answer is made from, does neither.

mod acknowledged;
mod chunk_keys;
mod chunks;
mod commit_dates;
pub mod copy;
mod damage;
mod document_list;
mod document_places;
mod documents;
mod embeddings;
mod error;
mod facts;
mod front_matter;
mod in_place;
pub mod inspect;
mod links;
mod log;
mod migrate;
mod operations;
mod questions;
mod read_snapshot;
mod rechunk;
mod refreshes;
mod schema;
mod source;
mod texts;
mod upgrade;
mod write;

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use atocore_model::{id::Generation, time::Clock};
use rusqlite::{Connection, OpenFlags, config::DbConfig, limits::Limit};

pub use acknowledged::acknowledged_file;
pub use chunk_keys::{ChunkDocument, ChunkKey};
pub use chunks::StoredChunk;
pub use commit_dates::{CommitDate, CommittedDocument, DatedWorkTree};
pub use document_list::ListedDocument;
pub use document_places::DocumentPlace;
pub use documents::{DocumentRow, IngestedDocument, StoredChunks};
pub use embeddings::{NewSpace, PendingChunk, SpaceRow, StoreVectors, VectorCounts};
pub use error::{ReadError, StorageError, WriteError};
pub use facts::FactCounts;
pub use links::LinkableDocument;
pub(crate) use migrate::APPLICATION_ID;
pub use migrate::SCHEMA_VERSION;
pub use operations::{BACKGROUND, LoggedOperation};
pub use read_snapshot::{ReadSnapshot, StoreRecord};
pub use refreshes::RefreshRecord;
pub(crate) use schema::refuse_programs;
pub use texts::{PassageText, StoredDocument};
pub use upgrade::Upgrade;
pub use write::{BookkeepingTransaction, Committed, WriteTransaction};

use self::{acknowledged::Acknowledged, in_place::refuse_what_is_no_file};
use crate::{
    files::{self, FileError, Placed},
    locks::OwnerLock,
};

/// The oldest SQLite without the WAL-reset corruption.
const OLDEST_SQLITE: i32 = 3_051_003;

/// Run a checkpoint once this much of the write-ahead log is not in the database yet.
const CHECKPOINT_BYTES: u64 = 4 << 20;

/// The file of the log is cut down to this when the log starts again from its beginning.
const WAL_KEPT_BYTES: u64 = 2 * CHECKPOINT_BYTES;

/// The endings of what SQLite keeps beside a database: its log, the memory that processes share, and the journal of another
/// mode.
pub const SIDECARS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// The number of a row as SQLite counts them; one beyond that is one that there is not.
fn row_id(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// How long to wait for a lock of SQLite's own.
    pub busy_timeout: Duration,
    /// Where times come from.
    pub clock: Arc<dyn Clock>,
}

/// An open store. Cheap to share between threads.
pub struct Store {
    path: PathBuf,
    options: StoreOptions,
    // Closed before the writer: only a writing connection that closes last checkpoints and removes the log.
    readers: Mutex<Vec<Connection>>,
    writer: Option<Mutex<Connection>>,
    /// The size of a page.
    page: u64,
    log_limit: u64,
    read_snapshots: Arc<AtomicUsize>,
    /// What must stay where it is for a commit to count: the database, what SQLite keeps beside it, the owner's lock.
    placed: Vec<Placed>,
    /// The damage that was met since it was opened.
    damage: OnceLock<String>,
    upgrade: Option<Upgrade>,
    /// The database file, and the size of it, which never shrinks while it is open.
    database: Option<Placed>,
    size: AtomicU64,
    /// Where what is acknowledged is noted; `None` where nothing can be written, or is going to be.
    acknowledged: Option<Acknowledged>,
    /// Nobody can write to the disk that it is on: SQLite then needs neither a lock nor a log.
    unchanging: bool,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the store for writing, creating or upgrading it when needed. The caller holds the owner lock.
    ///
    /// # Errors
    /// When SQLite is too old, the file is not a store, is newer than this program, or cannot be opened.
    pub fn open(path: &Path, options: StoreOptions) -> Result<Self, StorageError> {
        Self::open_or_create(path, options, None).map_err(|error| error.at(path))
    }

    /// As [`Store::open`]. A store of an older schema is copied into the folder `keep` before it is upgraded, where the
    /// newest such copy stays; [`Store::upgrade`] then says so.
    ///
    /// # Errors
    /// As [`Store::open`]; or when there is no room for the copy. The store is not upgraded then.
    pub fn open_keeping(path: &Path, options: StoreOptions, keep: &Path) -> Result<Self, StorageError> {
        Self::open_or_create(path, options, Some(keep)).map_err(|error| error.at(path))
    }

    fn open_or_create(path: &Path, options: StoreOptions, keep: Option<&Path>) -> Result<Self, StorageError> {
        refuse_old_sqlite()?;
        if let Some(folder) = path.parent() {
            files::create_dirs_synced(folder)?;
        }
        refuse_what_is_no_file(path)?;
        let mut writer =
            connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE, &options)?;
        // A log of which SQLite reads a part stays as it is when the store is not opened.
        let _kept = writer.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        let version = migrate::check(&writer)?;
        if version > 0 {
            schema::compare(&writer, version)?;
            acknowledged::insist(path, &writer)?;
        }
        let _kept = writer.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
        let _mode: String = writer.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
        writer.pragma_update(None, "synchronous", "FULL")?;
        // `checkpoint` does it, which knows about read snapshots.
        writer.pragma_update(None, "wal_autocheckpoint", 0)?;
        let _kept: u64 =
            writer.pragma_update_and_check(None, "journal_size_limit", WAL_KEPT_BYTES, |row| row.get(0))?;
        let upgrade = (1..SCHEMA_VERSION).contains(&version).then(|| {
            let kept = keep.map(|folder| upgrade::keep(&writer, version, folder)).transpose()?;
            Ok::<_, StorageError>(Upgrade { from: version, kept })
        });
        let upgrade = upgrade.transpose()?;
        let _upgraded =
            migrate::migrate(&mut writer, &operations::new_store_id()?, &options.clock.now().to_string())?;
        let page = log::page_size(&writer)?;
        let now = ReadTransaction { connection: &writer }.version()?;
        let mut placed = Vec::new();
        for file in with_sidecars(path) {
            placed.extend(Placed::at(&file)?);
        }
        Ok(Self {
            path: path.to_owned(),
            options,
            readers: Mutex::default(),
            page,
            log_limit: read_snapshot::LOG_LIMIT_BYTES,
            writer: Some(Mutex::new(writer)),
            read_snapshots: Arc::default(),
            placed,
            damage: OnceLock::new(),
            upgrade,
            database: Placed::at(path)?,
            size: AtomicU64::default(),
            acknowledged: Acknowledged::begin(path, now),
            unchanging: false,
        })
    }

    /// What opening it did about an older schema; `None` when it had none.
    #[must_use]
    pub const fn upgrade(&self) -> Option<&Upgrade> {
        self.upgrade.as_ref()
    }

    /// The store that commits only while `lock` is the lock that keeps other owners out.
    #[must_use]
    pub fn owned_by(mut self, lock: &OwnerLock) -> Self {
        self.placed.push(lock.placed().clone());
        self
    }

    /// Opens the store for reading only, beside an owner or without one.
    ///
    /// # Errors
    /// As [`Store::open`]; and when there is no store or it has an older schema.
    pub fn open_read_only(path: &Path, options: StoreOptions) -> Result<Self, StorageError> {
        Self::open_to_read(path, options, false)
    }

    /// As [`Store::open_read_only`], for a store that was closed cleanly on a disk that nobody can write to. The caller
    /// keeps owners away meanwhile: what is read is not protected against writers.
    ///
    /// # Errors
    /// As [`Store::open_read_only`].
    pub fn open_unchanging(path: &Path, options: StoreOptions) -> Result<Self, StorageError> {
        Self::open_to_read(path, options, true)
    }

    fn open_to_read(path: &Path, options: StoreOptions, unchanging: bool) -> Result<Self, StorageError> {
        refuse_old_sqlite()?;
        if !files::exists(path)? {
            return Err(StorageError::Missing(path.to_owned()));
        }
        refuse_what_is_no_file(path)?;
        let store = Self {
            path: path.to_owned(),
            options,
            readers: Mutex::default(),
            page: 0,
            log_limit: 0,
            writer: None,
            read_snapshots: Arc::default(),
            placed: Vec::new(),
            damage: OnceLock::new(),
            upgrade: None,
            database: Placed::at(path)?,
            size: AtomicU64::default(),
            acknowledged: None,
            unchanging,
        };
        let opening = || {
            let reader = store.reader()?;
            match migrate::check(&reader)? {
                SCHEMA_VERSION => {
                    schema::compare(&reader, SCHEMA_VERSION)?;
                    acknowledged::insist(path, &reader)?;
                    Ok(reader)
                }
                found => {
                    if found > 0 {
                        schema::compare(&reader, found)?;
                    }
                    Err(StorageError::Older { found, known: SCHEMA_VERSION })
                }
            }
        };
        let reader = opening().map_err(|error| error.at(&store.path))?;
        store.give_back(reader);
        Ok(store)
    }

    /// The store with another limit for what its log may grow by while a recovery point is copied: so many bytes, or the
    /// size of the database when that is more. Reaching it ends the copy, not the writers.
    #[must_use]
    pub const fn with_log_limit(mut self, bytes: u64) -> Self {
        self.log_limit = bytes;
        self
    }

    /// The database file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `body` on one unchanging view of the store.
    ///
    /// # Errors
    /// What `body` returns, or why the store cannot be read.
    pub fn read<T, E: ReadError>(
        &self,
        body: impl FnOnce(&ReadTransaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.refuse_cut_off()?;
        let mut connection = self.noted(self.reader()).map_err(|error| error.at(&self.path))?;
        let result = read_in(&mut connection, body);
        self.give_back(connection);
        self.noted(result)
    }

    /// As [`Store::read`], of what is on the disk now: a connection that has been used remembers pages.
    fn read_from_disk<T>(
        &self,
        body: impl FnOnce(&ReadTransaction<'_>) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let connection = self.noted(self.new_reader()).map_err(|error| error.at(&self.path));
        self.noted(read_in(&mut connection?, body))
    }

    /// The generation of the last committed write.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn generation(&self) -> Result<Generation, StorageError> {
        self.read(|read| read.generation())
    }

    /// A reading connection: one that was given back, else a new one.
    fn reader(&self) -> Result<Connection, StorageError> {
        let pooled = lock(&self.readers).pop();
        pooled.map_or_else(|| self.new_reader(), Ok)
    }

    fn new_reader(&self) -> Result<Connection, StorageError> {
        let connection = if self.unchanging {
            let address = inspect::immutable_uri(&self.path)?;
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
            connect(Path::new(&address), flags, &self.options)
        } else {
            connect(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY, &self.options)
        };
        // Whatever stands there now is another store than the one whose answers this one gives.
        self.in_place()?;
        connection
    }

    fn give_back(&self, connection: Connection) {
        lock(&self.readers).push(connection);
    }

    /// Runs a checkpoint when much of the write-ahead log is not in the database yet and no read snapshot is held. A
    /// failure is ignored: the next commit tries again.
    fn checkpoint(&self, writer: &Connection) {
        if self.read_snapshots.load(Ordering::SeqCst) > 0 {
            return;
        }
        if let Ok(Some(log)) = log::state(writer)
            && log.bytes_to_checkpoint(self.page) > CHECKPOINT_BYTES
        {
            let _state = log::checkpoint(writer);
        }
    }
}

/// One unchanging view of the store.
#[derive(Debug)]
pub struct ReadTransaction<'c> {
    connection: &'c Connection,
}

impl Drop for Store {
    fn drop(&mut self) {
        if self.acknowledged.is_some() {
            lock(&self.readers).clear();
            // The last connection moves what is in the log to the database, and removes it.
            drop(self.writer.take());
            if let Ok(false) = files::exists(&log::path(&self.path)) {
                drop(files::remove_file(&acknowledged_file(&self.path)));
            }
        }
    }
}

impl ReadTransaction<'_> {
    /// The size of the database, which is what a copy of it takes.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn size_bytes(&self) -> Result<u64, StorageError> {
        let pages: u64 = self.connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
        Ok(pages.saturating_mul(log::page_size(self.connection)?))
    }
}

fn read_in<T, E: ReadError>(
    connection: &mut Connection,
    body: impl FnOnce(&ReadTransaction<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let transaction = connection.transaction().map_err(StorageError::from)?;
    body(&ReadTransaction { connection: &transaction })
}

/// A panic while a connection was held rolled its transaction back; the connection itself is sound.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn refuse_old_sqlite() -> Result<(), StorageError> {
    let found = rusqlite::version_number();
    if found < OLDEST_SQLITE {
        return Err(StorageError::SqliteTooOld { found: rusqlite::version() });
    }
    Ok(())
}

fn connect(path: &Path, flags: OpenFlags, options: &StoreOptions) -> Result<Connection, StorageError> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    harden(&connection)?;
    connection.busy_timeout(options.busy_timeout)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", -8192)?;
    connection.set_prepared_statement_cache_capacity(64);
    // Otherwise this build of SQLite looks at every bound value for a better plan, and so compiles a statement anew
    // each time it is given other values.
    let _on = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

/// A database may come from anywhere: nothing that its schema says is trusted, and nothing changes the schema but
/// statements of ours. Cascades of foreign keys are two triggers deep.
pub(crate) fn harden(connection: &Connection) -> Result<(), StorageError> {
    let _off = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    let _on = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    let _before = connection.set_limit(Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 8)?;
    Ok(())
}

/// SQLite does not say why it could not open or make a file, such as the log beside a database, or write to it. Looking
/// at the rights does. That there is no room is told as any failure where it makes shared memory, and a quota that is used
/// up everywhere: writing a file there says so.
fn why_refused(path: &Path, error: StorageError) -> StorageError {
    use rusqlite::ErrorCode::{CannotOpen, PermissionDenied, ReadOnly, SystemIoFailure};
    let StorageError::Sqlite(cause) = &error else { return error };
    let refusals = [CannotOpen, PermissionDenied, ReadOnly, SystemIoFailure];
    let code = cause.sqlite_error_code();
    if code.is_some_and(|code| refusals.contains(&code)) && files::is_on_read_only_disk(path) {
        let source = io::ErrorKind::ReadOnlyFilesystem.into();
        return StorageError::File(FileError {
            action: "write to the disk of",
            path: path.to_owned(),
            source,
        });
    }
    if code.is_some_and(|code| refusals.contains(&code))
        && let Some(path) = with_sidecars(path).into_iter().find(|path| files::closed(path).is_some())
    {
        let source = io::ErrorKind::PermissionDenied.into();
        return StorageError::File(FileError { action: "open", path, source });
    }
    let bytes: &[u8] = match code {
        Some(CannotOpen) => &[],
        Some(SystemIoFailure) => &[1; PROBE_BYTES],
        _ => return error,
    };
    let probe = path.with_extension("probe");
    let written = files::write_synced(&probe, bytes);
    let removed = files::remove_file(&probe);
    match written.and(removed) {
        Err(full) if full.is_full() => StorageError::File(full),
        _ => error,
    }
}

/// The database, and what lies beside it while it is open or after its process was killed.
fn with_sidecars(database: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|ending| files::with_ending(database, ending))
}

/// The other processes that keep writers out of a database.
fn lock_holders(database: &Path) -> Vec<u32> {
    let mut holders: Vec<u32> =
        with_sidecars(database).iter().flat_map(|path| files::exclusive_lock_holders(path)).collect();
    holders.sort_unstable();
    holders.dedup();
    holders
}

/// What SQLite takes for shared memory at a time.
const PROBE_BYTES: usize = 32 << 10;

#[cfg(test)]
mod tests;
