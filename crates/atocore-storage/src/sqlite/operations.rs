//! The operation log: what changed, when, through which interface; and the store versions of its history.

use atocore_model::{
    id::{Generation, StoreVersion},
    time::Timestamp,
};
use rusqlite::{Connection, OptionalExtension};

use super::{ReadTransaction, StorageError, damage, read_snapshot, read_snapshot::StoreRecord};

/// The interface of background work.
pub const BACKGROUND: &str = "engine";

/// What a write transaction is for.
#[derive(Debug, Clone, Copy)]
pub struct LoggedOperation<'a> {
    /// The interface it came through: `cli`, `http`.
    pub interface: &'a str,
    /// What is done: `refresh`.
    pub action: &'a str,
    /// To what: `project notes`.
    pub subject: &'a str,
}

/// Moves the store one generation on, beyond `former` in any case, and writes the line of the log.
pub(super) fn append(
    connection: &Connection,
    operation: &LoggedOperation<'_>,
    former: Generation,
    now: Timestamp,
) -> Result<StoreVersion, StorageError> {
    let mut update = connection.prepare_cached(
        "UPDATE store SET generation = max(generation, ?1) + 1 WHERE id = 1 RETURNING generation",
    )?;
    let generation: u64 = update.query_row([former.0], |row| row.get(0))?;
    let token = random_u64()? >> 1;
    connection
        .prepare_cached(
            "INSERT INTO operations (generation, token, at, interface, action, subject) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute((generation, token, now.to_string(), operation.interface, operation.action, operation.subject))?;
    Ok(StoreVersion { generation: Generation(generation), token })
}

impl ReadTransaction<'_> {
    /// The id of the store: random, and the same for as long as it lives, in its snapshots too.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn store_id(&self) -> Result<String, StorageError> {
        let mut statement = self.connection.prepare_cached("SELECT store_id FROM store WHERE id = 1")?;
        Ok(statement.query_row([], |row| row.get(0))?)
    }

    /// The generation of this view.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn generation(&self) -> Result<Generation, StorageError> {
        let mut statement = self.connection.prepare_cached("SELECT generation FROM store WHERE id = 1")?;
        Ok(Generation(statement.query_row([], |row| row.get(0))?))
    }

    /// Where in its history this view is.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn version(&self) -> Result<StoreVersion, StorageError> {
        let generation = self.generation()?;
        let token = self.token(generation)?.unwrap_or_default();
        Ok(StoreVersion { generation, token })
    }

    /// Whether `version` is a point in the history of this store.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn has(&self, version: StoreVersion) -> Result<bool, StorageError> {
        Ok(self.token(version.generation)?.unwrap_or_default() == version.token
            && version.generation <= self.generation()?)
    }

    /// What the store says of itself.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn record(&self) -> Result<StoreRecord, StorageError> {
        read_snapshot::read_record(self.connection)
    }

    /// What was done after a generation: each action and how often, by action.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn operations_since(&self, generation: Generation) -> Result<Vec<(String, u64)>, StorageError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT action, count(*) FROM operations WHERE generation > ?1 GROUP BY action ORDER BY action",
        )?;
        let rows = statement.query_map([generation.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The last change that somebody asked for; what AtoCore does by itself, such as making vectors, is none.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn last_asked_change(&self) -> Result<Generation, StorageError> {
        // The log is not searched through: the newest lines are looked at first.
        let mut statement = self.connection.prepare_cached(
            "SELECT generation FROM operations WHERE interface <> ?1 ORDER BY generation DESC LIMIT 1",
        )?;
        let last: Option<u64> = statement.query_row([BACKGROUND], |row| row.get(0)).optional()?;
        Ok(Generation(last.unwrap_or_default()))
    }

    /// What SQLite's own check complains about; empty when the store is whole. Reads all of it.
    ///
    /// # Errors
    /// When the store cannot be read at all.
    pub fn integrity(&self) -> Result<Vec<String>, StorageError> {
        damage::complaints(self.connection, "integrity_check")
    }

    pub(super) fn token(&self, generation: Generation) -> Result<Option<u64>, StorageError> {
        let mut statement =
            self.connection.prepare_cached("SELECT token FROM operations WHERE generation = ?1")?;
        Ok(statement.query_row([generation.0], |row| row.get(0)).optional()?)
    }
}

/// The name of a new store; two stores never share one.
pub(super) fn new_store_id() -> Result<String, StorageError> {
    Ok(format!("store_{:016x}{:016x}", random_u64()?, random_u64()?))
}

pub(super) fn random_u64() -> Result<u64, StorageError> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(StorageError::Random)?;
    Ok(u64::from_le_bytes(bytes))
}
