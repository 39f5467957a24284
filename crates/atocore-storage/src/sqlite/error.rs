//! What can go wrong with the machine store.

use std::path::{Path, PathBuf};

use atocore_model::{error::ErrorCode, id::Generation};

use crate::{
    files::{Displaced, FileError},
    locks::processes_in_words,
};

/// A failure of the machine store.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// There is no store at that place.
    #[error("no store at `{}`", .0.display())]
    Missing(PathBuf),
    /// The database belongs to another program.
    #[error("the database is not a store of AtoCore")]
    Foreign,
    /// The database is a store of this program, where one of the original was to be.
    #[error("the database is a store of this program, not of the original")]
    NotOriginal,
    /// The store was written by a newer program.
    #[error("the store has schema {found}, this program knows up to {known}")]
    Newer {
        /// Its schema.
        found: u32,
        /// The newest that this program knows.
        known: u32,
    },
    /// The store has to be upgraded before it can be read.
    #[error("the store has schema {found} and must be upgraded to {known} first")]
    Older {
        /// Its schema.
        found: u32,
        /// The one that this program needs.
        known: u32,
    },
    /// The library can damage a store.
    #[error("SQLite {found} can damage a store, 3.51.3 or newer is needed")]
    SqliteTooOld {
        /// Its version.
        found: &'static str,
    },
    /// The database has other tables, indexes, views or triggers than its version of the schema makes.
    #[error("the schema of the store is not that of version {version}: {what}")]
    Schema {
        /// The version that the store says it has.
        version: u32,
        /// What is there and should not be, is another than it should be, or is missing.
        what: String,
    },
    /// The database of another program brings what SQLite runs when it is asked or written to.
    #[error("it must not have the {0}")]
    Program(String),
    /// A write to a store that was opened for reading.
    #[error("the store is open for reading only")]
    ReadOnly,
    /// The file is there and is not a database, or a damaged one.
    #[error("the store is damaged")]
    Damaged(#[source] rusqlite::Error),
    /// The database does not hold the last change that was acknowledged.
    #[error("the store has lost changes: generation {acknowledged} was acknowledged, and `{}` has generation {found}", database.display())]
    ChangesLost {
        /// The last one that was acknowledged.
        acknowledged: Generation,
        /// The one that is there.
        found: Generation,
        /// The database.
        database: PathBuf,
    },
    /// The disk has no room.
    #[error("the disk{} is full", database.as_ref().map(|path| format!(" of the store `{}`", path.display())).unwrap_or_default())]
    Full {
        /// The database; `None` where that is not known.
        database: Option<PathBuf>,
        /// What SQLite says.
        #[source]
        source: rusqlite::Error,
    },
    /// A file of the store is not any more where it was opened: what was written now would be lost.
    #[error("the store is gone: {0}")]
    Gone(#[from] Displaced),
    /// Another program has a lock on the database.
    #[error("the database is locked by {}", processes_in_words(holders))]
    Busy {
        /// Its processes, where the system tells them.
        holders: Vec<u32>,
        /// What SQLite says.
        #[source]
        source: rusqlite::Error,
    },
    /// A process was killed in the middle of a write, and only one that may write can roll it back.
    #[error("the store was left in the middle of a write")]
    Unfinished(#[source] rusqlite::Error),
    /// SQLite refused.
    #[error("the store cannot be used")]
    Sqlite(#[source] rusqlite::Error),
    /// A stored value is not what it must be.
    #[error("the store holds {what} that cannot be read: `{value}`")]
    Value {
        /// What it was meant to be.
        what: &'static str,
        /// The value.
        value: String,
    },
    /// The log grew too large while a snapshot was being copied.
    #[error("the write-ahead log grew to {bytes} bytes during the copy, the limit is {limit}")]
    LogTooLarge {
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// The process that copies the database failed.
    #[error("the copying process failed: {0}")]
    Copier(String),
    /// The caller cancelled.
    #[error("cancelled")]
    Cancelled,
    /// No random numbers from the system.
    #[error("the system gives no random numbers: {0}")]
    Random(getrandom::Error),
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FileError),
}

impl StorageError {
    /// The store is damaged in the way that `why` says.
    #[must_use]
    pub fn damaged(why: &str) -> Self {
        let corrupt = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
        Self::Damaged(rusqlite::Error::SqliteFailure(corrupt, Some(why.to_owned())))
    }

    /// The error code that every interface reports.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Missing(_) => ErrorCode::StoreMissing,
            Self::Newer { .. } => ErrorCode::StoreNewer,
            Self::SqliteTooOld { .. } => ErrorCode::SqliteTooOld,
            Self::Foreign
            | Self::Schema { .. }
            | Self::Program(_)
            | Self::Damaged(_)
            | Self::ChangesLost { .. }
            | Self::Value { .. }
            | Self::Older { .. } => ErrorCode::StoreDamaged,
            Self::NotOriginal => ErrorCode::InvalidRequest,
            Self::Full { .. } => ErrorCode::DiskFull,
            Self::Gone(_) => ErrorCode::StoreGone,
            Self::Busy { .. } => ErrorCode::StoreBusy,
            Self::File(error) if error.is_full() => ErrorCode::DiskFull,
            Self::File(_)
            | Self::Sqlite(_)
            | Self::Unfinished(_)
            | Self::Copier(_)
            | Self::LogTooLarge { .. } => ErrorCode::Io,
            Self::Cancelled => ErrorCode::Cancelled,
            Self::ReadOnly | Self::Random(_) => ErrorCode::Internal,
        }
    }
}

/// An error of a read of the store, which tells whether it comes of damage.
pub trait ReadError: From<StorageError> {
    /// What SQLite met that no sound database holds; `None` when it met nothing of the kind.
    fn damage(&self) -> Option<String>;
}

impl<E: From<StorageError> + std::error::Error + 'static> ReadError for E {
    fn damage(&self) -> Option<String> {
        let first: &(dyn std::error::Error + 'static) = self;
        let mut causes = std::iter::successors(Some(first), |error| error.source());
        causes.find_map(|cause| cause.downcast_ref().filter(|met| is_damage(met)).map(ToString::to_string))
    }
}

/// Whether no sound database gives that error: its pages do not hang together, or a row is not what was written.
fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::{Error, ErrorCode};
    match error {
        // Every row that may be missing is asked for as one.
        Error::QueryReturnedNoRows
        | Error::FromSqlConversionFailure(..)
        | Error::IntegralValueOutOfRange(..)
        | Error::Utf8Error(..)
        | Error::InvalidColumnType(..) => true,
        error => {
            matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
        }
    }
}

