//! Looks at a database file that nobody writes to, and leaves no trace: no sidecar, no change, no lock.

mod collections;

use std::path::Path;

use atocore_model::id::Generation;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};
use rusqlite::{Connection, OpenFlags};

pub use self::collections::{StoredCollection, collections, live_collections, vectors_shown};
use super::{
    ReadTransaction, StorageError, StoreRecord, damage, embeddings, facts, harden, migrate, read_snapshot,
    refuse_programs, schema,
};

/// What `PRAGMA integrity_check` complains about; empty when the database is whole.
///
/// # Errors
/// When the file cannot be opened as a database at all.
pub fn integrity(path: &Path) -> Result<Vec<String>, StorageError> {
    damage::complaints(&open(path)?, "integrity_check")
}

/// Rows whose foreign keys point nowhere, one line each.
///
/// # Errors
/// When the file cannot be opened as a database at all.
pub fn foreign_keys(path: &Path) -> Result<Vec<String>, StorageError> {
    lines(
        &open(path)?,
        "SELECT \"table\" || ' row ' || coalesce(rowid, '?') || ' points into ' || \"parent\" FROM pragma_foreign_key_check",
    )
}

/// What is wrong with the vectors, one line each; empty for a store from before there were any.
///
/// A vector is as long as its model makes them and holds nothing but numbers, and a passage leads to it by the digest
/// of its own text.
///
/// # Errors
/// When the file cannot be opened as a database at all.
pub fn vectors(path: &Path) -> Result<Vec<String>, StorageError> {
    let connection = open(path)?;
    let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version < migrate::SCHEMA_WITH_VECTORS { Ok(Vec::new()) } else { embeddings::complaints(&connection) }
}

/// What is wrong with the facts, one line each; empty for a store from before there were any.
///
/// Every fact is what the last line of its journal says.
///
/// # Errors
/// When the file cannot be opened as a database at all, or a fact cannot be read.
pub fn facts(path: &Path) -> Result<Vec<String>, StorageError> {
    let connection = open(path)?;
    let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version < migrate::SCHEMA_WITH_FACTS { Ok(Vec::new()) } else { facts::complaints(&connection) }
}

/// Whether the store in that file has the tables, indexes, views and triggers of its version of the schema, and no others.
///
/// # Errors
/// [`StorageError::Schema`] when it has not; or when it is not a store of AtoCore, or one of a newer schema.
pub fn schema(path: &Path) -> Result<(), StorageError> {
    checked(path).map(drop)
}

/// Whether the database of another program in that file has tables and indexes only.
///
/// # Errors
/// [`StorageError::Program`] when it has not; or when the file cannot be opened as a database at all.
pub fn has_no_programs(path: &Path) -> Result<(), StorageError> {
    refuse_programs(&open(path)?)
}

/// What the store in that file says of itself.
///
/// # Errors
/// When it is not a store of AtoCore, or one of a newer schema.
pub fn record(path: &Path) -> Result<StoreRecord, StorageError> {
    read_snapshot::read_record(&checked(path)?)
}

/// Opens a store that is what it says.
fn checked(path: &Path) -> Result<Connection, StorageError> {
    let connection = open(path)?;
    match migrate::check(&connection)? {
        0 => Err(StorageError::Foreign),
        version => {
            schema::compare(&connection, version)?;
            Ok(connection)
        }
    }
}

/// The last generation that the history of the store in that file shares with that of an open one; `None` when they
/// share nothing.
///
/// # Errors
/// When it is not a store of AtoCore, or one of the two cannot be read.
pub fn last_shared_generation(
    path: &Path,
    open_store: &ReadTransaction<'_>,
) -> Result<Option<Generation>, StorageError> {
    let connection = checked(path)?;
    let other = ReadTransaction { connection: &connection };
    let shares = |generation: u64| -> Result<bool, StorageError> {
        let token = open_store.token(Generation(generation))?;
        Ok(token.is_some() && token == other.token(Generation(generation))?)
    };
    // Histories share their beginning and part once.
    let (mut shared, mut end) = (0, open_store.generation()?.0.min(other.generation()?.0) + 1);
    while end - shared > 1 {
        let middle = shared + (end - shared) / 2;
        if shares(middle)? {
            shared = middle;
        } else {
            end = middle;
        }
    }
    Ok((shared > 0).then_some(Generation(shared)))
}

/// Opens the file as one that cannot change: SQLite then neither locks it nor looks for a log beside it.
fn open(path: &Path) -> Result<Connection, StorageError> {
    if !path.is_file() {
        return Err(StorageError::Missing(path.to_owned()));
    }
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(immutable_uri(path)?, flags)?;
    harden(&connection)?;
    let _objects: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(connection)
}

/// What is escaped in the path of an address.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_').remove(b'~');

/// The `file:` address of an absolute path, with everything escaped that has a meaning there.
pub(super) fn immutable_uri(path: &Path) -> Result<String, StorageError> {
    let absolute = std::path::absolute(path).map_err(|source| crate::files::FileError {
        action: "find",
        path: path.to_owned(),
        source,
    })?;
    let path = percent_encoding::percent_encode(absolute.as_os_str().as_encoded_bytes(), ESCAPED);
    Ok(format!("file://{path}?immutable=1"))
}

fn lines(connection: &Connection, sql: &str) -> Result<Vec<String>, StorageError> {
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
