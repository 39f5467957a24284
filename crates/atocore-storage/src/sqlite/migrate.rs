//! Brings a store to the schema of this program; refuses one that is newer.

mod text_digests;

use rusqlite::Connection;

use super::StorageError;

/// Every step in order; step n makes schema n + 1.
const MIGRATIONS: &[Migration] = &[
    Migration { sql: include_str!("migrations/0001_initial.sql"), fill: None },
    Migration { sql: include_str!("migrations/0002_embeddings.sql"), fill: Some(text_digests::fill) },
    Migration { sql: include_str!("migrations/0003_facts.sql"), fill: None },
    Migration { sql: include_str!("migrations/0004_documents.sql"), fill: None },
    Migration { sql: include_str!("migrations/0005_locations.sql"), fill: None },
    Migration { sql: include_str!("migrations/0006_links.sql"), fill: None },
    Migration { sql: include_str!("migrations/0007_questions.sql"), fill: None },
    Migration { sql: include_str!("migrations/0008_commit_dates.sql"), fill: None },
];

/// One step: statements, and what cannot be said in them.
struct Migration {
    sql: &'static str,
    fill: Option<Fill>,
}

/// The statements that make a schema, in order.
pub(super) fn statements(version: u32) -> impl Iterator<Item = &'static str> {
    MIGRATIONS.iter().take(version as usize).map(|step| step.sql)
}

type Fill = fn(&Connection) -> Result<(), StorageError>;

/// The schema that this program reads and writes.
pub const SCHEMA_VERSION: u32 = MIGRATIONS.len() as u32;

/// The first schema that has vectors.
pub(super) const SCHEMA_WITH_VECTORS: u32 = 2;

/// The first schema that has facts.
pub(super) const SCHEMA_WITH_FACTS: u32 = 3;

/// Marks the file as a store of AtoCore in SQLite's header: the letters `AtoC`.
pub(crate) const APPLICATION_ID: i32 = 0x4174_6f43;

/// The schema version of an open database; 0 for an empty one.
///
/// # Errors
/// When it is no database, belongs to another program, is newer than this program, or its header is damaged.
pub(super) fn check(connection: &Connection) -> Result<u32, StorageError> {
    let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let objects: u32 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application != APPLICATION_ID && (application != 0 || objects > 0) {
        return Err(StorageError::Foreign);
    }
    if version == 0 && objects > 0 {
        return Err(StorageError::damaged("its header says that it is empty, and it has tables"));
    }
    if version > SCHEMA_VERSION {
        return Err(StorageError::Newer { found: version, known: SCHEMA_VERSION });
    }
    Ok(version)
}

/// Applies the missing steps in one transaction and returns whether there were any.
///
/// # Errors
/// As [`check`], and when a step fails; the store is then as it was.
pub(super) fn migrate(connection: &mut Connection, store_id: &str, now: &str) -> Result<bool, StorageError> {
    let version = check(connection)?;
    if version == SCHEMA_VERSION {
        return Ok(false);
    }
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    for step in &MIGRATIONS[version as usize..] {
        transaction.execute_batch(step.sql)?;
        step.fill.map_or(Ok(()), |fill| fill(&transaction))?;
    }
    if version == 0 {
        transaction.execute(
            "INSERT INTO store (id, store_id, generation, created_at) VALUES (1, ?1, 0, ?2)",
            (store_id, now),
        )?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    transaction.commit()?;
    Ok(true)
}