/// An error of a write to the store, which can be told the file that it is about.
pub trait WriteError: ReadError {
    /// The same error, which names the database where it is the disk that is at fault.
    #[must_use]
    fn at(self, database: &Path) -> Self;
}

impl WriteError for StorageError {
    fn at(self, database: &Path) -> Self {
        match self {
            Self::Full { database: None, source } => {
                Self::Full { database: Some(database.to_owned()), source }
            }
            Self::Busy { source, .. } => Self::Busy { holders: super::lock_holders(database), source },
            error => super::why_refused(database, error),
        }
    }
}

impl From<rusqlite::Error> for StorageError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::{ErrorCode as Sqlite, ffi};
        if let Some(ffi::Error { extended_code, .. }) = error.sqlite_error()
            && matches!(*extended_code, ffi::SQLITE_READONLY_ROLLBACK | ffi::SQLITE_READONLY_RECOVERY)
        {
            return Self::Unfinished(error);
        }
        match error.sqlite_error_code() {
            Some(Sqlite::DatabaseBusy | Sqlite::DatabaseLocked) => {
                Self::Busy { holders: Vec::new(), source: error }
            }
            Some(Sqlite::DiskFull) => Self::Full { database: None, source: error },
            _ if is_damage(&error) => Self::Damaged(error),
            _ => Self::Sqlite(error),
        }
    }
}
